// UDP over IP (RFC 768): its lengths, checked, and the checksum that it shares with TCP.
#pragma once

#include <cstdint>

#include "packet/ip_packet.h"

namespace spigrp {

// The UDP header at the front of a whole packet's payload; ok only where its length is that of the payload and it lies
// in the first segment. Reasons: runt, malformed. The checksum is left to whoever needs it.
struct ParsedUdp {
  const UdpHeader* header;
  bool ok;
  DropReason reason;  // if not ok

  uint32_t payload_bytes() const noexcept { return header->length.host() - static_cast<uint32_t>(sizeof(UdpHeader)); }
};
ParsedUdp parse_udp(rte_mbuf* packet, const IpPacket& ip) noexcept;

// The UDP checksum of the datagram at the front of the payload of a packet in one segment, pseudo-header included; its
// own field must be zero. Never zero, which would say that there is none (RFC 768, RFC 8200 section 8.1).
be16 udp_checksum(const rte_mbuf* packet, const IpPacket& ip) noexcept;

// Makes the checksum of a whole TCP segment or UDP datagram, in one segment, right again after addresses have changed;
// none stays none, and what is too short is left as it is.
void repair_checksum(rte_mbuf* packet, const IpPacket& ip) noexcept;

}  // namespace spigrp
