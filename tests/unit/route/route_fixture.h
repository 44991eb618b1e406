// Route tables with three ports, a clock, and short words for what a lookup finds, for the tests of this room.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "route/route_edit.h"
#include "route/route_state.h"

namespace spigrp::test {

inline constexpr uint16_t kLan = 0, kWan = 1, kDmz = 2;
inline constexpr MacAddress kMac{2, 0, 0, 0, 0, 1}, kOtherMac{2, 0, 0, 0, 0, 2};

inline IpAddress address(std::string_view text) {
  return parse_ip_address(text).value();
}
inline IpPrefix prefix(std::string_view text) {
  return parse_ip_prefix(text, HostBits::kAllowed).value();
}
// "10.2.0.0/16 via 192.0.2.2 dev wan", as `route` lists it.
inline std::string text(const RouteSpec& spec) {
  return spec.destination.text() + (spec.via ? " via " + spec.via->text() : "") +
         (spec.device.empty() ? "" : " dev " + spec.device);
}
inline RouteSpec route(std::string_view destination, std::string_view via = {}, std::string_view device = {}) {
  RouteSpec spec{.destination = prefix(destination), .device = std::string(device)};
  if (!via.empty()) spec.via = address(via);
  return spec;
}

struct Routes {
  explicit Routes(const TableOptions& sizes = {.neighbours = 16, .routes = 64})
      : tables(RouteTables::create(sizes).value()) {
    set_ports(*tables, {{"lan", 1500, kMac}, {"wan", 9000, kMac}, {"dmz", 1400, kMac}});
  }

  // One edit as a transaction of its own.
  template <class F>
  Expected<void> edit(F&& change) {
    RouteEdit edit(*tables, *versions);
    if (auto done = change(edit); !done) return done;
    edit.link();
    versions->publish();
    versions->reclaim();
    return {};
  }
  Expected<void> add_address(std::string_view own, const std::string& port) {
    return edit([&](RouteEdit& e) { return e.add_address({prefix(own), port}); });
  }
  Expected<void> delete_address(std::string_view own, const std::string& port) {
    return edit([&](RouteEdit& e) { return e.delete_address({prefix(own), port}); });
  }
  Expected<void> add_route(std::string_view destination, std::string_view via = {}, std::string_view device = {}) {
    return edit([&](RouteEdit& e) { return e.add_route(route(destination, via, device)); });
  }
  Expected<void> replace_route(std::string_view destination, std::string_view via = {}, std::string_view device = {}) {
    return edit([&](RouteEdit& e) { return e.replace_route(route(destination, via, device)); });
  }
  Expected<void> delete_route(std::string_view destination) {
    return edit([&](RouteEdit& e) { return e.delete_route(prefix(destination)); });
  }
  Expected<void> create_interface(const std::string& name) {
    return edit([&](RouteEdit& e) { return e.create_interface(name); });
  }
  Expected<void> delete_interface(const std::string& name) {
    return edit([&](RouteEdit& e) { return e.delete_interface(name); });
  }
  Expected<void> attach(const std::string& name, const std::string& port) {
    return edit([&](RouteEdit& e) { return e.attach_interface(name, port); });
  }
  Expected<void> detach(const std::string& name) {
    return edit([&](RouteEdit& e) { return e.detach_interface(name); });
  }
  Expected<void> set_neighbour(std::string_view host, const std::string& port, const MacAddress& mac) {
    return edit([&](RouteEdit& e) { return e.set_neighbour({address(host), port, mac}); });
  }
  Expected<void> delete_neighbour(std::string_view host, const std::string& port) {
    return edit([&](RouteEdit& e) { return e.delete_neighbour(address(host), port); });
  }
  void learn(std::string_view host, uint16_t port, const MacAddress& mac) {
    require(edit([&](RouteEdit& e) -> Expected<void> {
      e.learn_neighbour(port, address(host), mac);
      return {};
    }));
  }

  static void require(const Expected<void>& done) {
    BOOST_REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().text()));
  }
  // The error's text, or that there was none.
  static std::string refusal(const Expected<void>& done) { return done ? "not refused" : done.error().text(); }

  // Where a packet goes: "local", "lan", "wan via 192.0.2.2", "ipsec0 at wan via 192.0.2.2", "blackhole", "none".
  std::string hop(std::string_view destination, Generation g) const {
    const NextHop& hop = tables->lookup(address(destination), g);
    const std::string via = hop.on_link ? "" : " via " + hop.gateway.text();
    const std::string port = hop.port == kNoPort ? "no port" : tables->state().ports[hop.port].name;
    switch (hop.kind) {
      case NextHopKind::kNone:
        return "none";
      case NextHopKind::kLocal:
        return "local";
      case NextHopKind::kBlackhole:
        return "blackhole";
      case NextHopKind::kPort:
        return port + via;
      case NextHopKind::kInterface:
        return interface_name(hop.interface) + " at " + port + via;
    }
    return "?";
  }
  std::string hop(std::string_view destination) const { return hop(destination, versions->published()); }

  std::vector<std::string> routes() const {
    std::vector<std::string> rows;
    for (const RouteSpec& spec : list_routes(*tables)) rows.push_back(test::text(spec));
    return rows;
  }
  std::vector<std::string> addresses() const {
    std::vector<std::string> rows;
    for (const AddressSpec& spec : list_addresses(*tables)) rows.push_back(spec.address.text() + " dev " + spec.device);
    return rows;
  }
  std::vector<std::string> neighbours() const {
    std::vector<std::string> rows;
    for (const NeighbourRow& row : list_neighbours(*tables)) {
      rows.push_back(row.spec.address.text() + " dev " + row.spec.device + (row.is_static ? " static" : " learned"));
    }
    return rows;
  }
  const Neighbour* neighbour(std::string_view host, uint16_t port, Generation g) const {
    return tables->neighbour(NeighbourPlace{address(host), port}.key(), g);
  }
  const Neighbour* neighbour(std::string_view host, uint16_t port) const {
    return neighbour(host, port, versions->published());
  }

  std::unique_ptr<RouteTables> tables;
  std::unique_ptr<Versions> versions = Versions::create(4).value();  // goes before the tables
};

using Strings = std::vector<std::string>;

}  // namespace spigrp::test
