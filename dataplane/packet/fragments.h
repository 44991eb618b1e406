// Cuts a packet into fragments (RFC 791 section 3.2, RFC 8200 section 4.5), each in a buffer of its own. librte_ip_frag
// would chain indirect buffers instead, which neither every port nor any transform takes, and repeats all IPv4 options.
// Whether a packet may be fragmented here at all is decided before.
#pragma once

#include <array>
#include <cstdint>

#include "packet/ip_packet.h"

struct rte_mbuf;
struct rte_mempool;

namespace spigrp {

inline constexpr uint16_t kMaxFragments = 64;  // of one packet

struct Fragments {
  uint16_t count = 0;   // 0: it cannot be done
  DropReason reason{};  // then why: too_big, no_room, malformed
  std::array<rte_mbuf*, kMaxFragments> packets;
};

// Fragments of at most limit_bytes, headers included, and of what a buffer of the pool holds. An IPv4 packet keeps its
// identification, and may be a fragment itself; an IPv6 one gets a fragment header behind its fixed header, and an
// identification that nobody foresees (RFC 7739). A fragment of more than a packet can hold is malformed: the offsets
// of its own fragments would begin again at 0, where ports are. When it is done the packet has been freed; else it is
// left to the caller.
Fragments fragment_packet(rte_mbuf* packet, const IpPacket& ip, uint32_t limit_bytes, rte_mempool* pool) noexcept;

}  // namespace spigrp
