// Neighbour discovery (RFC 4861): solicitations and advertisements read and made. Who is asked and answered is decided
// in control_plane.cpp.
#pragma once

#include <optional>

#include "config/ip_address.h"
#include "config/mac_address.h"
#include "engine/arp.h"

struct rte_mbuf;
struct rte_mempool;

namespace spigrp {

struct NeighbourMessage {
  bool is_solicitation;
  bool overrides;                 // advertisement: takes the place of what is known (section 4.4)
  IpAddress source, target;       // source: unspecified during duplicate address detection
  std::optional<MacAddress> mac;  // solicitation: of its source; advertisement: of the target
};

// The message of a packet that begins at the IPv6 header; none where it fails a check of section 7.1.
std::optional<NeighbourMessage> read_neighbour_message(rte_mbuf* packet) noexcept;

// A frame to the target's solicited-node multicast address, Ethernet header included. Null: no buffer.
rte_mbuf* make_solicitation(const LinkSource& from, const IpAddress& target, rte_mempool* buffers) noexcept;
// A packet that begins at its IPv6 header: to whoever solicited, or to all nodes where that is unspecified.
rte_mbuf* make_advertisement(const LinkSource& from, const IpAddress& solicitor, rte_mempool* buffers) noexcept;

// 33:33 and the last four bytes of the address (RFC 2464 section 7).
MacAddress multicast_mac(const IpAddress& address) noexcept;

}  // namespace spigrp
