// See group_runs.h.
#include "transform/group_runs.h"

#include <algorithm>

namespace spigrp {
namespace {

constexpr uint8_t kNoRun = 0xff;
constexpr size_t kPlaces = 128;  // as many as the hash has values
static_assert(kPlaces / 2 == kBurstCapacity);

// Which runs are of the same group.
class SameGroups {
 public:
  SameGroups() noexcept { firsts_.fill(kNoRun); }

  // Whether there is one before it.
  bool add(const GroupRun* runs, uint8_t number) noexcept {
    const GroupRun& run = runs[number];
    const auto is_other = [&](uint8_t first) { return first != kNoRun && runs[first].pair != run.pair; };
    size_t place = reinterpret_cast<uintptr_t>(run.pair) * 0x9e3779b97f4a7c15u >> 57;
    while (is_other(firsts_[place])) place = (place + 1) % firsts_.size();
    next_[number] = kNoRun;
    const bool is_first = firsts_[place] == kNoRun;
    if (is_first) {
      firsts_[place] = number;
    } else {
      next_[last_[firsts_[place]]] = number;
    }
    last_[firsts_[place]] = number;
    return !is_first;
  }

  uint8_t next(uint8_t number) const noexcept { return next_[number]; }  // kNoRun: it is the last of its group

 private:
  std::array<uint8_t, kPlaces> firsts_;  // open addressing: the first run of each group
  std::array<uint8_t, kBurstCapacity> next_;
  std::array<uint8_t, kBurstCapacity> last_;  // by the group's first
};

}  // namespace

void GroupRuns::find(const Burst& burst) noexcept {
  const SaGroup* group = nullptr;
  for (uint16_t place = 0; place < burst.count; ++place) {
    if (burst.entries[place].group == group) continue;
    group = burst.entries[place].group;
    if (count_ > 0) runs_[count_ - 1u].end = place;
    runs_[count_].pair = &group->tunnel_in_esp();
    runs_[count_++].begin = place;
  }
  if (count_ > 0) runs_[count_ - 1u].end = burst.count;
}

void GroupRuns::gather(Burst& burst) noexcept {
  SameGroups same_groups;
  bool repeats = false;
  for (uint8_t number = 0; number < count_; ++number) repeats = same_groups.add(runs_.data(), number) || repeats;
  if (!repeats) return;
  Burst gathered;
  std::array<GroupRun, kBurstCapacity> merged;
  uint8_t merged_count = 0;
  uint64_t done = 0;  // a bit for each run
  for (uint8_t number = 0; number < count_; ++number) {
    if ((done >> number & 1) != 0) continue;
    GroupRun& run = merged[merged_count++] = runs_[number];
    run.begin = gathered.count;
    for (uint8_t same = number; same != kNoRun; same = same_groups.next(same)) {
      done |= uint64_t{1} << same;
      for (uint16_t place = runs_[same].begin; place < runs_[same].end; ++place) gathered.push(burst.entries[place]);
    }
    run.end = gathered.count;
  }
  std::copy(gathered.begin(), gathered.end(), burst.begin());
  std::copy_n(merged.begin(), merged_count, runs_.begin());
  count_ = merged_count;
}

}  // namespace spigrp
