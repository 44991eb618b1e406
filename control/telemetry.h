// The daemon's counters for dpdk-telemetry.py: /spigrp/stats.
#pragma once

#include "engine/engine.h"

namespace spigrp {

// While it exists, DPDK's telemetry thread answers from this engine's counters. One at a time.
class Telemetry {
 public:
  explicit Telemetry(Engine& engine);
  ~Telemetry();
  Telemetry(const Telemetry&) = delete;
  Telemetry& operator=(const Telemetry&) = delete;
};

}  // namespace spigrp
