// Sequence: where the numbers of an outbound SA come from (RFC 4303 section 2.2). Any worker may reserve; a number is
// given out once in the life of the Sa, and after the last one the SA sends no more.
#pragma once

#include <atomic>
#include <cstdint>

namespace spigrp {

class Sequence {
 public:
  static constexpr uint64_t kLast32 = 0xffffffff;  // without extended sequence numbers

  explicit Sequence(uint64_t last = kLast32, uint64_t sent = 0) noexcept : sent_(sent), last_(last) {}

  // worker: `count` numbers in a row for one burst. Those above last() must not be used: the caller drops those packets
  // as sequence_exhausted.
  uint64_t reserve(uint64_t count) noexcept { return sent_.fetch_add(count, std::memory_order_relaxed) + 1; }

  uint64_t last() const noexcept { return last_; }
  // control: the highest number given out
  uint64_t sent() const noexcept {
    const uint64_t sent = sent_.load(std::memory_order_relaxed);
    return sent < last_ ? sent : last_;
  }

 private:
  std::atomic<uint64_t> sent_;  // worker: rw, control: ro
  const uint64_t last_;
};

}  // namespace spigrp
