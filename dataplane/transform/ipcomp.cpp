// ipcomp: IP Payload Compression (RFC 3173) with DEFLATE (RFC 2394), between the IP header and its payload.
//
//   before:  [IP | payload]
//   after:   [IP | next header, flags, CPI | payload, compressed]      where that is shorter
//            [IP | payload]                                            where it is not: exactly as it was
//
// "IP" is the header with options or with the extension headers that stay in front (parse_ip). On the way in a packet
// without this SA's header is one that the sender left as it was; the transform cannot tell and need not: inbound has
// found the group by the other SAs, and none of those may be absent. One level is taken off a step: IPComp right within
// IPComp is refused, so that what is inflated is bounded by the SAs of the group. Not here: other algorithms.
#include <algorithm>
#include <cstring>

#include <rte_mbuf.h>

#include "packet/buffer.h"
#include "transform/step_burst.h"
#include "transform/transform.h"

namespace spigrp {
namespace {

// RFC 2394 section 3: payloads below about 90 bytes mostly grow, so that trying is a waste.
constexpr uint32_t kLeastPayloadBytes = 90;

// RFC 3173 section 2.2: a fragment is not compressed, nor is what has been compressed.
bool may_shrink(const IpPacket& ip) noexcept {
  return ip.payload_bytes() >= kLeastPayloadBytes && ip.payload_bytes() <= Deflate::kMostBytes && !ip.is_fragment &&
         ip.next_header != kProtocolIpcomp;
}

std::span<const uint8_t> payload_of(const rte_mbuf* packet, const IpPacket& ip) noexcept {
  return {rte_pktmbuf_mtod_offset(packet, const uint8_t*, ip.header_bytes), ip.payload_bytes()};
}

Verdict check_family(const Sa& sa, const IpPacket& ip) noexcept {
  return ip.family == sa.id.destination.family ? Verdict::keep() : Verdict(DropReason::tunnel_mismatch);
}

// The payload's stream, if the packet with it is shorter than without.
std::span<const uint8_t> compressed(WorkerContext& context, const BurstEntry& entry, const IpPacket& ip) noexcept {
  CompressionTrials& trials = entry.sa->trials;
  if (!may_shrink(ip) || !trials.worth_trying()) return {};
  const size_t limit_bytes = ip.payload_bytes() - sizeof(IpcompHeader) - 1;
  const auto stream = context.deflate->compress(payload_of(entry.packet, ip), limit_bytes);
  if (stream.empty()) {
    trials.note_failure();
  } else {
    trials.note_success();
  }
  return stream;
}

void put_ipcomp(const BurstEntry& entry, const IpPacket& ip, std::span<const uint8_t> stream) noexcept {
  auto* ipcomp = rte_pktmbuf_mtod_offset(entry.packet, IpcompHeader*, ip.header_bytes);
  *ipcomp = {ip.next_header, 0, be16::from_host(static_cast<uint16_t>(entry.sa->id.spi))};
  std::memcpy(ipcomp + 1, stream.data(), stream.size());
  const auto total_bytes = static_cast<uint32_t>(ip.header_bytes + sizeof(IpcompHeader) + stream.size());
  rte_pktmbuf_trim(entry.packet, static_cast<uint16_t>(rte_pktmbuf_pkt_len(entry.packet) - total_bytes));
  rewrite_ip(entry.packet, ip, total_bytes, kProtocolIpcomp);
}

// Whether the IPComp header is one that this SA has put there.
bool is_of(const Sa& sa, const rte_mbuf* packet, const IpPacket& ip, const IpcompHeader& ipcomp) noexcept {
  const uint16_t cpi = ipcomp.cpi.host();
  return (cpi == sa.id.spi || cpi == kCpiDeflate) && destination_of(packet, ip.family) == sa.id.destination;
}

// How much payload an IP header of its own length field can announce, and a buffer hold behind this one.
size_t most_payload_bytes(const BufferPools& pools, const rte_mbuf* packet, const IpPacket& ip) noexcept {
  const size_t fixed_bytes = ip.family == Family::kIpv4 ? 0 : sizeof(Ipv6Header);
  const size_t in_buffer = std::max<size_t>(packet->buf_len, pools.most_bytes()) - RTE_PKTMBUF_HEADROOM;
  const size_t total_bytes = std::min(Deflate::kMostBytes + fixed_bytes, in_buffer);
  return total_bytes > ip.header_bytes ? total_bytes - ip.header_bytes : 0;
}

// Begins the packet further in front, or in a large buffer, where what it becomes would not fit behind. False: none.
bool make_room(rte_mbuf*& packet, const IpPacket& ip, size_t payload_bytes, const BufferPools& pools) noexcept {
  if (rte_pktmbuf_headroom(packet) + ip.header_bytes + payload_bytes <= packet->buf_len) return true;
  const auto more_bytes = static_cast<uint16_t>(payload_bytes - ip.payload_bytes());  // or it would fit
  rte_mbuf* roomy = make_writable(packet, RTE_PKTMBUF_HEADROOM, more_bytes, pools);
  if (roomy != nullptr) packet = roomy;
  return roomy != nullptr;
}

Verdict take_ipcomp_off(WorkerContext& context, BurstEntry& entry, const IpPacket& ip) noexcept {
  rte_mbuf*& packet = entry.packet;
  if (ip.next_header != kProtocolIpcomp) return Verdict::keep();
  if (ip.is_fragment) return DropReason::fragment;
  if (ip.payload_bytes() < sizeof(IpcompHeader)) return DropReason::runt;
  const auto ipcomp = *rte_pktmbuf_mtod_offset(packet, const IpcompHeader*, ip.header_bytes);
  if (!is_of(*entry.sa, packet, ip, ipcomp)) return Verdict::keep();
  if (ipcomp.next_header == kProtocolIpcomp) return DropReason::bad_compression;
  const auto stream = payload_of(packet, ip).subspan(sizeof(IpcompHeader));
  const Deflate::Inflated inflated =
      context.deflate->inflate(stream, most_payload_bytes(context.buffers(), packet, ip));
  switch (inflated.outcome) {
    case Deflate::Outcome::kCorrupt:
      return DropReason::bad_compression;
    case Deflate::Outcome::kTooLong:
      return DropReason::inflated_too_big;
    case Deflate::Outcome::kWhole:
      break;
  }
  if (!make_room(packet, ip, inflated.plain.size(), context.buffers())) return DropReason::no_room;
  std::copy(inflated.plain.begin(), inflated.plain.end(), rte_pktmbuf_mtod_offset(packet, uint8_t*, ip.header_bytes));
  const auto total_bytes = static_cast<uint16_t>(ip.header_bytes + inflated.plain.size());
  packet->data_len = total_bytes;
  packet->pkt_len = total_bytes;
  rewrite_ip(packet, ip, total_bytes, ipcomp.next_header);
  return Verdict::keep();
}

void note_compressed_bytes(SaTally& tally) noexcept {
  for (const SaTally::Row& row : tally) {
    row.sa->counters.compressed_bytes.fetch_add(row.compressed_bytes, std::memory_order_relaxed);
  }
}

}  // namespace

void encap_ipcomp(WorkerContext& context, Burst& burst) noexcept {
  StepBurst step(context, burst);
  step.each([&](uint16_t, BurstEntry& entry, StepBurst::Note& note) -> Verdict {
    Verdict verdict = step.admit_outbound(entry, note, StepBurst::Position::kAroundPacket);
    if (verdict.kept()) verdict = check_family(*entry.sa, note.ip);
    if (!verdict.kept()) return verdict;
    const auto stream = compressed(context, entry, note.ip);
    if (!stream.empty()) put_ipcomp(entry, note.ip, stream);
    step.finish(note, note.ip.total_bytes);
    step.tally().row(note.row).compressed_bytes += rte_pktmbuf_pkt_len(entry.packet);
    return Verdict::keep();
  });
  step.note_uses();
  note_compressed_bytes(step.tally());
}

// Nobody knows without compressing it how far a packet shrinks, or whether.
Verdict rehearse_ipcomp(const Sa& sa, rte_mbuf* packet, const Uses& before) noexcept {
  IpPacket ip;
  Verdict verdict = StepBurst::check_outbound(sa, packet, StepBurst::Position::kAroundPacket, ip);
  if (verdict.kept()) verdict = check_family(sa, ip);
  return verdict.kept() ? StepBurst::check_use(sa, ip.total_bytes, before) : verdict;
}

void decap_ipcomp(WorkerContext& context, Burst& burst) noexcept {
  StepBurst step(context, burst);
  step.each([&](uint16_t, BurstEntry& entry, StepBurst::Note& note) -> Verdict {
    if (const Verdict verdict = step.admit_inbound_or_fragment(entry, note); !verdict.kept()) return verdict;
    if (const Verdict verdict = take_ipcomp_off(context, entry, note.ip); !verdict.kept()) return verdict;
    step.finish(note, rte_pktmbuf_pkt_len(entry.packet));
    step.tally().row(note.row).compressed_bytes += note.ip.total_bytes;
    return Verdict::keep();
  });
  step.note_uses();
  note_compressed_bytes(step.tally());
}

}  // namespace spigrp
