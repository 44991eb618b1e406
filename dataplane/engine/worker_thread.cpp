// See worker_thread.h.
#include "engine/worker_thread.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>

namespace spigrp {
namespace {

constexpr unsigned long kTimerSlackNs = 1'000;  // or an idle worker would sleep 50 µs longer than it asks for

// A kernel thread name has 15 characters.
std::string thread_name(uint16_t worker) {
  return "spigrp-w" + std::to_string(worker);
}

}  // namespace

Expected<void> WorkerThread::start() {
  const std::string object = "worker " + std::to_string(worker_.id());
  if (core_ >= 0) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0 && !CPU_ISSET(static_cast<size_t>(core_), &allowed)) {
      return failure(object, "core " + std::to_string(core_) + " is not one that this process may use",
                     "name another in workers.cores");
    }
  }
  // initialise_eal makes one lcore a worker, from 1; the main lcore is the control thread's.
  const unsigned lcore = worker_.id() + 1u;
  if (lcore < RTE_MAX_LCORE && lcore != rte_get_main_lcore() && rte_lcore_is_enabled(lcore) != 0 &&
      rte_eal_remote_launch(&WorkerThread::lcore_main, this, lcore) == 0) {
    lcore_ = lcore;
    return {};
  }
  try {
    thread_ = std::thread(&WorkerThread::thread_main, this);
  } catch (const std::system_error& error) {
    return failure(object, std::string("its thread does not start: ") + error.what());
  }
  return {};
}

void WorkerThread::stop() noexcept {
  stopping_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
  if (lcore_) rte_eal_wait_lcore(*lcore_);
  lcore_.reset();
}

int WorkerThread::lcore_main(void* self) noexcept {
  static_cast<WorkerThread*>(self)->run();
  return 0;
}

void WorkerThread::thread_main() noexcept {
  const bool registered = rte_thread_register() == 0;  // fails with secondary processes; then without buffer caches
  run();
  if (registered) rte_thread_unregister();
}

void WorkerThread::run() noexcept {
  pthread_setname_np(pthread_self(), thread_name(worker_.id()).c_str());
  prctl(PR_SET_TIMERSLACK, kTimerSlackNs);
  if (core_ >= 0) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<size_t>(core_), &one);
    pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
  }
  worker_.run(idle_, stopping_);
}

}  // namespace spigrp
