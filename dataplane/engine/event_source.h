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
  // The same while the newest versions of the tables are not to be looked at: what lifetimes have reached waits.
  void poll_aside();
  void add(Event event) noexcept;  // one for which there is no memory counts as not told
  // All since the last call.
  std::vector<Event> take();
  // SAs whose sequence numbers came near their limits since the last call.
  std::vector<SaId> take_near_limit() { return std::exchange(near_limit_, {}); }

 private:
  template <class Take>
  void take_notices(Take take);
  void take_notice(const Notice& notice);
  void look_at_lifetime(const SaId& id, uint64_t now_tsc);
  void tell_reached(const Sa& sa, const Lifetime::Reached& reached);

  SaTables& sas_;
  std::vector<Notices*> workers_;  // by worker
  uint64_t untold_by_workers_ = 0;
  std::vector<Event> events_;
  uint64_t lost_ = 0;
  std::vector<SaId> near_limit_;
  std::vector<SaId> lifetimes_to_look_at_;
};

}  // namespace spigrp
