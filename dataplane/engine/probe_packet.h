// The packet that an ExplainQuery asks about, made: headers that say what the query says, and zeros behind them.
#pragma once

#include <cstdint>
#include <vector>

#include "config/explanation.h"

namespace spigrp {

// The query is valid.
std::vector<uint8_t> probe_packet(const ExplainQuery& query);

}  // namespace spigrp
