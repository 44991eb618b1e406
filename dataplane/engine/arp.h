// ARP (RFC 826) for IPv4 over Ethernet: packets read and made. Who is asked and answered is decided in
// control_plane.cpp.
#pragma once

#include <optional>

#include "config/ip_address.h"
#include "config/mac_address.h"

struct rte_mbuf;
struct rte_mempool;

namespace spigrp {

struct ArpMessage {
  bool is_request;
  MacAddress sender_mac;
  IpAddress sender, target;
};

// The message of a packet that begins at the ARP header; none where it is no such message, or from an address that no
// host can have.
std::optional<ArpMessage> read_arp(rte_mbuf* packet) noexcept;

struct LinkSource {
  MacAddress mac;
  IpAddress address;
};

// Frames, Ethernet header included. Null: no buffer.
rte_mbuf* make_arp_request(const LinkSource& from, const IpAddress& target, rte_mempool* buffers) noexcept;
rte_mbuf* make_arp_reply(const LinkSource& from, const ArpMessage& request, rte_mempool* buffers) noexcept;

}  // namespace spigrp
