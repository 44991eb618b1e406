// TrapMaker: what the control thread does with packets that met an eroute to %trap or %trapsubnet: it puts a %hold for
// the flow in place, which keeps the packet, and tells of it; and it gives up holds that nothing has replaced in time.
// What holds kept goes to a worker when they end, which routes it as of then (Worker::resume_held).
// While a transaction is being made that takes long, holds wait for its end, but nobody waits to be told: of each flow
// that met a trap since, the last packet is kept here.
// Control thread only. At most one transaction a poll.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "engine/event_source.h"
#include "engine/network.h"
#include "engine/punt.h"
#include "transform/worker_context.h"

namespace spigrp {

class SaEdit;

inline constexpr size_t kMaxTrapHolds = 1024;  // with those that wait
inline constexpr size_t kMaxTrapsMet = 1024;   // packets, from one poll to the next
inline constexpr uint64_t kTrapHoldNs = 30'000'000'000;

class TrapMaker {
 public:
  // `context` is that of the control thread.
  TrapMaker(const Network& network, std::vector<WorkerQueues>& queues, EventSource& events,
            WorkerContext& context) noexcept
      : network_(network), queues_(queues), events_(events), context_(context) {}

  // A packet that a worker punted: it begins at its IP header, and its buffer names the port that it was received on.
  // It waits for a poll, among so many at most.
  void take(rte_mbuf* packet);
  // Serves what was taken, and gives up what is due. True: it published.
  bool poll(uint64_t now_ns);
  // In the midst of a transaction: tells of what was taken, by the tables as they are published, and keeps it for
  // poll().
  void poll_aside();
  // A packet that was taken over goes to a worker, at the end of the next poll, as what holds have kept.
  void route_anew(rte_mbuf* packet) noexcept;
  // Drops what is held, everywhere, as shutting_down. The workers have ended.
  void end() noexcept;

 private:
  // What a packet met.
  struct Met {
    Selector flow, trap;
    uint64_t trap_number;  // of the edit that set it
  };
  // A flow whose hold waits.
  struct Noted {
    rte_mbuf* packet;
    uint64_t told_of;  // trap_number; 0: of none
  };
  struct NewHold {
    Selector flow, trap;
    std::vector<rte_mbuf*> packets;
    bool is_told;
  };
  struct Due {
    uint64_t at_ns;
    Selector flow;
    uint64_t made_by;
  };

  std::optional<Met> sort_out(rte_mbuf* packet);
  template <class Serve>
  void serve_met(Serve serve);
  // Where these throw, the packet is the caller's still.
  void note(rte_mbuf* packet);
  void hold(const Noted& noted, std::vector<NewHold>& holds);
  void make(std::vector<NewHold>& holds, uint64_t now_ns);
  bool stage(SaEdit& edit, std::vector<NewHold>& holds, uint64_t now_ns);
  void expire(uint64_t now_ns);
  void keep(HeldPacket& held, rte_mbuf* packet) noexcept;
  void serve_released() noexcept;
  void let_go(rte_mbuf* packet) noexcept;
  bool resume(rte_mbuf* packet) noexcept;

  const Network& network_;
  std::vector<WorkerQueues>& queues_;
  EventSource& events_;
  WorkerContext& context_;
  std::deque<rte_mbuf*> met_;                                // counted as taken over
  std::unordered_map<Selector, Noted, SelectorHash> noted_;  // by flow; counted as taken over
  std::vector<rte_mbuf*> going_;                             // to workers; not counted as taken over
  std::deque<Due> due_;                                      // in the order of time
  size_t next_worker_ = 0;
  bool published_ = false;
};

}  // namespace spigrp
