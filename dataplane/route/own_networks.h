// OwnNetworks: the gateway's own addresses, and the networks that they connect it to. Control thread only; an edit
// works on a copy.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "config/ip_address.h"

namespace spigrp {

class OwnNetworks {
 public:
  // An address with the bits of its network, which is not there yet on this port.
  void add(const IpPrefix& address, uint16_t port);
  // False: there is no such address with these bits on this port.
  bool remove(const IpPrefix& address, uint16_t port);

  struct Own {
    IpPrefix address;
    uint16_t port;
  };
  // An address, on any port; on this port.
  std::optional<Own> find(const IpAddress& address) const;
  std::optional<Own> find(const IpAddress& address, uint16_t port) const;
  std::vector<Own> all() const;  // by address, then by port

  // The port that leads to a connected network: where several do, the first that got an address in it. Host prefixes
  // connect to nothing.
  std::optional<uint16_t> port_of(const IpPrefix& network) const;
  bool connects(const IpPrefix& network, uint16_t port) const;

  // Prefixes that these addresses put into the table, or some more.
  size_t prefix_count() const noexcept { return bits_.size() + ports_.size(); }

 private:
  struct Place {
    IpAddress address;
    uint16_t port;
    friend auto operator<=>(const Place&, const Place&) = default;  // NOLINT(modernize-use-nullptr)
  };
  std::map<Place, uint8_t> bits_;                    // of each address's network
  std::map<IpPrefix, std::vector<uint16_t>> ports_;  // by network, a port for each address in it, oldest first
};

}  // namespace spigrp
