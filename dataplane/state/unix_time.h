// The clock that outlives the process: what is written down is dated by it.
#pragma once

#include <chrono>
#include <cstdint>

namespace spigrp {

inline uint64_t unix_seconds() {
  using std::chrono::system_clock;
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(system_clock::now().time_since_epoch()).count());
}

}  // namespace spigrp
