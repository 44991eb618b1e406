// What the operator types about the gateway's own place in the network: addresses, routes, neighbours.
#pragma once

#include <optional>
#include <string>

#include "config/ip_address.h"
#include "config/mac_address.h"

namespace spigrp {

struct AddressSpec {
  IpPrefix address;    // with host bits: makes a local route to the address and a connected one to the prefix
  std::string device;  // port

  friend bool operator==(const AddressSpec&, const AddressSpec&) = default;
};

struct RouteSpec {
  IpPrefix destination;
  std::optional<IpAddress> via;  // none: on-link
  std::string device;            // port or ipsec interface; empty: found from `via`, or without `via` a blackhole
};

struct NeighbourSpec {
  IpAddress address;
  std::string device;  // port
  MacAddress mac{};
};

struct NeighbourRow {
  NeighbourSpec spec;
  bool is_static = false;
};

struct InterfaceRow {
  std::string name;             // "ipsec0"
  std::string port;             // empty: detached
  uint16_t port_mtu_bytes = 0;  // 0: detached
  // Of the largest inner packet that every group fits through this port whole; 0: not told.
  uint16_t effective_mtu_bytes = 0;
};

// Less fits through to `destination` than its port takes, as routers said.
struct PathMtuRow {
  IpAddress destination;
  uint16_t mtu_bytes = 0;
  uint32_t expires_s = 0;  // from now
};

// Errors: families differ, host bits in a route's destination, an unspecified gateway.
Expected<void> validate(const RouteSpec& spec);
// Errors: not an address that a port can have, no port.
Expected<void> validate(const AddressSpec& spec);
// "ipsec0" … "ipsec63" → 0 … 63.
Expected<uint16_t> parse_interface_name(std::string_view name);

}  // namespace spigrp
