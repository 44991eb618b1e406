// Whose tunnel is it? A tun SA has no SPI on the wire, so when a tunnel header is outermost, the group follows from the
// ESP, AH or IPComp header below the tunnel headers, or, where there is none, from the outer addresses. (Not found:
// a well-known CPI below tunnel headers in a group that has esp or ah further in.)
#pragma once

#include "packet/ip_packet.h"
#include "sa/sa_tables.h"

namespace spigrp {

// Its header has the SPI or CPI of its SA.
inline constexpr bool names_sa(uint8_t ip_protocol) noexcept {
  return ip_protocol == kProtocolEsp || ip_protocol == kProtocolAh || ip_protocol == kProtocolIpcomp;
}

// UDP, whole or a first fragment, to a port where ESP may be behind it.
bool goes_to_encapsulation_port(const UdpPorts& ports, rte_mbuf* packet, const IpPacket& ip) noexcept;

// The key of the SA that the ESP, AH or IPComp header at the front of the payload names, or the ESP header behind a UDP
// header there; ok is false where the payload is too short for it.
struct ReceivedSaKey {
  SaKey key;
  bool ok;
};
ReceivedSaKey received_sa_key(rte_mbuf* packet, const IpPacket& ip) noexcept;

// The group to take off a packet whose payload is IPv4 or IPv6, or null and why.
struct FoundGroup {
  const SaGroup* group;
  DropReason reason;
};
FoundGroup find_tunnel_group(const SaTables& sas, rte_mbuf* packet, const IpPacket& ip, Generation g) noexcept;

}  // namespace spigrp
