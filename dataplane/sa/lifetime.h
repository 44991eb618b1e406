// Lifetime: what is left of an SA that may not be used for ever (RFC 4301 section 4.4.2.1). Workers take packets and
// bytes from it, exactly: never more than the hard limits. The clock is the TSC. That a limit is reached is told by the
// control thread, once for the first soft limit and once for the first hard one (lifetime_watch.h).
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "config/lifetime.h"

namespace spigrp {

// A number that is used up.
class Allowance {
 public:
  Allowance(uint64_t limit, uint64_t taken) noexcept
      : limit_(limit == 0 ? UINT64_MAX : limit), taken_(std::min(taken, limit_)) {}

  // worker: all of `amount` or, where so much is not left, nothing of it
  bool take(uint64_t amount) noexcept {
    uint64_t taken = taken_.load(std::memory_order_relaxed);
    // So far from the end that all workers together cannot get there meanwhile.
    if (limit_ - taken >= kFar) [[likely]] {
      taken_.fetch_add(amount, std::memory_order_relaxed);
      return true;
    }
    do {
      if (limit_ - taken < amount) return false;
    } while (!taken_.compare_exchange_weak(taken, taken + amount, std::memory_order_relaxed));
    return true;
  }
  // worker: so much is left that what all workers together take in a burst each does not use it up.
  bool is_far_from_end(uint64_t margin) const noexcept { return limit_ - taken() >= margin; }
  void give_back(uint64_t amount) noexcept { taken_.fetch_sub(amount, std::memory_order_relaxed); }
  uint64_t taken() const noexcept { return taken_.load(std::memory_order_relaxed); }
  bool has(uint64_t amount) const noexcept { return limit_ - taken() >= amount; }
  bool is_used_up() const noexcept { return taken() >= limit_; }

 private:
  static constexpr uint64_t kFar = uint64_t{1} << 32;  // more than the bytes of a burst of every worker there can be

  const uint64_t limit_;
  std::atomic<uint64_t> taken_;  // worker: rw, control: ro
};

enum class Expiry : uint8_t { kSoft, kHard };

// What is written down of a lifetime for another process to go on with (control/number_keeper.h).
struct LifetimeMarks {
  LifetimeUse seen;    // when it was last looked at
  LifetimeUse stored;  // what is written down
};

class Lifetime {
 public:
  // Began `age_s` seconds ago. `used`, by processes before this one, the first time `used_for_s` ago: the TSC may have
  // begun anew since, so what of the time is left counts from now on, as if the first packet had just come.
  explicit Lifetime(const LifetimeSpec& spec, uint64_t age_s = 0, const LifetimeUse& used = {},
                    uint64_t used_for_s = 0) noexcept;

  const LifetimeSpec& spec() const noexcept { return spec_; }

  // worker: nothing is to be sent or taken in with the SA any more. `first_used_tsc`: 0 where it never was.
  bool is_over(uint64_t now_tsc, uint64_t first_used_tsc) const noexcept {
    return over_.load(std::memory_order_relaxed) || now_tsc >= hard_.made_end_tsc ||
           (first_used_tsc != 0 && now_tsc >= end_of_use(hard_, first_used_tsc));
  }
  // worker: all of it or nothing
  bool take(uint64_t packets, uint64_t bytes) noexcept;
  // worker: take() of a burst will not fail, whatever other workers take meanwhile.
  bool is_far_from_end() const noexcept {
    constexpr uint64_t kFarPackets = 1u << 16, kFarBytes = 1u << 30;  // bursts of a thousand workers; of some hundred
    return packets_.is_far_from_end(kFarPackets) && bytes_.is_far_from_end(kFarBytes);
  }
  // Whether take() would now; takes nothing.
  bool has(uint64_t packets, uint64_t bytes) const noexcept { return packets_.has(packets) && bytes_.has(bytes); }
  // worker: something did not fit any more, so that the SA has come to its end
  void end() noexcept { over_.store(true, std::memory_order_relaxed); }

  // worker: what the control thread should look at, of an SA that is in use, and has not been told of yet
  uint8_t untold() const noexcept;
  void note_told(uint8_t news) noexcept { told_.fetch_or(news, std::memory_order_relaxed); }

  // control, and below: so many more eroutes point at the SA
  void allocate(uint64_t eroutes) noexcept { allocations_ += eroutes; }
  // The SA is in the tables, with the eroutes that it comes with: of those that were ever pointed at it before.
  void begin_allocations() noexcept { allocations_ = std::max(allocations_, marks.stored.allocations); }
  uint64_t allocations() const noexcept { return allocations_; }

  struct Reached {
    Expiry expiry;
    std::string_view limit;  // its name
    uint64_t value;          // of the limit
  };
  // A limit that has been reached: the first soft one once, the first hard one once, and none after a hard one.
  std::optional<Reached> newly_reached(uint64_t now_tsc, uint64_t first_used_tsc) noexcept;
  // When a limit will be reached that no packet reaches; UINT64_MAX: none will
  uint64_t next_end_tsc(uint64_t first_used_tsc) const noexcept;
  std::optional<Expiry> told_expiry() const noexcept { return told_expiry_; }

  // By now, in all processes; all of it where a packet was too large for what is left. Of use that began in this
  // process it remembers when that was.
  LifetimeUse used(uint64_t now_tsc, uint64_t now_s, uint64_t first_used_tsc) noexcept;
  uint64_t packets_taken() const noexcept { return packets_.taken(); }
  uint64_t bytes_taken() const noexcept { return bytes_.taken(); }
  uint64_t used_for_s() const noexcept { return used_for_s_; }  // before this process

  LifetimeMarks marks;

 private:
  struct Times {
    uint64_t made_end_tsc;  // UINT64_MAX: none
    uint64_t use_tsc;       // how long from the first packet on; UINT64_MAX: without end
  };
  static uint64_t end_of_use(const Times& times, uint64_t first_used_tsc) noexcept {
    return times.use_tsc > UINT64_MAX - first_used_tsc ? UINT64_MAX : first_used_tsc + times.use_tsc;
  }
  static Times times_of(const LifetimeLimits& limits, uint64_t age_s, uint64_t used_for_s) noexcept;
  bool is_counted_out(const LifetimeLimits& limits) const noexcept;
  const LifetimeField* reached_of(const LifetimeLimits& limits, const Times& times, uint64_t now_tsc,
                                  uint64_t first_used_tsc) const noexcept;

  const LifetimeSpec spec_;
  const Times soft_, hard_;
  Allowance packets_, bytes_;
  std::atomic<bool> over_;        // worker: rw, control: ro
  std::atomic<uint8_t> told_{0};  // worker: rw
  const uint64_t used_for_s_;
  uint64_t first_used_at_s_;  // Unix time, 0: not known; control only, and below
  uint64_t allocations_ = 0;
  std::optional<Expiry> told_expiry_;
};

}  // namespace spigrp
