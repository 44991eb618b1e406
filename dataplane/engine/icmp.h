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
inline constexpr uint8_t kIcmpv6Unreachable = 1;
inline constexpr uint8_t kIcmpv6PacketTooBig = 2;
inline constexpr uint8_t kIcmpv6TimeExceeded = 3;
inline constexpr uint8_t kIcmpv6LowestInformational = 128;
inline constexpr uint8_t kIcmpv6EchoRequest = 128;
inline constexpr uint8_t kIcmpv6EchoReply = 129;
inline constexpr uint8_t kIcmpv6NeighbourSolicitation = 135;
inline constexpr uint8_t kIcmpv6NeighbourAdvertisement = 136;

struct IcmpError {
  uint8_t type;
  uint8_t code;
  uint32_t rest = 0;  // the second word of the header: the MTU in bytes, where the error has one
};

inline IcmpError time_exceeded(Family family) noexcept {
  return {family == Family::kIpv4 ? kIcmpTimeExceeded : kIcmpv6TimeExceeded, 0};
}
// Communication administratively prohibited (RFC 1812 section 5.2.7.1, RFC 4443 section 3.1).
inline IcmpError prohibited(Family family) noexcept {
  return family == Family::kIpv4 ? IcmpError{kIcmpUnreachable, 13} : IcmpError{kIcmpv6Unreachable, 1};
}
// Fragmentation needed and DF set (RFC 1191 section 4), packet too big (RFC 4443 section 3.2).
inline IcmpError packet_too_big(Family family, uint32_t mtu_bytes) noexcept {
  return family == Family::kIpv4 ? IcmpError{kIcmpUnreachable, 4, mtu_bytes}
                                 : IcmpError{kIcmpv6PacketTooBig, 0, mtu_bytes};
}

bool is_icmp_error(Family family, uint8_t type) noexcept;

// Not about ICMP errors, later fragments, or from a source that is no single host (RFC 1122 section 3.2.2, RFC 4443
// section 2.4).
bool may_answer_with_error(rte_mbuf* packet, const IpPacket& ip) noexcept;

// A message from `source` to the packet's sender that quotes it: up to 576 bytes in all for IPv4 (RFC 1812 section
// 4.3.2.3), 1280 for IPv6. Null: no buffer.
rte_mbuf* make_icmp_error(const rte_mbuf* about, const IpPacket& ip, const IpAddress& source, IcmpError error,
                          rte_mempool* buffers) noexcept;

}  // namespace spigrp
