// RouteEdit's edits on their way: they lie over the tables, and a look here finds addresses, routes and interfaces as
// the edits so far leave them. For route_edit.cpp, which checks edits, and route_link.cpp, which puts them into the
// tables.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "route/route_state.h"

namespace spigrp {

struct RouteEdit::Staged {
  Staged(RouteTables::State& state, Versions& versions)
      : state(state), versions(versions), neighbours(*state.neighbours, versions) {}

  const OwnNetworks& own() const noexcept { return changed_own ? *changed_own : state.own; }
  const Interfaces& interfaces() const noexcept { return changed_interfaces ? *changed_interfaces : state.interfaces; }
  const RouteSpec* find_route(const IpPrefix& destination) const;
  std::optional<Device> find_device(const std::string& name) const {
    return spigrp::find_device(name, state.ports, interfaces());
  }

  OwnNetworks& own_to_change();
  Interfaces& interfaces_to_change();
  void put_route(const RouteSpec& spec);
  void erase_route(const IpPrefix& destination);

  std::string port_names() const;  // "ports are lan, wan"
  Expected<uint16_t> find_port(const std::string& object, const std::string& name) const;
  Expected<uint16_t> find_interface(const std::string& name) const;
  std::vector<IpPrefix> routes_to(const std::string& device) const;
  // Errors: no room in the table for so many prefixes more.
  Expected<void> check_room(const std::string& object, size_t prefixes) const;
  // Errors: the device does not exist, the gateway cannot be reached through it. Gives a route by a gateway alone its
  // device.
  Expected<void> complete(RouteSpec& spec) const;
  std::optional<uint16_t> port_towards(const IpAddress& gateway) const;
  bool reaches(uint16_t port, const IpAddress& gateway) const;

  bool is_empty() const noexcept {
    return !changed_own && !changed_interfaces && routes.empty() && touched.empty() && neighbours.staged().empty();
  }
  void link();
  void link_prefixes();

  RouteTables::State& state;
  Versions& versions;
  std::optional<OwnNetworks> changed_own;
  std::optional<Interfaces> changed_interfaces;
  std::map<IpPrefix, std::optional<RouteSpec>> routes;  // changed ones; nothing: deleted
  int64_t routes_growth = 0;
  std::set<IpPrefix> touched;           // prefixes that may lead elsewhere than before
  std::set<std::string> moved_devices;  // interfaces whose port changed
  NeighbourEdit neighbours;
};

}  // namespace spigrp
