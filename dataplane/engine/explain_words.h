// What an Explanation says of tables' entries: routes, eroutes, next hops, and which of them is the reason for a drop.
#pragma once

#include <string>

#include "config/explanation.h"
#include "engine/flow_cache.h"
#include "engine/icmp.h"
#include "engine/network.h"

namespace spigrp {

ExplainedRoute explained(const Network& network, const IpAddress& destination, const NextHop& hop);
std::optional<ExplainedEroute> explained(const Eroute* eroute);
ExplainedIcmp explained(Family family, const IcmpError& error);

std::string words_of(const ExplainedRoute& route);  // "route 10.2.0.0/16"
std::string words_of(const Eroute& eroute);         // "eroute 10.1.0.0/16:0 -> 10.2.0.0/16:0 => tun.113@192.0.2.2"
std::string words_of(const Port& port);             // "port wan, MTU 1500"

// The object that is the reason for what a Ruling dropped.
std::string objection_object(DropReason reason, const Explanation& explanation, const FlowPolicy& policy);

}  // namespace spigrp
