// ICMP (RFC 792) and ICMPv6 (RFC 4443, RFC 4861): the types in use, and errors made from the packet that caused them.
#pragma once

#include <cstdint>

#include "config/ip_address.h"
#include "packet/ip_packet.h"

struct rte_mbuf;
struct rte_mempool;

namespace spigrp {

inline constexpr uint8_t kIcmpEchoReply = 0;
inline constexpr uint8_t kIcmpUnreachable = 3;
inline constexpr uint8_t kIcmpSourceQuench = 4;
inline constexpr uint8_t kIcmpRedirect = 5;
inline constexpr uint8_t kIcmpEchoRequest = 8;
inline constexpr uint8_t kIcmpTimeExceeded = 11;
inline constexpr uint8_t kIcmpParameterProblem = 12;
inline constexpr uint8_t kIcmpv6TimeExceeded = 3;
inline constexpr uint8_t kIcmpv6LowestInformational = 128;
inline constexpr uint8_t kIcmpv6EchoRequest = 128;
inline constexpr uint8_t kIcmpv6EchoReply = 129;
inline constexpr uint8_t kIcmpv6NeighbourSolicitation = 135;
inline constexpr uint8_t kIcmpv6NeighbourAdvertisement = 136;

struct IcmpError {
  uint8_t type;
  uint8_t code;
};
inline constexpr IcmpError kTimeExceeded{kIcmpTimeExceeded, 0};
inline constexpr IcmpError kTimeExceededIpv6{kIcmpv6TimeExceeded, 0};

bool is_icmp_error(Family family, uint8_t type) noexcept;

// Not about ICMP errors, later fragments, or from a source that is no single host (RFC 1122 section 3.2.2, RFC 4443
// section 2.4).
bool may_answer_with_error(rte_mbuf* packet, const IpPacket& ip) noexcept;

// A message from `source` to the packet's sender that quotes it: up to 576 bytes in all for IPv4 (RFC 1812 section
// 4.3.2.3), 1280 for IPv6. Null: no buffer.
rte_mbuf* make_icmp_error(const rte_mbuf* about, const IpPacket& ip, const IpAddress& source, IcmpError error,
                          rte_mempool* buffers) noexcept;

}  // namespace spigrp
