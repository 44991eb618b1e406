// `look`: the whole gateway on one page, as FreeS/WAN's `ipsec look` had it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "config/request.h"

namespace spigrp {

struct GatewayView {
  std::string host;
  int64_t time_s = 0;      // since 1970, by the daemon's clock
  uint64_t edited_at = 0;  // generation of the last transaction
  std::vector<ErouteRow> eroutes;
  std::vector<InterfaceRow> interfaces;
  std::vector<SaRow> sas;
  std::vector<RouteSpec> routes;
};

// The same as one JSON object, the rows sorted alike: host, time_s, edited_at, eroutes, interfaces, sas, routes.
nlohmann::json look_json(GatewayView view);

// Host and time (in this machine's time zone); eroutes sorted, each with its whole group; interfaces; SAs sorted;
// routes sorted. A blank line between the parts that are not empty.
std::string look_text(GatewayView view);

}  // namespace spigrp
