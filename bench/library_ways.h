// The ways in which ipsec-mb does one packet's ESP or AH: every manager with every interface that offers the algorithm.
// Whatever has to be done per packet to call the interface is done in the way, and nothing else; the interfaces that
// check their arguments are left out, as they do the same and check.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "crypto_buffers.h"
#include "library.h"
#include "packet_case.h"

namespace spigrp::bench {

struct Way {
  std::string name;                         // "AVX2 cipher burst + SSE hash burst"
  std::function<size_t(const Batch&)> run;  // returns how many packets came out
};

// The libraries must outlive the ways.
std::vector<Way> esp_ways(std::vector<Library>& libraries, const PacketCase& packet_case, Direction direction);
std::vector<Way> ah_ways(std::vector<Library>& libraries, const PacketCase& packet_case);

}  // namespace spigrp::bench
