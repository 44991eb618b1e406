// The one checked length reader. parse_ip follows an IP header chain to where ESP, AH or the payload begins and
// believes no length that it has not compared with the bytes there are. Everything after it may index within what it
// returned.
#pragma once

#include <cstdint>
#include <optional>

#include "config/ip_address.h"
#include "packet/drop_reason.h"
#include "packet/headers.h"

struct rte_mbuf;

namespace spigrp {

inline constexpr uint8_t kMaxExtensionHeaders = 8;  // hop-by-hop, routing, destination options, fragment

constexpr bool is_extension_header(uint8_t next_header) noexcept {
  return next_header == kProtocolHopByHop || next_header == kProtocolRouting || next_header == kProtocolFragment ||
         next_header == kProtocolDestinationOptions;
}

// What comes behind the header is an IP packet.
constexpr bool is_tunnel_protocol(uint8_t next_header) noexcept {
  return next_header == kProtocolIpip || next_header == kProtocolIpv6;
}

// Of the IP header without options and extension headers.
constexpr uint16_t fixed_header_bytes(Family family) noexcept {
  return family == Family::kIpv4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header);
}

// A parsed IP packet. Offsets in bytes from the IP header.
struct IpPacket {
  Family family;
  uint8_t next_header;          // protocol of the payload: TCP, ESP, AH, IPIP …
  uint16_t next_header_offset;  // where the field lies that names it (to be overwritten when a header is put in)
  uint16_t header_bytes;        // IP header, options and the extension headers that stay before ESP, AH, IPComp
  bool is_fragment;             // anything but a whole packet
  uint32_t total_bytes;         // by the IP header's own length field; ≤ the mbuf's length

  uint32_t payload_bytes() const noexcept { return total_bytes - header_bytes; }
};

// Reads the header chain at the mbuf's data. The headers must lie in its first segment; the total length may span
// segments. IPv4: version, IHL, total length, header checksum, lengths of options. IPv6: version, payload length (no
// jumbograms), at most kMaxExtensionHeaders; destination options are payload (RFC 4303 section 3.1.1 lets ESP go before
// them) unless routing, a fragment header, ESP, AH, IPComp or a tunnel's packet comes after them. Reasons: runt,
// malformed, too_many_headers.
struct ParsedIp {
  IpPacket ip;
  bool ok;
  DropReason reason;  // if not ok
};
inline ParsedIp parse_ip(const rte_mbuf* packet) noexcept;
// The same to where the packet's description is kept, for those who read one after the other: why not, or nothing.
[[nodiscard]] inline std::optional<DropReason> read_ip(const rte_mbuf* packet, IpPacket& ip) noexcept;
// The same for a whole packet without options or extension headers that is in order, as nearly all are. False: it is
// something else, and read_ip() says what.
[[nodiscard]] inline bool read_usual_ipv4(const rte_mbuf* packet, IpPacket& ip) noexcept;
[[nodiscard]] inline bool read_usual_ipv6(const rte_mbuf* packet, IpPacket& ip) noexcept;

// A header of type T at an offset of the mbuf's first segment, or null if it does not lie wholly within it.
template <class T>
T* header_at(rte_mbuf* packet, uint32_t offset_bytes) noexcept;

// What a packet does not show of its flow: a later fragment has no ports, and an IPv6 one perhaps no protocol; a header
// may be cut short.
enum class UnknownFields : uint8_t { kNone = 0, kPorts = 1, kProtocolAndPorts = 2, kIcmpType = 3 };

// What a selector looks at (RFC 4301 section 4.4.1.1). TCP, UDP and SCTP have ports; of ICMP the type stands as source
// port and the code as destination port. They are 0 where there are none or they are unknown. 40 bytes without padding,
// so that it can be a hash key.
struct FlowKey {
  std::array<uint8_t, 16> source;  // IPv4 in the first 4 bytes, the rest zero
  std::array<uint8_t, 16> destination;
  be16 source_port;
  be16 destination_port;
  uint8_t protocol;
  Family family;
  UnknownFields unknown = {};
  uint8_t zero = 0;

  friend bool operator==(const FlowKey&, const FlowKey&) = default;
};
static_assert(sizeof(FlowKey) == 40);

// Of a fragment: whether the payload begins in it.
bool is_first_fragment(const rte_mbuf* packet, const IpPacket& ip) noexcept;

FlowKey flow_key(const rte_mbuf* packet, const IpPacket& ip) noexcept;
// The flow the other way round. ICMP keeps type and code (RFC 4301 section 4.4.1.1 has them alike both ways).
FlowKey reversed(const FlowKey& key) noexcept;
// TCP, UDP and SCTP: their headers begin with the ports.
constexpr bool has_ports(uint8_t protocol) noexcept {
  return protocol == kProtocolTcp || protocol == kProtocolUdp || protocol == kProtocolSctp;
}

constexpr bool is_icmp(const FlowKey& key) noexcept {
  return key.protocol == (key.family == Family::kIpv4 ? kProtocolIcmp : kProtocolIcmpv6);
}

// By the version of the header, which has been checked.
inline Family family_of(const rte_mbuf* packet) noexcept;
IpAddress source_of(const rte_mbuf* packet, Family family) noexcept;
IpAddress destination_of(const rte_mbuf* packet, Family family) noexcept;

// Sets the length field (and for IPv4 the checksum, by a full recomputation) to the new total and the protocol to
// next_header, at ip.next_header_offset.
inline void rewrite_ip(rte_mbuf* packet, const IpPacket& ip, uint32_t total_bytes, uint8_t next_header) noexcept;

}  // namespace spigrp

#include "packet/ip_packet_inline.h"
