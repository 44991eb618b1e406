// The octet that IPv4 calls TOS and IPv6 traffic class: DSCP (RFC 2474) and ECN (RFC 3168).
#pragma once

#include <rte_mbuf.h>

#include "config/ip_address.h"
#include "packet/headers.h"

namespace spigrp {

inline constexpr uint8_t kEcnMask = 3;
enum Ecn : uint8_t { kNotEct = 0, kEct1 = 1, kEct0 = 2, kCe = 3 };  // RFC 3168 section 5

inline uint8_t traffic_class(const Ipv6Header& header) noexcept {
  return static_cast<uint8_t>(header.version_class_flow.host() >> 20);
}

inline void set_traffic_class(Ipv6Header& header, uint8_t value) noexcept {
  const uint32_t others = header.version_class_flow.host() & ~(0xffu << 20);
  header.version_class_flow = be32::from_host(others | uint32_t{value} << 20);
}

// Of a packet whose header parse_ip has read.
inline uint8_t traffic_class(const rte_mbuf* packet, Family family) noexcept {
  return family == Family::kIpv4 ? rte_pktmbuf_mtod(packet, const Ipv4Header*)->tos
                                 : traffic_class(*rte_pktmbuf_mtod(packet, const Ipv6Header*));
}

}  // namespace spigrp
