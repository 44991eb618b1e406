// The lines of `address`, `route` and `neigh`: the gateway's own place in the network.
#pragma once

#include <string>

#include "config/route_spec.h"

namespace spigrp {

std::string address_line(const AddressSpec& row);     // "10.1.0.1/24 dev lan"
std::string route_line(const RouteSpec& row);         // "10.2.0.0/16 via 192.0.2.2 dev ipsec0", "10.9.0.0/16 blackhole"
std::string path_mtu_line(const PathMtuRow& row);     // "192.0.2.2 mtu 1400 expires in 599 s"
std::string neighbour_line(const NeighbourRow& row);  // "192.0.2.2 mac 02:00:00:00:02:02 dev wan static"

}  // namespace spigrp
