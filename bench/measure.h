// How time is taken: TSC cycles, one thread on one core, short slices of bursts that are repeated many times with the
// slices of everything that is compared taken in turns. A slice is small against what a scheduler gives, so a disturbed
// one is an outlier, and medians do not see outliers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <rte_cycles.h>

#include "config/error.h"
#include "packet/burst.h"

namespace spigrp::bench {

// One slice: a burst that is not timed, so that code and tables are warm, then those that are.
inline constexpr size_t kWarmBursts = 1, kTimedBursts = 4;
inline constexpr size_t kSliceBursts = kWarmBursts + kTimedBursts;
inline constexpr size_t kSlicePackets = kSliceBursts * kBurstCapacity;

// Calls burst(number) for each burst of a slice. Returns cycles per packet.
template <class F>
double time_slice(F&& burst) {
  for (size_t number = 0; number < kWarmBursts; ++number) burst(number);
  const uint64_t begin = rte_rdtsc();
  for (size_t number = kWarmBursts; number < kSliceBursts; ++number) burst(number);
  return static_cast<double>(rte_rdtsc() - begin) / (kTimedBursts * kBurstCapacity);
}

struct Summary {
  double median = 0, lower_quartile = 0, upper_quartile = 0;
};

// One figure of each slice, in the order in which they were taken.
class Series {
 public:
  void add(double value) { values_.push_back(value); }
  size_t size() const noexcept { return values_.size(); }
  Summary summary() const;

  // Slice by slice: the two were taken beside each other, so what disturbed both falls out.
  friend Series operator/(const Series& one, const Series& other);
  friend Series operator-(const Series& one, const Series& other);

 private:
  std::vector<double> values_;
};

// Binds this thread to one core that it may run on, the last one unless told. Error: may not run on that one.
Expected<int> pin_to_core(std::optional<int> wanted);

struct Machine {
  std::string processor;  // as the kernel names it
  int core = 0;           // that the figures are of
  double tsc_ghz = 0;
  std::string library;  // ipsec-mb's version
};
Machine describe_machine(int core);

}  // namespace spigrp::bench
