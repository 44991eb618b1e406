// Sequence: where the numbers of an outbound SA come from (RFC 4303 section 2.2). Any worker may reserve; a number is
// given out once in the life of the Sa, and after the last one the SA sends no more.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace spigrp {

class Sequence {
 public:
  static constexpr uint64_t kLast32 = 0xffffffff;
  static constexpr uint64_t kLast64 = UINT64_MAX;  // with extended sequence numbers (RFC 4303 section 2.2.1)

  struct Numbers {
    uint64_t first;
    uint64_t count;  // in a row
  };

  explicit Sequence(uint64_t last = kLast32, uint64_t sent = 0) noexcept : sent_(sent), last_(last) {}

  // worker: numbers for one burst; fewer than asked for where the last is near: those packets are dropped as
  // sequence_exhausted.
  Numbers reserve(uint64_t wanted) noexcept {
    uint64_t sent = sent_.load(std::memory_order_relaxed);
    // So far from the end that all workers together cannot get there meanwhile.
    if (last_ - sent >= kFar) [[likely]] return {sent_.fetch_add(wanted, std::memory_order_relaxed) + 1, wanted};
    uint64_t count;
    do {
      count = std::min(wanted, last_ - sent);
    } while (!sent_.compare_exchange_weak(sent, sent + count, std::memory_order_relaxed));
    return {sent + 1, count};
  }

  uint64_t last() const noexcept { return last_; }
  // control: the highest number given out
  uint64_t sent() const noexcept { return sent_.load(std::memory_order_relaxed); }

 private:
  static constexpr uint64_t kFar = 1u << 20;

  std::atomic<uint64_t> sent_;  // worker: rw, control: ro; at most last_
  const uint64_t last_;
};

}  // namespace spigrp
