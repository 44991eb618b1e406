// `stats` as text: where every packet went, and with --watch how fast.
#pragma once

#include <string>

#include "cli/stats_report.h"

namespace spigrp {

// Tables of workers and of ports, drops with what they mean, and whether all packets are accounted for.
std::string stats_text(const StatsReport& report);

// Rates: what happened in `seconds`, a second; of workers also how busy they were and how many cycles a packet took.
std::string rates_text(const StatsReport& grew, double seconds);

}  // namespace spigrp
