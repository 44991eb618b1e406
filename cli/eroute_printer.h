// Eroutes as text: the line of `eroute`, and the one of `look` with the whole group.
#pragma once

#include <string>

#include "config/request.h"

namespace spigrp {

// "3          10.1.0.2/32:0      -> 10.2.0.2/32:0      => tun.113@192.0.2.2:0": packets, selector, target and the
// transport protocol (0: all).
std::string eroute_line(const ErouteRow& row);

// "10.1.0.2/32:0      -> 10.2.0.2/32:0      => tun.113@192.0.2.2 esp.115@192.0.2.2:0 (3)"; an eroute that protects
// nothing any more says so.
std::string look_eroute_line(const ErouteRow& row);

}  // namespace spigrp
