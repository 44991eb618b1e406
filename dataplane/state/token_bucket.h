// TokenBucket: at most so many events a second, with a burst of as many at once. One thread's own.
#pragma once

#include <algorithm>
#include <cstdint>

namespace spigrp {

class TokenBucket {
 public:
  TokenBucket(uint64_t per_second, uint64_t tsc_hz) noexcept
      : capacity_(per_second), tsc_per_token_(tsc_hz / per_second), tokens_(per_second) {}

  bool take(uint64_t now_tsc) noexcept {
    if (now_tsc > filled_at_tsc_ + tsc_per_token_) {
      const uint64_t due = (now_tsc - filled_at_tsc_) / tsc_per_token_;
      tokens_ = std::min(capacity_, tokens_ + due);
      filled_at_tsc_ += due * tsc_per_token_;
    }
    if (tokens_ == 0) return false;
    --tokens_;
    return true;
  }

 private:
  uint64_t capacity_;
  uint64_t tsc_per_token_;
  uint64_t tokens_;
  uint64_t filled_at_tsc_ = 0;
};

}  // namespace spigrp
