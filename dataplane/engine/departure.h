// Departure: how packets leave by one next hop, ready to be written in front of them: it is made from route and
// neighbour at one generation and counts at no other.
#pragma once

#include <cstdint>

#include "packet/headers.h"
#include "route/route_tables.h"

namespace spigrp {

struct Departure {
  EthernetHeader ethernet{};
  uint16_t port = kNoPort;   // whose transmit queue is the worker's own; kNoPort: ask the tables for each packet
  uint16_t whole_bytes = 0;  // an IP packet of at most so many bytes leaves as it is, whatever it is
};

}  // namespace spigrp
