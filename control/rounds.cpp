// See rounds.h.
#include "control/rounds.h"

#include <exception>

#include <spdlog/spdlog.h>

namespace spigrp {
namespace {

constexpr std::chrono::seconds kComplaintsAtLeastApart{1};

}  // namespace

void Rounds::run(const std::function<void()>& poll) {
  while (!io_.stopped()) {
    attempt(poll);
    attempt([this] { io_.run_for(apart_); });
  }
}

void Rounds::attempt(const std::function<void()>& part) noexcept {
  try {
    part();
  } catch (const std::exception& error) {
    const auto now = Clock::now();
    if (now < complained_ + kComplaintsAtLeastApart) return;
    complained_ = now;
    spdlog::error("control thread: something could not be done: {}", error.what());
  }
}

}  // namespace spigrp
