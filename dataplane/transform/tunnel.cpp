// tun: IP in IP (RFC 2003, RFC 2473, RFC 4301 section 5.1.2), either family in either.
//
//   before:  [IP | payload]
//   after:   [outer IP | IP | payload]
//
// The outer header is the SA's template, which has the operator's choices; what it copies from the inner header,
// identification and lengths are per packet. On the way in DSCP, DF and TTL are left alone, and ECN is joined as RFC
// 6040 says, whatever the SA sends with. The inner packet is read in full by whoever gets it next.
#include <rte_mbuf.h>

#include "transform/step_burst.h"
#include "transform/transform.h"
#include "transform/tunnel_header.h"

namespace spigrp {
namespace {

void put_outer(rte_mbuf* packet, const Sa& sa, const IpPacket& ip, uint16_t identification) noexcept {
  const BehindTunnelHeader behind{rte_pktmbuf_mtod(packet, const uint8_t*), ip.family, tunnel_protocol(ip.family),
                                  ip.total_bytes};
  auto* start = reinterpret_cast<uint8_t*>(rte_pktmbuf_prepend(packet, sa.overhead.head_bytes));
  put_tunnel_header(start, sa.tunnel, behind, identification);
}

}  // namespace

void encap_tunnel(WorkerContext& context, Burst& burst) noexcept {
  StepBurst step(context, burst);
  step.each([&](uint16_t, BurstEntry& entry, StepBurst::Note& note) {
    return step.admit_outbound(entry, note, StepBurst::Position::kAroundPacket);
  });
  for (SaTally::Row& row : step.tally()) {
    if (row.sa->tunnel.family == Family::kIpv6) continue;
    row.next_identification = add_to(row.sa->identification, static_cast<uint16_t>(row.admitted), context.writers);
  }
  step.each([&](uint16_t, BurstEntry& entry, StepBurst::Note& note) {
    put_outer(entry.packet, *entry.sa, note.ip, step.tally().row(note.row).next_identification++);
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
  put_outer(packet, sa, ip, 0);
  return verdict;
}

void decap_tunnel(WorkerContext& context, Burst& burst) noexcept {
  StepBurst step(context, burst);
  step.each([&](uint16_t, BurstEntry& entry, StepBurst::Note& note) -> Verdict {
    if (const Verdict verdict = step.admit_inbound(entry, note); !verdict.kept()) return verdict;
    if (note.ip.next_header != kProtocolIpip && note.ip.next_header != kProtocolIpv6) {
      return DropReason::bad_next_header;
    }
    const TunnelPayload inner{tunnelled_family(note.ip.next_header), note.ip.header_bytes, note.ip.payload_bytes()};
    if (const Verdict verdict = check_tunnel(*entry.sa, entry.packet, inner); !verdict.kept()) return verdict;
    if (const Verdict verdict = take_tunnel_off(entry.packet, *entry.sa, inner); !verdict.kept()) return verdict;
    step.finish(note, note.ip.payload_bytes());
    return Verdict::keep();
  });
  step.note_uses();
}

}  // namespace spigrp
