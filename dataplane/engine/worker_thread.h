// WorkerThread: the thread that a worker runs on: an lcore of EAL's where there is one for it, else a thread of its own
// that is registered with EAL, so that buffer caches work either way. Named "spigrp-w0", pinned where the options say.
#pragma once

#include <atomic>
#include <optional>
#include <thread>

#include "config/error.h"
#include "engine/worker.h"

namespace spigrp {

class WorkerThread {
 public:
  // `core` −1: not pinned.
  WorkerThread(Worker& worker, IdlePolicy idle, int core) noexcept : worker_(worker), idle_(idle), core_(core) {}
  ~WorkerThread() { stop(); }
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  // Errors: no such core, no thread.
  Expected<void> start();
  void stop() noexcept;  // waits until the worker has ended

 private:
  static int lcore_main(void* self) noexcept;
  void thread_main() noexcept;
  void run() noexcept;

  Worker& worker_;
  IdlePolicy idle_;
  int core_;
  std::atomic<bool> stopping_{false};
  std::optional<unsigned> lcore_;
  std::thread thread_;
};

}  // namespace spigrp
