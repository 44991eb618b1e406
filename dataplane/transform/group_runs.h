// GroupRuns: a burst in runs of packets of one group, for a transform that does once for a run what all its packets
// have in common. Packets that come mixed are brought together first. For tunnel_esp.cpp: of each group two SAs are of
// interest, a tun SA and the esp SA around it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include <rte_mbuf.h>

#include "packet/burst.h"
#include "sa/sa_group.h"

namespace spigrp {

// Packets in a row that get the same SAs, or lose them.
struct GroupRun {
  const SaGroup* group;
  Sa* tunnel;
  Sa* esp;
  uint64_t first_number;  // outbound
  uint16_t begin, end;    // places in the burst

  uint16_t packets() const noexcept { return static_cast<uint16_t>(end - begin); }
};

class GroupRuns {
 public:
  // Where the two SAs are, in steps from the entries' own; the way in leads backwards.
  struct Steps {
    int to_tunnel, to_esp;
  };
  // The burst's packets may change their places: those of one group stay in their order, between groups there is none
  // to keep.
  GroupRuns(Burst& burst, Steps steps, uint64_t now_tsc) noexcept {
    find(burst, steps);
    if (count_ == 1) return;
    gather(burst);
    are_cold_ = is_cold(runs_[0], now_tsc) || is_cold(runs_[count_ - 1], now_tsc);
  }

  GroupRun* begin() noexcept { return runs_.data(); }
  GroupRun* end() noexcept { return runs_.data() + count_; }

  // Where a burst is of many SAs, and of so many that they have left the caches, those of all packets are fetched at
  // once, and then the keys of all: to know where they are takes the SAs.
  void prefetch_sas() const noexcept {
    each_if_cold([](const GroupRun& run) {
      run.tunnel->prefetch();
      run.esp->prefetch();
    });
  }
  void prefetch_keys(const Burst& burst) const noexcept {
    each_if_cold([&burst](const GroupRun& run) {
      run.esp->prefetch_keys(rte_pktmbuf_pkt_len(burst.entries[run.begin].packet));
    });
  }
  void prefetch_windows() const noexcept {
    each_if_cold([](const GroupRun& run) { run.esp->replay.prefetch(); });
  }

 private:
  // Whether its SA has rested for longer than some hundred SAs take in turn at full rate. Below that, asking costs more
  // than waiting.
  static bool is_cold(const GroupRun& run, uint64_t now_tsc) noexcept {
    constexpr uint64_t kWarmCycles = 1u << 17;
    return now_tsc - run.esp->counters.last_used_tsc.load(std::memory_order_relaxed) > kWarmCycles;
  }

  template <class Do>
  void each_if_cold(Do&& act) const noexcept {
    if (!are_cold_) return;
    for (uint8_t number = 0; number < count_; ++number) act(runs_[number]);
  }

  void find(const Burst& burst, Steps steps) noexcept;
  void gather(Burst& burst) noexcept;

  std::array<GroupRun, kBurstCapacity> runs_;
  uint8_t count_ = 0;
  bool are_cold_ = false;  // guessed from two of them
};

}  // namespace spigrp
