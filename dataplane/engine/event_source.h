// EventSource: what the workers tell (transform/notices.h) and what the clock brings, made into events for the control
// thread's clients. Control thread only. It keeps only so many that nobody has taken, and counts the others.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "config/event.h"
#include "sa/sa_tables.h"
#include "transform/notices.h"

namespace spigrp {

inline constexpr size_t kMaxEventsKept = 16384;
inline constexpr size_t kMaxExpiriesAtOnce = 4096;  // of one poll; the others at the next

class EventSource {
 public:
  EventSource(SaTables& sas, std::vector<Notices*> workers) : sas_(sas), workers_(std::move(workers)) {}

  void poll(uint64_t now_tsc);
  void add(Event event);
  // All since the last call.
  std::vector<Event> take();
  // SAs whose sequence numbers came near their limits since the last call.
  std::vector<SaId> take_near_limit() { return std::exchange(near_limit_, {}); }

 private:
  void take_notice(const Notice& notice, uint64_t now_tsc);
  void tell_reached(const Sa& sa, const Lifetime::Reached& reached);

  SaTables& sas_;
  std::vector<Notices*> workers_;  // by worker
  uint64_t untold_by_workers_ = 0;
  std::vector<Event> events_;
  uint64_t lost_ = 0;
  std::vector<SaId> near_limit_;
};

}  // namespace spigrp
