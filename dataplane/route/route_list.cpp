// The lists of what there is now, sorted: for listings, and for the addresses that the control thread answers for.
#include "route/route_state.h"

namespace spigrp {

void set_ports(RouteTables& tables, std::vector<PortFacts> ports) {
  tables.state().ports = std::move(ports);
}

std::vector<InterfaceRow> list_interfaces(const RouteTables& tables) {
  const RouteTables::State& state = tables.state();
  std::vector<InterfaceRow> rows;
  for (uint16_t number = 0; number < kMaxInterfaces; ++number) {
    const std::optional<uint16_t>& port = state.interfaces[number];
    if (!port) continue;
    rows.push_back({.name = interface_name(number)});
    if (*port == kNoPort) continue;
    rows.back().port = state.ports[*port].name;
    rows.back().port_mtu_bytes = state.ports[*port].mtu_bytes;
  }
  return rows;
}

std::vector<AddressSpec> list_addresses(const RouteTables& tables) {
  const RouteTables::State& state = tables.state();
  std::vector<AddressSpec> rows;
  for (const OwnNetworks::Own& own : state.own.all()) rows.push_back({own.address, state.ports[own.port].name});
  return rows;
}

std::vector<RouteSpec> list_routes(const RouteTables& tables) {
  std::vector<RouteSpec> rows;
  for (const auto& [destination, spec] : tables.state().routes) rows.push_back(spec);
  return rows;
}

std::vector<NeighbourRow> list_neighbours(const RouteTables& tables) {
  const RouteTables::State& state = tables.state();
  std::vector<NeighbourRow> rows;
  for (const auto& [place, neighbour] : state.neighbours->all()) {
    rows.push_back({{place.address, state.ports[place.port].name, neighbour.mac}, neighbour.is_static});
  }
  return rows;
}

std::optional<IpPrefix> find_prefix(const RouteTables& tables, const IpAddress& address) {
  for (int bits = address.max_bits(); bits >= 0; --bits) {
    const IpPrefix prefix = IpPrefix{address, static_cast<uint8_t>(bits)}.masked();
    if (tables.state().next_hop_of(prefix)) return prefix;
  }
  return std::nullopt;
}

}  // namespace spigrp
