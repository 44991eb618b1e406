// RouteEdit: one transaction's edits of addresses, routes, neighbours and protected interfaces; checked as they come,
// linked under the next generation, like SaEdit. Before it is linked another may be made and linked that only learns
// neighbours (Versions::Interlude).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/ip_address.h"
#include "config/route_spec.h"
#include "route/route_tables.h"

namespace spigrp {

// A port as the route room needs to know it; the engine fills it in at start-up, in the order of port indices.
struct PortFacts {
  std::string name;
  uint16_t mtu_bytes;
  MacAddress mac;
};

// Is told what a transaction makes of the tables: who keeps a copy of them (control/store.h).
class RouteChangeListener {
 public:
  virtual ~RouteChangeListener() = default;
  virtual void interfaces(const std::vector<InterfaceRow>& all) = 0;
  virtual void addresses(const std::vector<AddressSpec>& all) = 0;
  virtual void route(const IpPrefix& destination, const RouteSpec* now) = 0;  // null: deleted
  // Static ones. Without `now`: there is none any more.
  virtual void neighbour(const IpAddress& address, const std::string& device, const MacAddress* now) = 0;
};

class RouteEdit {
 public:
  RouteEdit(RouteTables& tables, Versions& versions);
  ~RouteEdit();
  RouteEdit(const RouteEdit&) = delete;
  RouteEdit& operator=(const RouteEdit&) = delete;

  // Errors name the object: no such port or interface, exists, does not exist, table full, gateway not reachable
  // on-link.
  Expected<void> add_address(const AddressSpec& spec);
  Expected<void> delete_address(const AddressSpec& spec);
  Expected<void> add_route(const RouteSpec& spec);
  Expected<void> replace_route(const RouteSpec& spec);
  Expected<void> delete_route(const IpPrefix& destination);
  Expected<void> set_neighbour(const NeighbourSpec& spec);  // static; replaces a learned one
  Expected<void> delete_neighbour(const IpAddress& address, const std::string& device);
  // False where there is nothing to learn: not over a static one, nor over what an edit around this one changes.
  bool learn_neighbour(uint16_t port, const IpAddress& address, const MacAddress& mac);
  Expected<void> create_interface(const std::string& name);  // "ipsecN"
  Expected<void> delete_interface(const std::string& name);  // error: routes lead to it
  Expected<void> attach_interface(const std::string& name, const std::string& port);
  Expected<void> detach_interface(const std::string& name);
  void clear_interfaces();  // detaches and deletes all of them with their routes

  // What link() will change.
  void tell(RouteChangeListener& listener) const;

  void link() noexcept;  // as SaEdit::link()

 private:
  struct Staged;
  std::unique_ptr<Staged> staged_;
};

// control: what there is now, for listings and checks.
void set_ports(RouteTables& tables, std::vector<PortFacts> ports);  // once, before workers start
std::vector<InterfaceRow> list_interfaces(const RouteTables& tables);
std::vector<AddressSpec> list_addresses(const RouteTables& tables);  // the oldest first
std::vector<RouteSpec> list_routes(const RouteTables& tables);
std::vector<NeighbourRow> list_neighbours(const RouteTables& tables);
// control: the longest prefix in the table that holds the address: an own address, a route or a connected network
std::optional<IpPrefix> find_prefix(const RouteTables& tables, const IpAddress& address);

}  // namespace spigrp
