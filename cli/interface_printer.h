// The line of `tncfg` for a protected interface.
#pragma once

#include <string>

#include "config/route_spec.h"

namespace spigrp {

// "ipsec0 -> wan mtu=16260(1443) -> 1500", detached "ipsec0 -> NULL mtu=0(0) -> 0". The first number is FreeS/WAN's
// constant, kept for what reads this line; in brackets is the effective MTU, of the largest packet that every group
// makes fit; the last is the port's MTU.
std::string interface_line(const InterfaceRow& row);

}  // namespace spigrp
