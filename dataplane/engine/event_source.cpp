// See event_source.h.
#include "engine/event_source.h"

#include <algorithm>
#include <new>
#include <utility>

#include "packet/burst.h"

namespace spigrp {

template <class Take>
void EventSource::take_notices(Take take) {
  uint64_t untold = 0;
  for (Notices* worker : workers_) {
    Notice notices[kBurstCapacity];
    // As much as can have been there at the start: the worker may refill faster than this empties.
    for (uint32_t left = kNoticeQueue; left > 0;) {
      const uint16_t count = worker->take(notices, kBurstCapacity);
      if (count == 0) break;
      for (uint16_t i = 0; i < count; ++i) {
        try {
          take(notices[i]);
        } catch (const std::bad_alloc&) {
          ++lost_;
        }
      }
      left -= std::min<uint32_t>(left, count);
    }
    untold += worker->untold();
  }
  lost_ += untold - std::exchange(untold_by_workers_, untold);
}

void EventSource::poll(uint64_t now_tsc) {
  for (const SaId& id : std::exchange(lifetimes_to_look_at_, {})) look_at_lifetime(id, now_tsc);
  take_notices([&](const Notice& notice) {
    if (notice.kind == NoticeKind::kLifetime) return look_at_lifetime(notice.id, now_tsc);
    take_notice(notice);
  });
  sas_.lifetimes().poll(now_tsc, kMaxExpiriesAtOnce,
                        [this](const Sa& sa, const Lifetime::Reached& reached) { tell_reached(sa, reached); });
}

// A worker tells again of a lifetime for which its queue has no room.
void EventSource::poll_aside() {
  if (lifetimes_to_look_at_.size() >= kMaxEventsKept) return;
  take_notices([&](const Notice& notice) {
    if (notice.kind == NoticeKind::kLifetime) return lifetimes_to_look_at_.push_back(notice.id);
    take_notice(notice);
  });
}

void EventSource::look_at_lifetime(const SaId& id, uint64_t now_tsc) {
  const SaEntry* entry = sas_.newest(id);
  if (entry == nullptr || entry->sa == nullptr) return;  // it has been deleted meanwhile
  sas_.lifetimes().look_at(*entry->sa, now_tsc,
                           [this](const Sa& sa, const Lifetime::Reached& reached) { tell_reached(sa, reached); });
}

void EventSource::take_notice(const Notice& notice) {
  switch (notice.kind) {
    case NoticeKind::kLifetime:
      return;  // see look_at_lifetime()
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

void EventSource::add(Event event) noexcept {
  if (events_.size() == kMaxEventsKept) {
    ++lost_;
    return;
  }
  try {
    events_.push_back(std::move(event));
  } catch (const std::bad_alloc&) {
    ++lost_;
  }
}

std::vector<Event> EventSource::take() {
  if (lost_ > 0) {
    events_.emplace_back(LostEvent{lost_});
    lost_ = 0;
  }
  return std::exchange(events_, {});
}

}  // namespace spigrp
