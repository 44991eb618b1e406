// Notices: what a worker tells the control thread about its SAs. Whoever sends packets can cause some of them at will,
// so of those only so many a second are told and the rest are counted.
#pragma once

#include <cstdint>
#include <utility>

#include "packet/counters.h"
#include "sa/sa.h"
#include "state/ring.h"
#include "state/token_bucket.h"

namespace spigrp {

enum class NoticeKind : uint32_t { kLifetime, kSequenceNear, kAuthenticationFailed, kReplay, kSequenceExhausted };

struct Notice {
  SaId id;
  IpAddress source;  // of the packet; not of kLifetime, kSequenceNear
  NoticeKind kind;
  uint64_t sequence;  // kReplay: the packet's
};

inline constexpr uint32_t kNoticeQueue = 1024;
inline constexpr uint64_t kNoticesPerSecond = 100;  // of what packets from outside can cause

class Notices {
 public:
  Notices(Ring<Notice> ring, uint64_t tsc_hz) : ring_(std::move(ring)), bucket_(kNoticesPerSecond, tsc_hz) {}

  // worker: the control thread should look at the SA's lifetime. Told again by the next packet until there is room.
  void tell_of_lifetime(Sa& sa) noexcept {
    const uint8_t untold = sa.lifetime->untold();
    if (untold == 0) return;
    if (ring_.push({sa.id, {}, NoticeKind::kLifetime, 0})) sa.lifetime->note_told(untold);
  }
  // worker: the SA's sequence number comes near its limit. Where the queue is full, the control thread finds out
  // itself.
  void tell_of_sequence(Sa& sa) noexcept {
    if (sa.sequence.asks()) ring_.push({sa.id, {}, NoticeKind::kSequenceNear, 0});
  }
  // worker
  void tell_of_packet(const Notice& notice, uint64_t now_tsc) noexcept {
    if (!bucket_.take(now_tsc) || !ring_.push(notice)) untold_.add(1);
  }

  // control
  uint16_t take(Notice* notices, uint16_t count) noexcept { return ring_.pop(notices, count); }
  uint64_t untold() const noexcept { return untold_.value(); }  // since the start

 private:
  Ring<Notice> ring_;
  TokenBucket bucket_;
  Counter untold_;  // worker: rw, control: ro
};

}  // namespace spigrp
