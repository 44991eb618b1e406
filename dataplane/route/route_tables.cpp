// See route_tables.h.
#include "route/route_tables.h"

#include <algorithm>
#include <cstring>

#include "packet/burst.h"
#include "route/route_state.h"

namespace spigrp {
namespace {

constexpr NextHop kNowhere;

void resolve(const VersionedCell<NextHop>* next_hops, const uint64_t* numbers, uint16_t count, Generation g,
             const NextHop** out) noexcept {
  for (uint16_t i = 0; i < count; ++i) {
    const NextHop* found = next_hops[numbers[i]].at(g);
    out[i] = found == nullptr ? &kNowhere : found;
  }
}

NextHop next_hop_by(const RouteSpec& spec, const Device& device, const Interfaces& interfaces) {
  NextHop hop{.kind = device.kind, .on_link = !spec.via};
  if (spec.via) hop.gateway = *spec.via;
  if (device.kind == NextHopKind::kInterface) {
    hop.interface = device.index;
    hop.port = *interfaces[device.index];
  } else {
    hop.port = device.index;
  }
  return hop;
}

}  // namespace

std::string interface_name(uint16_t number) {
  return "ipsec" + std::to_string(number);
}

std::optional<uint16_t> find_port(const std::string& name, const std::vector<PortFacts>& ports) {
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].name == name) return static_cast<uint16_t>(i);
  }
  return std::nullopt;
}

std::optional<Device> find_device(const std::string& name, const std::vector<PortFacts>& ports,
                                  const Interfaces& interfaces) {
  if (const auto number = parse_interface_name(name); number && interfaces[*number]) {
    return Device{NextHopKind::kInterface, *number};
  }
  const auto port = find_port(name, ports);
  return port ? std::optional(Device{NextHopKind::kPort, *port}) : std::nullopt;
}

std::optional<NextHop> RouteTables::State::next_hop_of(const IpPrefix& prefix) const {
  const bool is_host = prefix.bits == prefix.address.max_bits();
  if (is_host && own.find(prefix.address)) return NextHop{.kind = NextHopKind::kLocal};
  // A route stands before the network that an address connects: it was asked for.
  if (const auto route = routes.find(prefix); route != routes.end()) {
    const RouteSpec& spec = route->second;
    if (spec.device.empty()) return NextHop{.kind = NextHopKind::kBlackhole};
    return next_hop_by(spec, *find_device(spec.device, ports, interfaces), interfaces);
  }
  const auto port = own.port_of(prefix);
  return port ? std::optional(NextHop{.kind = NextHopKind::kPort, .port = *port}) : std::nullopt;
}

RouteTables::RouteTables() : state_(std::make_unique<State>()) {}

RouteTables::~RouteTables() = default;

Expected<std::unique_ptr<RouteTables>> RouteTables::create(const TableOptions& sizes) {
  std::unique_ptr<RouteTables> tables(new RouteTables);
  State& state = *tables->state_;
  const uint32_t routes = std::max<uint32_t>(sizes.routes, 1);
  auto ipv4 = PrefixTable::create(Family::kIpv4, routes);
  if (!ipv4) return tl::unexpected(ipv4.error());
  auto ipv6 = PrefixTable::create(Family::kIpv6, routes);
  if (!ipv6) return tl::unexpected(ipv6.error());
  auto neighbours = NeighbourTable::create(sizes.neighbours);
  if (!neighbours) return tl::unexpected(neighbours.error());
  state.ipv4 = std::move(*ipv4);
  state.ipv6 = std::move(*ipv6);
  state.neighbours = std::move(*neighbours);
  state.route_capacity = routes;
  state.neighbour_capacity = sizes.neighbours;
  state.next_hops = std::make_unique<VersionedCell<NextHop>[]>(routes + size_t{1});
  for (uint32_t number = routes; number > 0; --number) state.free_numbers.push_back(number);
  return tables;
}

void RouteTables::lookup_ipv4(const uint32_t* destinations, uint16_t count, Generation g,
                              const NextHop** out) const noexcept {
  uint64_t numbers[kBurstCapacity];
  state_->ipv4->look_up(destinations, count, g, numbers);
  resolve(state_->next_hops.get(), numbers, count, g, out);
}

void RouteTables::lookup_ipv6(const std::array<uint8_t, 16>* destinations, uint16_t count, Generation g,
                              const NextHop** out) const noexcept {
  uint64_t numbers[kBurstCapacity];
  state_->ipv6->look_up(destinations, count, g, numbers);
  resolve(state_->next_hops.get(), numbers, count, g, out);
}

const NextHop& RouteTables::lookup(const IpAddress& destination, Generation g) const noexcept {
  const NextHop* found = nullptr;
  if (destination.family == Family::kIpv4) {
    uint32_t wire;
    std::memcpy(&wire, destination.bytes.data(), sizeof(wire));
    lookup_ipv4(&wire, 1, g, &found);
  } else {
    lookup_ipv6(&destination.bytes, 1, g, &found);
  }
  return *found;
}

const Neighbour* RouteTables::neighbour(const NeighbourKey& key, Generation g) const noexcept {
  return state_->neighbours->find(key, g);
}

Generation RouteTables::changed_at(Generation g) const noexcept {
  const Generation* changed = state_->changed_at.at(g);
  return changed == nullptr ? 0 : *changed;
}

}  // namespace spigrp
