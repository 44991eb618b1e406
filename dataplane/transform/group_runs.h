// GroupRuns: a burst in runs of packets of one group, for a transform that does once for a run what all its packets
// have in common. Packets that come mixed are brought together first. For tunnel_esp.cpp: of each group two SAs are of
// interest, a tun SA and the esp SA around it.
#pragma once

#include <array>
#include <cstdint>

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
  GroupRuns(Burst& burst, Steps steps) noexcept {
    find(burst, steps);
    if (count_ > 1) gather(burst);
  }

  GroupRun* begin() noexcept { return runs_.data(); }
  GroupRun* end() noexcept { return runs_.data() + count_; }

  // Where a burst is of many SAs, those of all packets are fetched at once, and then the keys of all: to know where
  // they are takes the SAs.
  void prefetch_sas() const noexcept {
    each_of_many([](const GroupRun& run) {
      run.tunnel->prefetch();
      run.esp->prefetch();
    });
  }
  void prefetch_keys() const noexcept {
    each_of_many([](const GroupRun& run) { run.esp->prefetch_keys(); });
  }
  void prefetch_windows() const noexcept {
    each_of_many([](const GroupRun& run) { run.esp->replay.prefetch(); });
  }

 private:
  template <class Do>
  void each_of_many(Do&& act) const noexcept {
    if (count_ == 1) return;
    for (uint8_t number = 0; number < count_; ++number) act(runs_[number]);
  }

  void find(const Burst& burst, Steps steps) noexcept;
  void gather(Burst& burst) noexcept;

  std::array<GroupRun, kBurstCapacity> runs_;
  uint8_t count_ = 0;
};

}  // namespace spigrp
