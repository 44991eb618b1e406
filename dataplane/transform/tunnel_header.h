// The outer header of a tunnel: put in front of a packet, and looked at and taken off again. For tunnel.cpp, and for
// tunnel_esp.cpp, where ESP stands between it and the packet.
#pragma once

#include <bit>
#include <cstring>

#include <rte_mbuf.h>

#include "packet/checksum.h"
#include "packet/ip_packet.h"
#include "packet/traffic_class.h"
#include "sa/sa.h"
#include "transform/step_burst.h"

namespace spigrp {

inline uint8_t tunnel_protocol(Family inner) noexcept {
  return inner == Family::kIpv4 ? kProtocolIpip : kProtocolIpv6;
}
inline Family tunnelled_family(uint8_t protocol) noexcept {
  return protocol == kProtocolIpip ? Family::kIpv4 : Family::kIpv6;
}

// What an outer header says of what is behind it.
struct BehindTunnelHeader {
  const uint8_t* inner;  // the packet in the tunnel, from its IP header, wherever it stands
  Family inner_family;
  uint8_t protocol;        // of what comes first behind the outer header: the inner packet, or ESP
  uint32_t payload_bytes;  // all that is behind the outer header
};

namespace detail {

inline uint8_t traffic_class_of(const uint8_t* header, Family family) noexcept {
  return family == Family::kIpv4 ? header[1] : traffic_class(*reinterpret_cast<const Ipv6Header*>(header));
}
inline uint8_t time_to_live_of(const uint8_t* header, Family family) noexcept {
  return header[family == Family::kIpv4 ? offsetof(Ipv4Header, ttl) : offsetof(Ipv6Header, hop_limit)];
}

inline uint8_t outer_traffic_class(const TunnelTemplate& tunnel, const BehindTunnelHeader& behind) noexcept {
  return tunnel.traffic_class |
         static_cast<uint8_t>(traffic_class_of(behind.inner, behind.inner_family) & tunnel.copied_traffic_class_bits);
}

// Two fields of an IPv4 header as one word, as they lie on the wire.
inline uint32_t wire_word(uint16_t first, uint16_t second) noexcept {
  return first | uint32_t{second} << 16;
}

inline void put_outer_ipv4(uint8_t* start, const TunnelTemplate& tunnel, const BehindTunnelHeader& behind,
                           uint16_t identification) noexcept {
  const uint8_t ttl = tunnel.copies_ttl ? time_to_live_of(behind.inner, behind.inner_family) : tunnel.ipv4.ttl;
  be16 inner_flags = be16::from_host(kIpv4DontFragment);  // IPv6 is not fragmented on its way (RFC 8200 section 5)
  if (behind.inner_family == Family::kIpv4) {
    inner_flags = reinterpret_cast<const Ipv4Header*>(behind.inner)->flags_fragment;
  }
  const auto flags = static_cast<uint16_t>(tunnel.ipv4.flags_fragment.wire |
                                           (inner_flags.wire & be16::from_host(tunnel.copied_flags).wire));
  const be16 total_bytes = be16::from_host(static_cast<uint16_t>(behind.payload_bytes + sizeof(Ipv4Header)));
  // In registers, so that the checksum does not wait for what has just been stored.
  uint64_t addresses;
  std::memcpy(&addresses, tunnel.ipv4.source.data(), sizeof(addresses));
  const uint64_t first =
      wire_word(static_cast<uint16_t>(0x45 | outer_traffic_class(tunnel, behind) << 8), total_bytes.wire) |
      uint64_t{wire_word(be16::from_host(identification).wire, flags)} << 32;
  const uint32_t third = wire_word(static_cast<uint16_t>(ttl | behind.protocol << 8), 0);
  const uint64_t sum = (first & UINT32_MAX) + (first >> 32) + third + (addresses & UINT32_MAX) + (addresses >> 32);
  const uint32_t checked = third | uint32_t{static_cast<uint16_t>(~fold_sum(sum))} << 16;
  std::memcpy(start, &first, sizeof(first));
  std::memcpy(start + 8, &checked, sizeof(checked));
  std::memcpy(start + 12, &addresses, sizeof(addresses));
}

inline void put_outer_ipv6(uint8_t* start, const TunnelTemplate& tunnel, const BehindTunnelHeader& behind) noexcept {
  auto& outer = *reinterpret_cast<Ipv6Header*>(start);
  outer = tunnel.ipv6;
  set_traffic_class(outer, outer_traffic_class(tunnel, behind));
  if (tunnel.copies_ttl) outer.hop_limit = time_to_live_of(behind.inner, behind.inner_family);
  outer.payload_length = be16::from_host(static_cast<uint16_t>(behind.payload_bytes));
  outer.next_header = behind.protocol;
}

}  // namespace detail

// Writes the header; `identification` is for IPv4.
inline void put_tunnel_header(uint8_t* start, const TunnelTemplate& tunnel, const BehindTunnelHeader& behind,
                              uint16_t identification) noexcept {
  if (tunnel.family == Family::kIpv4) {
    detail::put_outer_ipv4(start, tunnel, behind, identification);
  } else {
    detail::put_outer_ipv6(start, tunnel, behind);
  }
}

// The packet in a tunnel, as the headers around it announce it.
struct TunnelPayload {
  Family family;
  uint32_t offset_bytes;  // from the outer header
  uint32_t bytes;
};

// Whether source and destination of the outer header are the SA's.
inline bool has_addresses_of(const Sa& sa, const uint8_t* outer) noexcept {
  if (sa.tunnel.family == Family::kIpv4) {
    return outer[0] >> 4 == 4 &&
           std::memcmp(outer + offsetof(Ipv4Header, source), sa.tunnel.ipv4.source.data(), 8) == 0;
  }
  return outer[0] >> 4 == 6 && std::memcmp(outer + offsetof(Ipv6Header, source), sa.tunnel.ipv6.source.data(), 32) == 0;
}

// Of what is in a tunnel: it is a packet of the family that was announced, and not longer than the `bytes` there are.
inline Verdict check_tunnelled(const uint8_t* header, Family family, uint32_t bytes) noexcept {
  const bool is_ipv4 = family == Family::kIpv4;
  if (bytes < fixed_header_bytes(family)) return DropReason::runt;
  if (header[0] >> 4 != (is_ipv4 ? 4 : 6)) return DropReason::malformed;
  const uint32_t announced_bytes =
      is_ipv4 ? reinterpret_cast<const Ipv4Header*>(header)->total_length.host()
              : sizeof(Ipv6Header) + reinterpret_cast<const Ipv6Header*>(header)->payload_length.host();
  return announced_bytes > bytes ? Verdict(DropReason::runt) : Verdict::keep();
}

// Outer source and destination are the SA's, and there is an inner header of the family that was announced.
inline Verdict check_tunnel(const Sa& sa, const rte_mbuf* packet, const TunnelPayload& inner) noexcept {
  const auto* outer = rte_pktmbuf_mtod(packet, const uint8_t*);
  if (!has_addresses_of(sa, outer)) return DropReason::tunnel_mismatch;
  return check_tunnelled(outer + inner.offset_bytes, inner.family, inner.bytes);
}

// RFC 6040 figure 4: what the inner header leaves with; the one illegal pair is CE around a packet without ECN.
inline bool join_ecn(uint8_t& inner_class, uint8_t outer_class) noexcept {
  const uint8_t inner = inner_class & kEcnMask, outer = outer_class & kEcnMask;
  if (inner == kNotEct) return outer != kCe;
  if (inner != kCe && (outer == kCe || outer == kEct1)) {
    inner_class = static_cast<uint8_t>((inner_class & ~kEcnMask) | outer);
  }
  return true;
}

// What ECN the packet that was in a tunnel leaves with, by the traffic class of the header that was around it.
inline Verdict join_ecn_of(rte_mbuf* packet, Family family, uint8_t outer_class) noexcept {
  if ((outer_class & kEct1) == 0) [[likely]]  // neither CE nor ECT(1): it leaves with its own
    return Verdict::keep();
  const uint8_t received_class = traffic_class(packet, family);
  uint8_t joined_class = received_class;
  if (!join_ecn(joined_class, outer_class)) return DropReason::congested;
  if (joined_class == received_class) return Verdict::keep();
  if (family == Family::kIpv4) {
    replace_tos(*rte_pktmbuf_mtod(packet, Ipv4Header*), joined_class);
  } else {
    set_traffic_class(*rte_pktmbuf_mtod(packet, Ipv6Header*), joined_class);
  }
  return Verdict::keep();
}

// Of a packet that check_tunnel() keeps: all that is in front of the inner packet.
inline Verdict take_tunnel_off(rte_mbuf* packet, const Sa& sa, const TunnelPayload& inner) noexcept {
  const uint8_t outer_class = traffic_class(packet, sa.tunnel.family);
  rte_pktmbuf_adj(packet, static_cast<uint16_t>(inner.offset_bytes));
  return join_ecn_of(packet, inner.family, outer_class);
}

}  // namespace spigrp
