// See measure.h.
#include "measure.h"

#include <algorithm>
#include <chrono>
#include <fstream>

#include <sched.h>

#include "crypto/crypto_engine.h"

namespace spigrp::bench {
namespace {

double at_fraction(const std::vector<double>& sorted, double fraction) {
  const double place = fraction * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

template <class F>
std::vector<double> pairwise(const std::vector<double>& one, const std::vector<double>& other, F&& join) {
  std::vector<double> joined;
  for (size_t i = 0; i < std::min(one.size(), other.size()); ++i) joined.push_back(join(one[i], other[i]));
  return joined;
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(std::min(line.size(), line.find(':') + 2));
  }
  return "unknown";
}

// Against the kernel's clock, for 20 ms: EAL knows, but not every program here starts it.
double tsc_ghz() {
  using clock = std::chrono::steady_clock;
  const clock::time_point begin = clock::now();
  const uint64_t begin_tsc = rte_rdtsc();
  while (clock::now() - begin < std::chrono::milliseconds(20)) {
  }
  const uint64_t cycles = rte_rdtsc() - begin_tsc;
  return static_cast<double>(cycles) / std::chrono::duration<double, std::nano>(clock::now() - begin).count();
}

}  // namespace

Summary Series::summary() const {
  if (values_.empty()) return {};
  std::vector<double> sorted = values_;
  std::sort(sorted.begin(), sorted.end());
  return {at_fraction(sorted, 0.5), at_fraction(sorted, 0.25), at_fraction(sorted, 0.75)};
}

Series operator/(const Series& one, const Series& other) {
  Series ratios;
  ratios.values_ = pairwise(one.values_, other.values_, [](double a, double b) { return a / b; });
  return ratios;
}

Series operator-(const Series& one, const Series& other) {
  Series differences;
  differences.values_ = pairwise(one.values_, other.values_, [](double a, double b) { return a - b; });
  return differences;
}

Expected<int> pin_to_core(std::optional<int> wanted) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return failure("cores", "the kernel does not say which");
  int core = wanted.value_or(CPU_SETSIZE - 1);
  while (!wanted && core > 0 && !CPU_ISSET(static_cast<size_t>(core), &allowed)) --core;
  if (core < 0 || core >= CPU_SETSIZE || !CPU_ISSET(static_cast<size_t>(core), &allowed)) {
    return failure("core " + std::to_string(core), "is not one that this process may use");
  }
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(core), &one);
  if (sched_setaffinity(0, sizeof(one), &one) != 0) return failure("core " + std::to_string(core), "is refused");
  return core;
}

Machine describe_machine(int core) {
  return {processor_name(), core, tsc_ghz(), crypto_library_version()};
}

}  // namespace spigrp::bench
