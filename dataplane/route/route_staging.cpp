// See route_staging.h.
#include "route/route_staging.h"

namespace spigrp {

const RouteSpec* RouteEdit::Staged::find_route(const IpPrefix& destination) const {
  if (const auto staged = routes.find(destination); staged != routes.end()) {
    return staged->second ? &*staged->second : nullptr;
  }
  const auto linked = state.routes.find(destination);
  return linked == state.routes.end() ? nullptr : &linked->second;
}

OwnNetworks& RouteEdit::Staged::own_to_change() {
  if (!changed_own) changed_own = state.own;
  return *changed_own;
}

Interfaces& RouteEdit::Staged::interfaces_to_change() {
  if (!changed_interfaces) changed_interfaces = state.interfaces;
  return *changed_interfaces;
}

void RouteEdit::Staged::put_route(const RouteSpec& spec) {
  if (find_route(spec.destination) == nullptr) ++routes_growth;
  routes[spec.destination] = spec;
}

void RouteEdit::Staged::erase_route(const IpPrefix& destination) {
  --routes_growth;
  routes[destination] = std::nullopt;
}

std::string RouteEdit::Staged::port_names() const {
  std::string names;
  for (const PortFacts& port : state.ports) names += (names.empty() ? "" : ", ") + port.name;
  return names.empty() ? "there are no ports" : "ports are " + names;
}

Expected<uint16_t> RouteEdit::Staged::find_port(const std::string& object, const std::string& name) const {
  if (const auto port = spigrp::find_port(name, state.ports)) return *port;
  return failure(object, "no such port: " + as_typed(name), port_names());
}

Expected<uint16_t> RouteEdit::Staged::find_interface(const std::string& name) const {
  const auto number = parse_interface_name(name);
  if (number && interfaces()[*number]) return *number;
  if (!number) return tl::unexpected(number.error());
  return failure(name, "no such interface", "make it first with: tncfg --create " + name);
}

std::vector<IpPrefix> RouteEdit::Staged::routes_to(const std::string& device) const {
  std::vector<IpPrefix> found;
  for (const auto& [destination, spec] : state.routes) {
    if (spec.device == device && !routes.contains(destination)) found.push_back(destination);
  }
  for (const auto& [destination, spec] : routes) {
    if (spec && spec->device == device) found.push_back(destination);
  }
  return found;
}

Expected<void> RouteEdit::Staged::check_room(const std::string& object, size_t prefixes) const {
  const int64_t after = static_cast<int64_t>(state.routes.size() + own().prefix_count() + prefixes) + routes_growth;
  if (after <= int64_t{state.route_capacity}) return {};
  return failure(object,
                 "the table is full: it has room for " + std::to_string(state.route_capacity) +
                     " routes, of which an own address takes two",
                 "raise routes in the configuration's [tables]");
}

Expected<void> RouteEdit::Staged::complete(RouteSpec& spec) const {
  const std::string object = "route " + spec.destination.text();
  if (spec.via && own().find(*spec.via)) {
    return failure(object, "its gateway " + spec.via->text() + " is an own address", "name the next gateway");
  }
  if (spec.device.empty()) {
    if (!spec.via) return {};
    const auto port = port_towards(*spec.via);
    if (!port) {
      return failure(object, "its gateway " + spec.via->text() + " is in no network that a port is connected to",
                     "name another, or the device with: --dev");
    }
    spec.device = state.ports[*port].name;
    return {};
  }
  const auto device = find_device(spec.device);
  if (!device) {
    const auto number = parse_interface_name(spec.device);
    return failure(object, "no such device: " + as_typed(spec.device),
                   number ? "make it first with: tncfg --create " + spec.device
                          : port_names() + ", and tncfg lists the protected interfaces");
  }
  // An ipsec interface may be attached to a port that reaches the gateway later.
  if (!spec.via || device->kind == NextHopKind::kInterface || reaches(device->index, *spec.via)) return {};
  return failure(object,
                 "its gateway " + spec.via->text() + " is in no network that " + spec.device + " is connected to",
                 "name another, or give " + spec.device + " an address in its network with: address --add");
}

// The port that leads to the gateway directly, by the longest network.
std::optional<uint16_t> RouteEdit::Staged::port_towards(const IpAddress& gateway) const {
  for (int bits = gateway.max_bits(); bits >= 0; --bits) {
    const IpPrefix network = IpPrefix{gateway, static_cast<uint8_t>(bits)}.masked();
    const RouteSpec* route = find_route(network);
    if (route != nullptr && !route->via) {
      if (const auto port = spigrp::find_port(route->device, state.ports)) return port;
    }
    if (const auto port = own().port_of(network)) return port;
  }
  return std::nullopt;
}

// Whether one of the port's own networks, or a route straight out of it, holds the gateway. Link-local addresses are
// on every link.
bool RouteEdit::Staged::reaches(uint16_t port, const IpAddress& gateway) const {
  if (IpPrefix{{Family::kIpv6, {0xfe, 0x80}}, 10}.contains(gateway)) return true;
  for (int bits = gateway.max_bits(); bits >= 0; --bits) {
    const IpPrefix network = IpPrefix{gateway, static_cast<uint8_t>(bits)}.masked();
    const RouteSpec* route = find_route(network);
    if (route != nullptr && !route->via && route->device == state.ports[port].name) return true;
    if (own().connects(network, port)) return true;
  }
  return false;
}

}  // namespace spigrp
