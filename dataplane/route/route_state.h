// What the route tables are made of: what workers look up, and what the operator asked for, from which that follows.
// For the files of this room.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "config/route_spec.h"
#include "route/neighbour_table.h"
#include "route/own_networks.h"
#include "route/prefix_table.h"
#include "route/route_edit.h"
#include "route/route_tables.h"

namespace spigrp {

// By number: the index of the port that an ipsec interface is attached to, or kNoPort; nothing: there is no such
// interface.
using Interfaces = std::array<std::optional<uint16_t>, kMaxInterfaces>;

std::string interface_name(uint16_t number);

// What a device's name stands for.
struct Device {
  NextHopKind kind;  // kPort or kInterface
  uint16_t index;    // of the port, or number of the interface
};
std::optional<Device> find_device(const std::string& name, const std::vector<PortFacts>& ports,
                                  const Interfaces& interfaces);
std::optional<uint16_t> find_port(const std::string& name, const std::vector<PortFacts>& ports);

struct RouteTables::State {
  // Prefix → number of a next hop → the next hop: of the three only the last changes when a route leads elsewhere.
  std::unique_ptr<PrefixTable> ipv4, ipv6;              // worker: ro, control: rw
  std::unique_ptr<VersionedCell<NextHop>[]> next_hops;  // worker: ro, control: rw; by number, from 1
  std::unique_ptr<NeighbourTable> neighbours;           // worker: ro, control: rw
  VersionedCell<Generation> changed_at;                 // worker: ro, control: rw
  // control only, and below
  uint32_t route_capacity = 0, neighbour_capacity = 0;
  std::vector<uint32_t> free_numbers;  // a number given back may be taken at once: next hops remember who had it when
  std::vector<PortFacts> ports;
  OwnNetworks own;
  Interfaces interfaces;
  std::map<IpPrefix, RouteSpec> routes;  // the operator's

  PrefixTable& prefixes(Family family) noexcept { return family == Family::kIpv4 ? *ipv4 : *ipv6; }
  // Where a prefix leads by what was asked for; nothing: it is not in the table.
  std::optional<NextHop> next_hop_of(const IpPrefix& prefix) const;
};

}  // namespace spigrp
