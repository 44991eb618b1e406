// LifetimeWatch: the SAs whose lifetimes end at some time, in that order, so that the end is told when it comes and not
// when the next packet does. Control thread only. It points at SAs that the tables hold: who takes one out there takes
// it out here.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <utility>

#include "sa/sa.h"

namespace spigrp {

class LifetimeWatch {
 public:
  using Tell = std::function<void(const Sa&, const Lifetime::Reached&)>;

  void add(Sa& sa);
  void remove(Sa& sa) noexcept;
  // Tells what this SA has reached, and waits for its next end.
  void look_at(Sa& sa, uint64_t now_tsc, const Tell& tell);
  // The same for all SAs whose time has come, but no more than `most` at once.
  void poll(uint64_t now_tsc, size_t most, const Tell& tell);

 private:
  std::set<std::pair<uint64_t, Sa*>> ends_;  // TSC
};

}  // namespace spigrp
