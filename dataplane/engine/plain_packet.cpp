// See plain_packet.h.
#include "engine/plain_packet.h"

#include <rte_mbuf.h>

#include "route/route_tables.h"

namespace spigrp {
namespace {

constexpr uint16_t kProtectedMark = 0x8000;
static_assert(kMaxPorts <= kProtectedMark);

}  // namespace

void note_arrival(const PlainPacket& plain) noexcept {
  plain.packet->port = static_cast<uint16_t>(plain.port | (plain.was_protected ? kProtectedMark : 0));
}

PlainPacket held_packet(rte_mbuf* packet, const IpPacket& ip) noexcept {
  return {.packet = packet,
          .ip = ip,
          .port = static_cast<uint16_t>(packet->port & ~kProtectedMark),
          .origin = Origin::kHeld,
          .removed = 0,
          .group = nullptr,
          .to_everyone = false,
          .was_protected = (packet->port & kProtectedMark) != 0};
}

bool must_stay_whole(const PlainPacket& plain) noexcept {
  if (plain.ip.family == Family::kIpv6) return plain.origin != Origin::kSelf;
  return (rte_pktmbuf_mtod(plain.packet, const Ipv4Header*)->flags_fragment.host() & kIpv4DontFragment) != 0;
}

void detail::cut_off_rest(rte_mbuf* packet, uint32_t total_bytes) noexcept {
  packet->pkt_len = total_bytes;
  rte_mbuf* last = packet;
  uint16_t segments = 1;
  for (; last->data_len < total_bytes; last = last->next, ++segments) total_bytes -= last->data_len;
  last->data_len = static_cast<uint16_t>(total_bytes);
  if (last->next == nullptr) return;
  packet->nb_segs = segments;
  rte_pktmbuf_free(last->next);
  last->next = nullptr;
}

}  // namespace spigrp
