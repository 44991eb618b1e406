// The headers as they lie on the wire, byte for byte, without behaviour. Whoever casts to one has checked the length
// through parse_ip or header_at (ip_packet.h).
#pragma once

#include <array>
#include <cstdint>

#include "config/mac_address.h"
#include "packet/byte_order.h"

namespace spigrp {

struct EthernetHeader {
  MacAddress destination;
  MacAddress source;
  be16 ether_type;
};
static_assert(sizeof(EthernetHeader) == 14);

inline constexpr uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr uint16_t kEtherTypeArp = 0x0806;
inline constexpr uint16_t kEtherTypeIpv6 = 0x86dd;

// IP protocol numbers (IANA).
inline constexpr uint8_t kProtocolHopByHop = 0;
inline constexpr uint8_t kProtocolIcmp = 1;
inline constexpr uint8_t kProtocolIpip = 4;
inline constexpr uint8_t kProtocolTcp = 6;
inline constexpr uint8_t kProtocolUdp = 17;
inline constexpr uint8_t kProtocolIpv6 = 41;
inline constexpr uint8_t kProtocolRouting = 43;
inline constexpr uint8_t kProtocolFragment = 44;
inline constexpr uint8_t kProtocolEsp = 50;
inline constexpr uint8_t kProtocolAh = 51;
inline constexpr uint8_t kProtocolIcmpv6 = 58;
inline constexpr uint8_t kProtocolNoNext = 59;
inline constexpr uint8_t kProtocolDestinationOptions = 60;
inline constexpr uint8_t kProtocolIpcomp = 108;
inline constexpr uint8_t kProtocolSctp = 132;

struct Ipv4Header {  // RFC 791
  uint8_t version_ihl;
  uint8_t tos;  // DSCP and ECN
  be16 total_length;
  be16 identification;
  be16 flags_fragment;
  uint8_t ttl;
  uint8_t protocol;
  be16 checksum;
  std::array<uint8_t, 4> source;
  std::array<uint8_t, 4> destination;

  uint16_t header_bytes() const noexcept { return static_cast<uint16_t>((version_ihl & 0xf) * 4); }
  bool is_fragment() const noexcept { return (flags_fragment.host() & 0x3fff) != 0; }  // MF or an offset
};
static_assert(sizeof(Ipv4Header) == 20);

inline constexpr uint16_t kIpv4DontFragment = 0x4000, kIpv4MoreFragments = 0x2000;
inline constexpr uint8_t kIpv4OptionEnd = 0, kIpv4OptionNoOperation = 1;  // the two of one byte

struct Ipv6Header {  // RFC 8200
  be32 version_class_flow;
  be16 payload_length;
  uint8_t next_header;
  uint8_t hop_limit;
  std::array<uint8_t, 16> source;
  std::array<uint8_t, 16> destination;
};
static_assert(sizeof(Ipv6Header) == 40);

struct FragmentHeader {  // RFC 8200 section 4.5
  uint8_t next_header;
  uint8_t reserved;
  be16 offset_flags;  // the offset in bytes, a multiple of 8
  be32 identification;
};
static_assert(sizeof(FragmentHeader) == 8);

inline constexpr uint16_t kIpv6MoreFragments = 1;

struct EspHeader {  // RFC 4303 section 2; the IV, the payload and the trailer follow
  be32 spi;
  be32 sequence;
};
static_assert(sizeof(EspHeader) == 8);

struct EspTrailer {  // after the padding; the ICV follows
  uint8_t pad_length;
  uint8_t next_header;
};
static_assert(sizeof(EspTrailer) == 2);

struct AhHeader {  // RFC 4302 section 2; the ICV follows
  uint8_t next_header;
  uint8_t payload_length;  // of the whole header in 4-byte words, minus 2
  be16 reserved;
  be32 spi;
  be32 sequence;
};
static_assert(sizeof(AhHeader) == 12);

struct IpcompHeader {  // RFC 3173 section 3.3; the compressed payload follows
  uint8_t next_header;
  uint8_t flags;  // reserved: sent as 0, ignored by who receives it
  be16 cpi;
};
static_assert(sizeof(IpcompHeader) == 4);

inline constexpr uint16_t kCpiDeflate = 2;  // well-known (RFC 3173 section 3.3)

struct UdpHeader {
  be16 source_port;
  be16 destination_port;
  be16 length;
  be16 checksum;
};
static_assert(sizeof(UdpHeader) == 8);

inline constexpr uint8_t kNatKeepalive = 0xff;  // alone in a datagram (RFC 3948 section 2.3)

struct IcmpHeader {  // ICMP (RFC 792) and ICMPv6 (RFC 4443) begin alike
  uint8_t type;
  uint8_t code;
  be16 checksum;
  be32 rest;
};
static_assert(sizeof(IcmpHeader) == 8);

struct ArpPacket {  // RFC 826, Ethernet and IPv4
  be16 hardware_type;
  be16 protocol_type;
  uint8_t hardware_bytes;
  uint8_t protocol_bytes;
  be16 operation;
  MacAddress sender_mac;
  std::array<uint8_t, 4> sender_address;
  MacAddress target_mac;
  std::array<uint8_t, 4> target_address;
};
static_assert(sizeof(ArpPacket) == 28);

}  // namespace spigrp
