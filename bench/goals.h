// Goals: what the pipeline is held to: how many times its floor a packet may cost, by group, size and number of SAs.
#pragma once

#include <map>
#include <string>

#include "packet_case.h"

namespace spigrp::bench {

class Goals {
 public:
  // Of one line, in the order in which they are measured: "1.60 met", "1.60 missed", or "-" where there is no goal.
  // `cycles`: total; `ratio`: to the floor.
  std::string verdict(const PacketCase& packet_case, Direction direction, double cycles, double ratio);

 private:
  std::map<std::string, double> with_one_sa_;  // cycles, by the rest of the line's name
};

}  // namespace spigrp::bench
