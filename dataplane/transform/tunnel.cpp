// tun: IP in IP (RFC 2003, RFC 2473, RFC 4301 section 5.1.2), either family in either.
//
//   before:  [IP | payload]
//   after:   [outer IP | IP | payload]
//
// The outer header is the SA's template, which has the operator's choices; what it copies from the inner header,
// identification and lengths are per packet. On the way in DSCP, DF and TTL are left alone, and ECN is joined as RFC
// 6040 says, whatever the SA sends with. The inner packet is read in full by whoever gets it next.
#include <rte_mbuf.h>

#include "packet/checksum.h"
#include "packet/traffic_class.h"
#include "transform/step_burst.h"
#include "transform/transform.h"

namespace spigrp {
namespace {

uint8_t outer_traffic_class(const TunnelTemplate& tunnel, const rte_mbuf* packet, Family inner) noexcept {
  return tunnel.traffic_class | static_cast<uint8_t>(traffic_class(packet, inner) & tunnel.copied_traffic_class_bits);
}

uint8_t ttl(const rte_mbuf* packet, Family family) noexcept {
  return family == Family::kIpv4 ? rte_pktmbuf_mtod(packet, const Ipv4Header*)->ttl
                                 : rte_pktmbuf_mtod(packet, const Ipv6Header*)->hop_limit;
}

uint8_t tunnel_protocol(Family inner) noexcept {
  return inner == Family::kIpv4 ? kProtocolIpip : kProtocolIpv6;
}

void put_outer_ipv4(rte_mbuf* packet, const Sa& sa, const IpPacket& inner, uint16_t identification) noexcept {
  const uint8_t tos = outer_traffic_class(sa.tunnel, packet, inner.family);
  const uint8_t inner_ttl = ttl(packet, inner.family);
  // An IPv6 packet must not be fragmented on its way (RFC 2460 section 5), so neither is one in a tunnel.
  const uint16_t inner_flags = inner.family == Family::kIpv6
                                   ? kIpv4DontFragment
                                   : rte_pktmbuf_mtod(packet, const Ipv4Header*)->flags_fragment.host();
  auto& outer = *reinterpret_cast<Ipv4Header*>(rte_pktmbuf_prepend(packet, sizeof(Ipv4Header)));
  outer = sa.tunnel.ipv4;
  outer.tos = tos;
  outer.total_length = be16::from_host(static_cast<uint16_t>(inner.total_bytes + sizeof(Ipv4Header)));
  outer.identification = be16::from_host(identification);
  outer.flags_fragment.wire |= be16::from_host(inner_flags & sa.tunnel.copied_flags).wire;
  if (sa.tunnel.copies_ttl) outer.ttl = inner_ttl;
  outer.protocol = tunnel_protocol(inner.family);
  outer.checksum = ipv4_header_checksum(outer);
}

void put_outer_ipv6(rte_mbuf* packet, const Sa& sa, const IpPacket& inner) noexcept {
  const uint8_t outer_class = outer_traffic_class(sa.tunnel, packet, inner.family);
  const uint8_t inner_ttl = ttl(packet, inner.family);
  auto& outer = *reinterpret_cast<Ipv6Header*>(rte_pktmbuf_prepend(packet, sizeof(Ipv6Header)));
  outer = sa.tunnel.ipv6;
  set_traffic_class(outer, outer_class);
  if (sa.tunnel.copies_ttl) outer.hop_limit = inner_ttl;
  outer.payload_length = be16::from_host(static_cast<uint16_t>(inner.total_bytes));
  outer.next_header = tunnel_protocol(inner.family);
}

// Outer source, outer destination, and an inner header of the family that the outer one announces.
Verdict check_tunnel(const BurstEntry& entry, const IpPacket& outer) noexcept {
  const Sa& sa = *entry.sa;
  if (outer.family != sa.id.destination.family || source_of(entry.packet, outer.family) != sa.source ||
      destination_of(entry.packet, outer.family) != sa.id.destination) {
    return DropReason::tunnel_mismatch;
  }
  const bool inner_is_ipv4 = outer.next_header == kProtocolIpip;
  const uint32_t payload_bytes = outer.payload_bytes();
  if (payload_bytes < (inner_is_ipv4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header))) return DropReason::runt;
  const auto* inner = rte_pktmbuf_mtod_offset(entry.packet, const uint8_t*, outer.header_bytes);
  if (inner[0] >> 4 != (inner_is_ipv4 ? 4 : 6)) return DropReason::malformed;
  const uint32_t inner_bytes =
      inner_is_ipv4 ? reinterpret_cast<const Ipv4Header*>(inner)->total_length.host()
                    : sizeof(Ipv6Header) + reinterpret_cast<const Ipv6Header*>(inner)->payload_length.host();
  return inner_bytes > payload_bytes ? Verdict(DropReason::runt) : Verdict::keep();
}

// RFC 6040 figure 4: what the inner header leaves with; the one illegal pair is CE around a packet without ECN.
bool join_ecn(uint8_t& inner_class, uint8_t outer_class) noexcept {
  const uint8_t inner = inner_class & kEcnMask, outer = outer_class & kEcnMask;
  if (inner == kNotEct) return outer != kCe;
  if (inner != kCe && (outer == kCe || outer == kEct1)) {
    inner_class = static_cast<uint8_t>((inner_class & ~kEcnMask) | outer);
  }
  return true;
}

Verdict take_outer_off(rte_mbuf* packet, const IpPacket& outer) noexcept {
  const uint8_t outer_class = traffic_class(packet, outer.family);
  const Family inner_family = outer.next_header == kProtocolIpip ? Family::kIpv4 : Family::kIpv6;
  rte_pktmbuf_adj(packet, outer.header_bytes);
  const uint8_t received_class = traffic_class(packet, inner_family);
  uint8_t joined_class = received_class;
  if (!join_ecn(joined_class, outer_class)) return DropReason::congested;
  if (joined_class == received_class) return Verdict::keep();
  if (inner_family == Family::kIpv4) {
    replace_tos(*rte_pktmbuf_mtod(packet, Ipv4Header*), joined_class);
  } else {
    set_traffic_class(*rte_pktmbuf_mtod(packet, Ipv6Header*), joined_class);
  }
  return Verdict::keep();
}

}  // namespace

void encap_tunnel(WorkerContext& context, Burst& burst) noexcept {
  StepBurst step(context, burst);
  step.each([&](uint16_t, BurstEntry& entry, StepBurst::Note& note) {
    return step.admit_outbound(entry, note, StepBurst::Position::kAroundPacket);
  });
  for (SaTally::Row& row : step.tally()) {
    if (row.sa->tunnel.family == Family::kIpv6) continue;
    row.next_identification =
        row.sa->identification.fetch_add(static_cast<uint16_t>(row.admitted), std::memory_order_relaxed);
  }
  step.each([&](uint16_t, BurstEntry& entry, StepBurst::Note& note) {
    if (entry.sa->tunnel.family == Family::kIpv4) {
      put_outer_ipv4(entry.packet, *entry.sa, note.ip, step.tally().row(note.row).next_identification++);
    } else {
      put_outer_ipv6(entry.packet, *entry.sa, note.ip);
    }
    step.finish(note, note.ip.total_bytes);
    return Verdict::keep();
  });
  step.note_uses();
}

Verdict rehearse_tunnel(const Sa& sa, rte_mbuf* packet, const Uses& before) noexcept {
  IpPacket ip;
  Verdict verdict = StepBurst::check_outbound(sa, packet, StepBurst::Position::kAroundPacket, ip);
  if (verdict.kept()) verdict = StepBurst::check_use(sa, ip.total_bytes, before);
  if (!verdict.kept()) return verdict;
  if (sa.tunnel.family == Family::kIpv4) {
    put_outer_ipv4(packet, sa, ip, 0);
  } else {
    put_outer_ipv6(packet, sa, ip);
  }
  return verdict;
}

void decap_tunnel(WorkerContext& context, Burst& burst) noexcept {
  StepBurst step(context, burst);
  step.each([&](uint16_t, BurstEntry& entry, StepBurst::Note& note) -> Verdict {
    if (const Verdict verdict = step.admit_inbound(entry, note); !verdict.kept()) return verdict;
    if (note.ip.next_header != kProtocolIpip && note.ip.next_header != kProtocolIpv6) {
      return DropReason::bad_next_header;
    }
    if (const Verdict verdict = check_tunnel(entry, note.ip); !verdict.kept()) return verdict;
    if (const Verdict verdict = take_outer_off(entry.packet, note.ip); !verdict.kept()) return verdict;
    step.finish(note, note.ip.payload_bytes());
    return Verdict::keep();
  });
  step.note_uses();
}

}  // namespace spigrp
