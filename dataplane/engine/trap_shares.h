// TrapShares: what one flow may take of a worker's notices of packets that met %trap, so that a busy one leaves some
// to others. One thread's own. Flows are told apart by a hash; of those that came lately it knows the busiest.
#pragma once

#include <array>
#include <cstdint>

namespace spigrp {

inline constexpr uint32_t kTrapsOfFlow = 8;  // in an interval
inline constexpr uint64_t kTrapIntervalsASecond = 10;

class TrapShares {
 public:
  explicit TrapShares(uint64_t tsc_hz) noexcept : interval_tsc_(tsc_hz / kTrapIntervalsASecond) {}

  bool take(uint32_t flow_hash, uint64_t now_tsc) noexcept {
    Flow& flow = place_of(flow_hash, now_tsc / interval_tsc_);
    if (flow.taken == kTrapsOfFlow) return false;
    ++flow.taken;
    return true;
  }

 private:
  struct Flow {
    uint64_t interval = 0;
    uint32_t hash = 0, taken = 0;
  };
  static constexpr uint32_t kSets = 64, kWays = 4;

  // Its own, or the place of what took least.
  Flow& place_of(uint32_t hash, uint64_t interval) noexcept {
    std::array<Flow, kWays>& set = sets_[hash % kSets];
    Flow* least = set.data();
    for (Flow& flow : set) {
      if (flow.interval != interval) flow = {interval, 0, 0};
      if (flow.hash == hash && flow.taken > 0) return flow;
      if (flow.taken < least->taken) least = &flow;
    }
    *least = {interval, hash, 0};
    return *least;
  }

  uint64_t interval_tsc_;
  std::array<std::array<Flow, kWays>, kSets> sets_{};
};

}  // namespace spigrp
