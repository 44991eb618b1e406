// NextHops: route lookups for the packets of one burst, both families, in bulk.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include <rte_mbuf.h>

#include "packet/burst.h"
#include "packet/headers.h"
#include "route/route_tables.h"

namespace spigrp {

inline Family family_of(const rte_mbuf* packet) noexcept {
  return *rte_pktmbuf_mtod(packet, const uint8_t*) >> 4 == 4 ? Family::kIpv4 : Family::kIpv6;
}

class NextHops {
 public:
  // The packet's destination; the header has been checked. At most kBurstCapacity of them.
  void add(const rte_mbuf* packet, Family family) noexcept {
    if (family == Family::kIpv4) {
      const auto& header = *rte_pktmbuf_mtod(packet, const Ipv4Header*);
      std::memcpy(&ipv4_[ipv4_count_], header.destination.data(), sizeof(uint32_t));
      ipv4_place_[ipv4_count_++] = count_++;
    } else {
      ipv6_[ipv6_count_] = rte_pktmbuf_mtod(packet, const Ipv6Header*)->destination;
      ipv6_place_[ipv6_count_++] = count_++;
    }
  }

  void look_up(const RouteTables& routes, Generation g) noexcept {
    const NextHop* found[kBurstCapacity];
    if (ipv4_count_ > 0) {
      routes.lookup_ipv4(ipv4_, ipv4_count_, g, found);
      for (uint16_t i = 0; i < ipv4_count_; ++i) hops_[ipv4_place_[i]] = found[i];
    }
    if (ipv6_count_ > 0) {
      routes.lookup_ipv6(ipv6_, ipv6_count_, g, found);
      for (uint16_t i = 0; i < ipv6_count_; ++i) hops_[ipv6_place_[i]] = found[i];
    }
  }

  // In the order of add().
  const NextHop& operator[](uint16_t place) const noexcept { return *hops_[place]; }

 private:
  uint16_t count_ = 0, ipv4_count_ = 0, ipv6_count_ = 0;
  uint16_t ipv4_place_[kBurstCapacity], ipv6_place_[kBurstCapacity];
  uint32_t ipv4_[kBurstCapacity];
  std::array<uint8_t, 16> ipv6_[kBurstCapacity];
  const NextHop* hops_[kBurstCapacity];
};

}  // namespace spigrp
