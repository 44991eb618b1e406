// TrapMaker: what the control thread does with packets that met an eroute to %trap or %trapsubnet: it puts a %hold for
// the flow in place, which keeps the packet, and tells of it; and it gives up holds that nothing has replaced in time.
// What holds kept goes to a worker when they end, which routes it as of then (Worker::resume_held).
// Control thread only. At most one transaction a poll.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "engine/event_source.h"
#include "engine/network.h"
#include "engine/punt.h"
#include "transform/worker_context.h"

namespace spigrp {

inline constexpr size_t kMaxTrapHolds = 1024;
inline constexpr size_t kMaxTrapsMet = 1024;  // packets, while a transaction is being made that takes long
inline constexpr uint64_t kTrapHoldNs = 30'000'000'000;

class TrapMaker {
 public:
  // `context` is that of the control thread.
  TrapMaker(const Network& network, std::vector<WorkerQueues>& queues, EventSource& events,
            WorkerContext& context) noexcept
      : network_(network), queues_(queues), events_(events), context_(context) {}

  // A packet that a worker punted: it begins at its IP header, and its buffer names the port that it was received on.
  // It waits for poll(), among so many at most.
  void take(rte_mbuf* packet);
  // Serves what was taken, and gives up what is due. True: it published.
  bool poll(uint64_t now_ns);
  // Drops what is held, everywhere, as shutting_down. The workers have ended.
  void end() noexcept;

 private:
  struct NewHold {
    Selector flow, trap;
    std::vector<rte_mbuf*> packets;
  };
  struct Due {
    uint64_t at_ns;
    Selector flow;
    uint64_t made_by;
  };

  void sort_out(rte_mbuf* packet, std::vector<NewHold>& holds);
  void make(std::vector<NewHold>& holds, uint64_t now_ns);
  void expire(uint64_t now_ns);
  void keep(HeldPacket& held, rte_mbuf* packet) noexcept;
  void serve_released() noexcept;
  bool resume(rte_mbuf* packet) noexcept;

  const Network& network_;
  std::vector<WorkerQueues>& queues_;
  EventSource& events_;
  WorkerContext& context_;
  std::deque<rte_mbuf*> met_;     // counted as taken over
  std::vector<rte_mbuf*> going_;  // to workers; not counted as taken over
  std::deque<Due> due_;           // in the order of time
  size_t next_worker_ = 0;
  bool published_ = false;
};

}  // namespace spigrp
