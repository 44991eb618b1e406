// The command line that EAL is started with; see initialise_eal in engine.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/options.h"

namespace spigrp {

// `cpus`: those that this process may use.
std::vector<std::string> eal_command_line(const MemoryOptions& memory, const WorkerOptions& workers,
                                          const std::vector<unsigned>& cpus);

}  // namespace spigrp
