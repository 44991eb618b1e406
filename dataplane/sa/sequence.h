// Sequence: where the numbers of an outbound SA come from (RFC 4303 section 2.2). Any worker may reserve; a number is
// given out once in the life of the Sa, and after the last one the SA sends no more. Where the numbers that are used
// are remembered beyond the life of the process (control/store.h), only those up to a limit are given out, and the
// control thread raises it when it has written down that it will: what a crash forgets was never used.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "state/prefetch.h"
#include "state/writers.h"

namespace spigrp {

// So many numbers further, and not beyond the last.
constexpr uint64_t number_after(uint64_t number, uint64_t more, uint64_t last) noexcept {
  return number + std::min(more, last - std::min(last, number));
}

class Sequence {
 public:
  static constexpr uint64_t kLast32 = 0xffffffff;
  static constexpr uint64_t kLast64 = UINT64_MAX;  // with extended sequence numbers (RFC 4303 section 2.2.1)
  // So close to the limit the control thread is told of it: 50 ms of ten million packets a second. It is also more than
  // all workers together may reserve between looking and taking.
  static constexpr uint64_t kNear = 1u << 19;

  struct Numbers {
    uint64_t first;
    uint64_t count;     // in a row
    bool near = false;  // the limit
  };

  explicit Sequence(uint64_t last = kLast32, uint64_t sent = 0) noexcept
      : sent_(std::min(sent, last)), limit_(last), last_(last) {}

  // worker: numbers for one burst; fewer than asked for where the limit is near.
  Numbers reserve(uint64_t wanted, Writers writers = Writers::kMany) noexcept {
    if (writers == Writers::kMany) prefetch_to_write(this);
    uint64_t sent = sent_.load(std::memory_order_acquire);
    const uint64_t limit = limit_.load();  // not before `sent`: see close()
    if (is_far(sent, limit)) [[likely]]
      return {add_to(sent_, wanted, writers) + 1, wanted};
    uint64_t count;
    do {
      count = std::min(wanted, limit - std::min(limit, sent));
    } while (!sent_.compare_exchange_weak(sent, sent + count));
    if (limit_.load() == 0) return {1, 0};  // see close()
    return {sent + 1, count, limit - std::min(limit, sent) < kNear};
  }
  // worker: whether to tell the control thread that the limit is near; once for each limit.
  bool asks() noexcept {
    return !asked_.load(std::memory_order_relaxed) && !asked_.exchange(true, std::memory_order_relaxed);
  }

  // worker: a burst's numbers are there whoever else takes some meanwhile. Numbers are reserved next, as a rule.
  bool is_far_from_limit(Writers writers = Writers::kMany) const noexcept {
    if (writers == Writers::kMany) prefetch_to_write(this);
    return is_far(sent(), limit());
  }

  uint64_t last() const noexcept { return last_; }
  // control: the highest number given out
  uint64_t sent() const noexcept { return sent_.load(std::memory_order_relaxed); }
  uint64_t limit() const noexcept { return limit_.load(std::memory_order_relaxed); }
  // Of the numbers left, those that may be given out now.
  uint64_t available() const noexcept { return limit() - std::min(limit(), sent()); }
  bool is_used_up() const noexcept { return sent() >= last_; }

  // control: the SA goes. Workers that have not seen it yet get so many numbers more (8,192 at least), for as long as
  // it takes until they have, and none behind the one returned. Where none was ever given out there is none more: 0.
  uint64_t close(uint64_t more) noexcept {
    const uint64_t before = limit();
    if (sent() == 0) {
      // The first burst may be taking its numbers now. It looks at the limit behind that, and either finds none and
      // uses no number, or is seen here: all four are in one order (seq_cst), which a load costs nothing.
      limit_.store(0);
      if (sent_.load() == 0) return 0;
    }
    const uint64_t end = std::min(number_after(sent(), more, last_), before);
    // Nobody goes beyond the limit before. Where it is lowered, bursts may be under way that do not know yet.
    limit_.store(end < before ? end - std::min(end, kUnderWay) : before, std::memory_order_relaxed);
    return std::max(end, sent());
  }
  // control: before the first number is given out: those up to this one were, by another
  void begin_behind(uint64_t number) noexcept { sent_.store(std::max(sent(), std::min(number, last_))); }

  // control: before the first number is given out
  void set_limit(uint64_t number) noexcept { limit_.store(std::min(number, last_), std::memory_order_relaxed); }
  // control: never lower than it is
  void raise_limit(uint64_t number) noexcept {
    if (number <= limit()) return;
    set_limit(number);
    asked_.store(false, std::memory_order_relaxed);
  }

 private:
  // The limit may be behind what is sent, of an SA that begins behind another. The first numbers of all are never taken
  // as if there were plenty: close() must not miss them.
  static constexpr bool is_far(uint64_t sent, uint64_t limit) noexcept {
    return sent != 0 && limit > sent && limit - sent >= kNear;
  }

  static constexpr uint64_t kUnderWay = 1u << 12;  // bursts of workers that still go by the limit before

  std::atomic<uint64_t> sent_;      // worker: rw, control: ro; at most limit_
  std::atomic<uint64_t> limit_;     // worker: ro, control: rw; at most last_
  std::atomic<bool> asked_{false};  // worker: rw, control: rw
  const uint64_t last_;
};

}  // namespace spigrp
