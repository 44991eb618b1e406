// See group_runs.h.
#include "transform/group_runs.h"

#include <algorithm>
#include <bit>

namespace spigrp {
namespace {

constexpr uint8_t kNoRun = 0xff;
constexpr size_t kPlaces = 128;  // as many as the hash has values
static_assert(kPlaces / 2 == kBurstCapacity);

// Where a run's group is looked for among those before it: the first run of each, by open addressing.
class FirstRuns {
 public:
  explicit FirstRuns(const GroupRun* runs) noexcept : runs_(runs) { firsts_.fill(kNoRun); }

  // The first run of this one's group, which it may be itself.
  uint8_t first_of(uint8_t number) noexcept {
    const TunnelInEsp* pair = runs_[number].pair;
    size_t place = reinterpret_cast<uintptr_t>(pair) * 0x9e3779b97f4a7c15u >> 57;
    while (firsts_[place] != kNoRun && runs_[firsts_[place]].pair != pair) place = (place + 1) % kPlaces;
    if (firsts_[place] == kNoRun) firsts_[place] = number;
    return firsts_[place];
  }

 private:
  const GroupRun* runs_;
  std::array<uint8_t, kPlaces> firsts_;
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
  FirstRuns firsts(runs_.data());
  for (uint8_t number = 0; number < count_; ++number) {
    if (firsts.first_of(number) != number) return merge(burst);
  }
}

// Of runs of which some are of the same group.
void GroupRuns::merge(Burst& burst) noexcept {
  FirstRuns firsts(runs_.data());
  std::array<uint8_t, kBurstCapacity> next, last;  // the next run of the same group; by its first one, the last
  uint64_t begins = 0;                             // a bit for each run that is the first of its group
  for (uint8_t number = 0; number < count_; ++number) {
    const uint8_t first = firsts.first_of(number);
    if (first == number) {
      begins |= uint64_t{1} << number;
    } else {
      next[last[first]] = number;
    }
    next[number] = kNoRun;
    last[first] = number;
  }
  Burst gathered;
  std::array<GroupRun, kBurstCapacity> merged;
  uint8_t merged_count = 0;
  for (; begins != 0; begins &= begins - 1) {
    const auto first = static_cast<uint8_t>(std::countr_zero(begins));
    GroupRun& run = merged[merged_count++] = runs_[first];
    run.begin = gathered.count;
    for (uint8_t same = first; same != kNoRun; same = next[same]) {
      for (uint16_t place = runs_[same].begin; place < runs_[same].end; ++place) gathered.push(burst.entries[place]);
    }
    run.end = gathered.count;
  }
  std::copy(gathered.begin(), gathered.end(), burst.begin());
  std::copy_n(merged.begin(), merged_count, runs_.begin());
  count_ = merged_count;
}

}  // namespace spigrp
