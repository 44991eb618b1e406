// The lists of what there is now: for listings, and for the addresses that the control thread answers for. They are
// sorted, but for the addresses: the order in which these came says from which of them the gateway speaks.
#include "route/route_staging.h"

namespace spigrp {

void set_ports(RouteTables& tables, std::vector<PortFacts> ports) {
  tables.state().ports = std::move(ports);
}

namespace {

std::vector<InterfaceRow> rows_of(const Interfaces& interfaces, const std::vector<PortFacts>& ports) {
  std::vector<InterfaceRow> rows;
  for (uint16_t number = 0; number < kMaxInterfaces; ++number) {
    const std::optional<uint16_t>& port = interfaces[number];
    if (!port) continue;
    rows.push_back({.name = interface_name(number)});
    if (*port == kNoPort) continue;
    rows.back().port = ports[*port].name;
    rows.back().port_mtu_bytes = ports[*port].mtu_bytes;
  }
  return rows;
}

std::vector<AddressSpec> rows_of(const OwnNetworks& own, const std::vector<PortFacts>& ports) {
  std::vector<AddressSpec> rows;
  for (const OwnNetworks::Own& one : own.all()) rows.push_back({one.address, ports[one.port].name});
  return rows;
}

}  // namespace

std::vector<InterfaceRow> list_interfaces(const RouteTables& tables) {
  return rows_of(tables.state().interfaces, tables.state().ports);
}

std::vector<AddressSpec> list_addresses(const RouteTables& tables) {
  return rows_of(tables.state().own, tables.state().ports);
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

void RouteEdit::tell(RouteChangeListener& listener) const {
  const std::vector<PortFacts>& ports = staged_->state.ports;
  if (staged_->changed_interfaces) listener.interfaces(rows_of(*staged_->changed_interfaces, ports));
  if (staged_->changed_own) listener.addresses(rows_of(*staged_->changed_own, ports));
  for (const auto& [destination, spec] : staged_->routes) listener.route(destination, spec ? &*spec : nullptr);
  for (const auto& [place, neighbour] : staged_->neighbours.staged()) {
    const bool is_static = neighbour && neighbour->is_static;
    listener.neighbour(place.address, ports[place.port].name, is_static ? &neighbour->mac : nullptr);
  }
}

std::optional<IpPrefix> find_prefix(const RouteTables& tables, const IpAddress& address) {
  for (int bits = address.max_bits(); bits >= 0; --bits) {
    const IpPrefix prefix = IpPrefix{address, static_cast<uint8_t>(bits)}.masked();
    if (tables.state().next_hop_of(prefix)) return prefix;
  }
  return std::nullopt;
}

}  // namespace spigrp
