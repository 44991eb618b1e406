// GroupRuns: a burst in runs of packets of one group, for a transform that does once for a run what all its packets
// have in common. Packets that come mixed are brought together first. For tunnel_esp.cpp: of each group a tun SA and
// the esp SA around it are of interest.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include <rte_mbuf.h>

#include "packet/burst.h"
#include "sa/sa_group.h"

namespace spigrp {

// Packets in a row that get the same SAs, or lose them.
struct GroupRun {
  const TunnelInEsp* pair;
  uint64_t number;      // outbound: of the first packet; inbound: the highest that had been received before
  uint16_t begin, end;  // places in the burst

  uint16_t packets() const noexcept { return static_cast<uint16_t>(end - begin); }
};

class GroupRuns {
 public:
  // The burst's packets may change their places: those of one group stay in their order, between groups there is none
  // to keep.
  GroupRuns(Burst& burst, uint64_t now_tsc) noexcept {
    find(burst);
    if (count_ <= 1) return;
    gather(burst);
    const int64_t rested = std::max(rested_cycles(runs_[0], now_tsc), rested_cycles(runs_[count_ - 1], now_tsc));
    are_cold_ = rested > kWarmCycles;
    are_rare_ = rested > kOftenCycles;
  }

  bool are_cold() const noexcept { return are_cold_; }
  bool are_rare() const noexcept { return are_rare_; }

  GroupRun* begin() noexcept { return runs_.data(); }
  GroupRun* end() noexcept { return runs_.data() + count_; }

  // Where a burst is of many SAs, and of so many that they have left the caches, what all packets need is fetched at
  // once.
  template <class Do>
  void each_if_cold(Do&& act) const noexcept {
    if (!are_cold_) return;
    for (uint8_t number = 0; number < count_; ++number) act(runs_[number]);
  }

 private:
  // Longer than an SA stays in the second cache: a thousand SAs take so long in turn at full rate. Below that, asking
  // costs more than waiting.
  static constexpr int64_t kWarmCycles = 1 << 20;
  // Longer than a worker takes for the turns after which it tells what it has used (DeferredUses).
  static constexpr int64_t kOftenCycles = 1 << 17;

  // Negative where another worker has used it since.
  static int64_t rested_cycles(const GroupRun& run, uint64_t now_tsc) noexcept {
    return static_cast<int64_t>(now_tsc - run.pair->esp->counters.last_used_tsc.load(std::memory_order_relaxed));
  }

  void find(const Burst& burst) noexcept;
  void gather(Burst& burst) noexcept;
  void merge(Burst& burst) noexcept;

  std::array<GroupRun, kBurstCapacity> runs_;
  uint8_t count_ = 0;
  bool are_cold_ = false, are_rare_ = false;  // guessed from two of them
};

}  // namespace spigrp
