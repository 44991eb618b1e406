// Worker: one thread's whole packet path, from a port's receive queue to a port's transmit queue. process() handles a
// burst wherever it comes from, so that tests and benchmarks can drive a worker without a thread or a NIC.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "config/options.h"
#include "engine/forwarding.h"
#include "engine/network.h"
#include "transform/worker_context.h"

namespace spigrp {

// What one worker is made of besides the network.
struct WorkerParts {
  uint16_t id;
  std::unique_ptr<CryptoEngine> crypto;
  Ring<Notice> notices;
  BufferPools buffers;
  std::vector<WorkerQueues>& queues;  // of all workers
  uint32_t flow_cache_entries;        // a power of two
  uint32_t max_fragments;             // held for reassembly
};

struct WorkerCycles {  // worker: rw, control: ro; TSC
  Counter busy, idle, bursts;
};

class Worker {
 public:
  Worker(const Network& network, WorkerParts parts);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Takes `count` Ethernet frames that came in at a port all the way: whatever leaves is handed to the ports, and SAs
  // and eroutes have been told of their use.
  void process(uint16_t port, rte_mbuf** frames, uint16_t count) noexcept;
  // One round over the queues that are this worker's; returns how many packets it found.
  uint32_t poll() noexcept;
  // The part of poll() that takes over frames from the control thread and from workers without a queue of their own.
  uint32_t send_frames_of_others() noexcept;
  // The part of poll() that routes packets which an eroute to %hold kept until it ended; returns how many.
  uint32_t resume_held() noexcept;
  // Drops what it holds. The thread that polled has ended.
  void end() noexcept { inbound_.reassembly().clear(DropReason::shutting_down); }
  // One round of run(): poll(), having let go of what was found in earlier bursts unless something of it is still to be
  // told to its SA.
  uint32_t turn() noexcept;
  // Polls until told to stop; in between it sleeps as the policy says.
  void run(IdlePolicy idle, const std::atomic<bool>& stopping) noexcept;

  uint16_t id() const noexcept { return context_.id; }
  const CryptoEngine& crypto() const noexcept { return *crypto_; }
  const PacketCounters& counters() const noexcept { return counters_; }
  const WorkerCycles& cycles() const noexcept { return cycles_; }
  Notices& notices() noexcept { return notices_; }  // control: takes them

 private:
  void begin_burst() noexcept;
  void process_burst(uint16_t port, rte_mbuf** frames, uint16_t count) noexcept;
  void route() noexcept;
  uint32_t send_from(Ring<Frame>& ring) noexcept;
  void sleep(uint32_t ns) noexcept;

  const Network& network_;
  std::unique_ptr<CryptoEngine> crypto_;
  Deflate deflate_;
  Notices notices_;
  std::vector<WorkerQueues>& queues_;
  PacketCounters counters_;
  WorkerCycles cycles_;
  DeferredUses deferred_;
  WorkerContext context_;
  Transmitter transmitter_;
  LocalDelivery local_;
  Outbound outbound_;
  Inbound inbound_;
  Forwarding forwarding_;
  PlainBurst plain_, next_;
};

}  // namespace spigrp
