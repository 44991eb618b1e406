// OwnAddresses: the gateway's own address on each port, from which it speaks: ICMP errors, ARP and neighbour
// solicitations. The control thread keeps it up to date with the address list; workers read a version of it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/ip_address.h"
#include "config/route_spec.h"
#include "route/route_tables.h"

namespace spigrp {

struct OwnAddresses {
  struct OfPort {
    std::vector<IpPrefix> prefixes;  // with host bits

    // The one whose prefix holds `other`, else any of its family.
    std::optional<IpAddress> towards(const IpAddress& other) const noexcept {
      std::optional<IpAddress> best;
      for (const IpPrefix& own : prefixes) {
        if (own.address.family != other.family) continue;
        if (own.contains(other)) return own.address;
        if (!best) best = own.address;
      }
      return best;
    }
    bool has(const IpAddress& address) const noexcept {
      for (const IpPrefix& own : prefixes) {
        if (own.address == address) return true;
      }
      return false;
    }
    // Whether a host with this address can be a neighbour on the port's link, and is worth a place in the table.
    bool reaches(const IpAddress& address) const noexcept {
      const bool is_link_local =
          address.family == Family::kIpv6 && address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80;
      return is_link_local ||
             std::any_of(prefixes.begin(), prefixes.end(), [&](const IpPrefix& own) { return own.contains(address); });
    }
    friend bool operator==(const OfPort&, const OfPort&) = default;
  };

  std::array<OfPort, kMaxPorts> ports;

  friend bool operator==(const OwnAddresses&, const OwnAddresses&) = default;
};

}  // namespace spigrp
