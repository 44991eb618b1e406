// PlainPacket: a packet that is at no step of a group: received in the clear, out of a group, or made here. Its data
// begins at the IP header, which has been parsed.
#pragma once

#include <cstdint>

#include <rte_mbuf.h>

#include "engine/punt.h"
#include "packet/burst.h"
#include "packet/ip_packet.h"
#include "sa/sa_group.h"

namespace spigrp {

enum class Origin : uint8_t {
  kWire,   // received as it is
  kGroup,  // lost all transforms of a group
  kSelf,   // made here
  kHeld,   // was held by an eroute to %hold: accepted before, and its hop is used up
};

struct PlainPacket {
  rte_mbuf* packet;
  IpPacket ip;
  uint16_t port;  // received on
  Origin origin;
  uint8_t removed;       // SAs taken off so far
  const SaGroup* group;  // whose SAs were taken off last, or null
  bool to_everyone;      // came in an Ethernet broadcast or multicast frame
  // It, or the one that it answers, came out of a group that protects, whatever it came out of after. What is said of
  // such a packet, which quotes it, must leave protected too.
  bool was_protected;
};

// What a packet that waits takes along in its buffer, where a driver writes DPDK's own number of the port: the number
// of the port that it was received on, and whether it came protected.
void note_arrival(const PlainPacket& plain) noexcept;
// A packet with such a note that goes on.
PlainPacket held_packet(rte_mbuf* packet, const IpPacket& ip) noexcept;

// Never more than the burst that was received: a packet becomes at most one other packet.
struct PlainBurst {
  uint16_t count = 0;
  PlainPacket packets[kBurstCapacity];

  bool empty() const noexcept { return count == 0; }
  void push(const PlainPacket& packet) noexcept { packets[count++] = packet; }
  // The same without a copy (see Burst::add): whoever asks sets all fields.
  PlainPacket& add() noexcept { return packets[count++]; }
  void clear() noexcept { count = 0; }
  PlainPacket* begin() noexcept { return packets; }
  PlainPacket* end() noexcept { return packets + count; }
};

// How it counts when it is sent on as it is.
inline Passage passage_of(Origin origin) noexcept {
  switch (origin) {
    case Origin::kWire:
    case Origin::kHeld:
      return Passage::kPlain;
    case Origin::kGroup:
      return Passage::kTakenOff;
    case Origin::kSelf:
      break;
  }
  return Passage::kOwn;
}

// Not to be fragmented here: IPv6 from elsewhere (RFC 8200 section 4.5), or IPv4 with DF.
bool must_stay_whole(const PlainPacket& plain) noexcept;

namespace detail {
void cut_off_rest(rte_mbuf* packet, uint32_t total_bytes) noexcept;
}

// Cuts off what lies behind the IP packet: the padding of short Ethernet frames, traffic flow confidentiality padding
// (RFC 4303 section 2.7). total_bytes is at most the packet's length.
inline void trim_packet(rte_mbuf* packet, uint32_t total_bytes) noexcept {
  if (rte_pktmbuf_pkt_len(packet) != total_bytes) [[unlikely]]
    detail::cut_off_rest(packet, total_bytes);
}

}  // namespace spigrp
