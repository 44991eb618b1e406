// OwnNetworks: the gateway's own addresses in the order in which it got them, and the networks that they connect it to.
// Of several in one network the first is that from which it speaks. Control thread only; an edit works on a copy.
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
  std::vector<Own> all() const;  // the oldest first

  // The port that leads to a connected network: where several do, the first that got an address in it. Host prefixes
  // connect to nothing.
  std::optional<uint16_t> port_of(const IpPrefix& network) const;
  bool connects(const IpPrefix& network, uint16_t port) const;

  // Prefixes that these addresses put into the table, or some more.
  size_t prefix_count() const noexcept { return places_.size() + networks_.size(); }

 private:
  struct Place {
    IpAddress address;
    uint16_t port;
    friend auto operator<=>(const Place&, const Place&) = default;  // NOLINT(modernize-use-nullptr)
  };
  struct Entry {
    uint64_t number;  // higher than those of all before
    uint8_t bits;     // of the address's network
  };
  std::map<Place, Entry> places_;
  std::map<IpPrefix, std::map<uint64_t, uint16_t>> networks_;  // the port of each address in it, by its number
  uint64_t last_number_ = 0;
};

}  // namespace spigrp
