// DriverMemory: what a driver unmaps while workers run. DPDK's memif driver does that in EAL's interrupt thread, as
// soon as a peer has gone: it marks the port as not connected, which a burst looks at when it begins, and takes the
// peer's memory away at once, also from a worker that is in the middle of a burst. So munmap() is one of our own
// (driver_memory.cpp): in that thread it waits until no worker is in a burst that it had begun before.
#pragma once

#include "state/versions.h"

namespace spigrp {

// While there is one, its workers are waited for. At most one at a time is.
class DriverMemory {
 public:
  explicit DriverMemory(const Versions& versions);
  DriverMemory(const DriverMemory&) = delete;
  DriverMemory& operator=(const DriverMemory&) = delete;
  ~DriverMemory();
};

}  // namespace spigrp
