// `stats` as text: where every packet went, and with --watch how fast.
#pragma once

#include <span>
#include <string>

#include "cli/stats_report.h"
#include "config/request.h"

namespace spigrp {

// Tables of workers and of ports, drops with what they mean, and whether all packets are accounted for.
std::string stats_text(const StatsReport& report);

// `stats --sas`: what went through each SA, and what it dropped for which reason.
std::string sa_stats_text(std::span<const SaRow> rows);

// Rates: what happened in `seconds`, a second; of workers also how busy they were and how many cycles a packet took.
std::string rates_text(const StatsReport& grew, double seconds);

}  // namespace spigrp
