// Pace: long work of the control thread goes by steps, and now and then between two of them others have a turn
// (control/daemon.cpp: clients who only look). What they find is what is published: whoever steps between two changes
// of what they may look at sees to that. However much others ask, the work has half of the time.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

namespace spigrp {

class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  // `turn` throws nothing; without it nobody has one.
  explicit Pace(std::function<void()> turn = {}) : turn_(std::move(turn)) {}

  // Between two pieces of work of some microseconds.
  void step() {
    if (++steps_ % kStepsALook == 0) long_step();
  }
  // Between two of some milliseconds.
  void long_step() {
    if (turn_ && Clock::now() >= next_turn_) turn();
  }
  // While there is nothing to do but to wait.
  void turn() {
    if (!turn_) return;
    const auto began = Clock::now();
    turn_();
    const auto ended = Clock::now();
    next_turn_ = ended + std::max<Clock::duration>(kBetweenTurns, ended - began);
  }
  bool has_turns() const noexcept { return static_cast<bool>(turn_); }

 private:
  static constexpr uint32_t kStepsALook = 32;
  static constexpr std::chrono::milliseconds kBetweenTurns{5};

  std::function<void()> turn_;
  uint32_t steps_ = 0;
  Clock::time_point next_turn_ = Clock::now() + kBetweenTurns;
};

}  // namespace spigrp
