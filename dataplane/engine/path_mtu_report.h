// Reads what a router says about one of the gateway's own outer packets: fragmentation needed (RFC 1191 section 4),
// packet too big (RFC 4443 section 3.2). Nothing of it is authenticated, so it is believed only as far as RFC 4301
// section 8.2.1 and RFC 5927 section 4 let it:
//   - it goes to the address that the quoted packet came from;
//   - the quoted packet has an ESP or AH header, below outer headers of tun SAs or not, of an SA of ours that leads to
//     the quoted destination, with one of the sequence numbers that this SA gave out last;
//   - the MTU is less than what the quoted packet had, and less than a port's.
// Not read: packets of which only addresses can be seen (a bare tunnel, IPComp, a later fragment), because anybody
// could quote those; AH of which a router quotes only the 8 bytes that RFC 792 asks for, which do not show the number.
#pragma once

#include <cstdint>

#include "engine/icmp.h"
#include "engine/network.h"
#include "packet/ip_packet.h"

namespace spigrp {

// How far behind the SA's last sequence number a quoted one may be. A report is this late at most: at a million packets
// a second on one SA, 65 ms. Who does not see the packets has to guess one in so many.
inline constexpr uint32_t kReportedAmongLast = 65536;

constexpr bool is_path_mtu_report(Family family, uint8_t type, uint8_t code) noexcept {
  return family == Family::kIpv4 ? type == kIcmpUnreachable && code == 4 : type == kIcmpv6PacketTooBig;
}

struct PathMtuReport {
  IpAddress destination;  // of the outer packet
  uint16_t mtu_bytes;     // at least the lowest of the family
  bool ok;
  DropReason reason;  // if not ok
};
// An ICMP message of that type and code, in the packet's first segment.
PathMtuReport read_path_mtu_report(rte_mbuf* packet, const IpPacket& ip, const Network& network, Generation g) noexcept;

}  // namespace spigrp
