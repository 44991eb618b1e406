// What a configuration would do, in words: `spigrpd --check`.
#pragma once

#include <string>

#include "config/options.h"

namespace spigrp {

// Errors: a device that is not there, as far as can be told without DPDK; a start-up batch that cannot be read.
Expected<std::string> plan_text(const Options& options);

}  // namespace spigrp
