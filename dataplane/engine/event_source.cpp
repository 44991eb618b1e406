// See event_source.h.
#include "engine/event_source.h"

#include <algorithm>
#include <utility>

#include "packet/burst.h"

namespace spigrp {

void EventSource::poll(uint64_t now_tsc) {
  uint64_t untold = 0;
  for (Notices* worker : workers_) {
    Notice notices[kBurstCapacity];
    // As much as can have been there at the start: the worker may refill faster than this empties.
    for (uint32_t left = kNoticeQueue; left > 0;) {
      const uint16_t count = worker->take(notices, kBurstCapacity);
      if (count == 0) break;
      for (uint16_t i = 0; i < count; ++i) take_notice(notices[i], now_tsc);
      left -= std::min<uint32_t>(left, count);
    }
    untold += worker->untold();
  }
  lost_ += untold - std::exchange(untold_by_workers_, untold);
  sas_.lifetimes().poll(now_tsc, kMaxExpiriesAtOnce,
                        [this](const Sa& sa, const Lifetime::Reached& reached) { tell_reached(sa, reached); });
}

void EventSource::take_notice(const Notice& notice, uint64_t now_tsc) {
  switch (notice.kind) {
    case NoticeKind::kLifetime: {
      const SaEntry* entry = sas_.newest(notice.id);
      if (entry == nullptr || entry->sa == nullptr) return;  // it has been deleted meanwhile
      return sas_.lifetimes().look_at(
          *entry->sa, now_tsc, [this](const Sa& sa, const Lifetime::Reached& reached) { tell_reached(sa, reached); });
    }
    case NoticeKind::kSequenceNear:
      return near_limit_.push_back(notice.id);
    case NoticeKind::kAuthenticationFailed:
      return add(AuthenticationFailureEvent{notice.id, notice.source});
    case NoticeKind::kReplay:
      return add(ReplayEvent{notice.id, notice.source, notice.sequence});
    case NoticeKind::kSequenceExhausted:
      return add(ExpireEvent{notice.id, "hard", "sequence", notice.sequence});
  }
}

void EventSource::tell_reached(const Sa& sa, const Lifetime::Reached& reached) {
  add(ExpireEvent{sa.id, reached.expiry == Expiry::kHard ? "hard" : "soft", std::string(reached.limit), reached.value});
}

void EventSource::add(Event event) {
  if (events_.size() == kMaxEventsKept) {
    ++lost_;
  } else {
    events_.push_back(std::move(event));
  }
}

std::vector<Event> EventSource::take() {
  if (const uint64_t lost = std::exchange(lost_, 0); lost > 0) events_.emplace_back(LostEvent{lost});
  return std::exchange(events_, {});
}

}  // namespace spigrp
