// esp: Encapsulating Security Payload (RFC 4303), between the IP header and its payload.
//
//   before:  [IP | payload]
//   after:   [IP | SPI, sequence | IV | payload | padding, pad length, next header | ICV]
//                                     '-------------- encrypted -----------------'
//                 '------------------------- authenticated ---------------------'
//   in UDP:  [IP | UDP | SPI, sequence | …                                          (RFC 3948)
//
// "IP" is the header with options or with the extension headers that stay in front (parse_ip). On the way out the IP
// header moves to the front and the payload stays where it is; on the way in it moves back. In a tunnel the payload is
// an IP packet, to which nothing here looks. The upper half of an extended sequence number is authenticated as well:
// in the AAD of a combined mode (RFC 4106 section 5), else behind all that is sent (RFC 4303 section 2.2.1).
// The UDP header, which nothing protects, has no checksum over IPv4 (RFC 3948 section 2.1); over IPv6 it has one,
// because many drop what has none (RFC 8200 section 8.1, RFC 6936), and on the way in none is looked at. The
// pseudo-header is that of a packet without a routing header.
#include <algorithm>
#include <array>
#include <cstring>

#include <rte_mbuf.h>

#include "packet/udp_datagram.h"
#include "transform/esp_layout.h"
#include "transform/step_burst.h"
#include "transform/transform.h"

namespace spigrp {
namespace {

using Jobs = std::array<CryptoJob, kBurstCapacity>;

// Puts ESP header and trailer around the payload, in the clear, with room for the IV, the ICV and a UDP header.
EspHeader* put_headers(const Sa& sa, rte_mbuf* packet, const IpPacket& ip) noexcept {
  const uint32_t pad_bytes = padding_bytes(sa, ip.payload_bytes());

  char* start = rte_pktmbuf_prepend(packet, head_bytes(sa));
  std::memmove(start, start + head_bytes(sa), ip.header_bytes);
  auto* esp = reinterpret_cast<EspHeader*>(start + ip.header_bytes + sa.udp_bytes);
  esp->spi = sa.spi;

  const uint16_t tail_bytes = static_cast<uint16_t>(pad_bytes + sizeof(EspTrailer) + sa.icv_bytes);
  put_trailer(sa, rte_pktmbuf_append(packet, tail_bytes), pad_bytes, ip.next_header);

  rewrite_ip(packet, ip, rte_pktmbuf_pkt_len(packet), sa.udp_bytes == 0 ? kProtocolEsp : kProtocolUdp);
  return esp;
}

// All of it but what the cipher and the authenticator do; makes the job that does that.
void put_esp(const BurstEntry& entry, const IpPacket& ip, const uint8_t* random_iv, UnsentBytes& unsent,
             CryptoJob& job) noexcept {
  const Sa& sa = *entry.sa;
  EspHeader* esp = put_headers(sa, entry.packet, ip);
  esp->sequence = be32::from_host(static_cast<uint32_t>(entry.sequence));
  put_iv(entry, random_iv, reinterpret_cast<uint8_t*>(esp + 1));
  const uint32_t text_bytes = rte_pktmbuf_pkt_len(entry.packet) - ip.header_bytes - fixed_bytes(sa);
  make_job<Purpose::kProtect>(entry, esp, text_bytes, unsent, job);
}

// In front of finished ESP, because the checksum covers it.
void put_udp(const BurstEntry& entry, IpPacket ip) noexcept {
  const SaUdp& udp = *entry.sa->udp;
  ip.total_bytes = rte_pktmbuf_pkt_len(entry.packet);
  auto& header = *rte_pktmbuf_mtod_offset(entry.packet, UdpHeader*, ip.header_bytes);
  header = {be16::from_host(udp.ports.source_port), be16::from_host(udp.to_peer->port()),
            be16::from_host(static_cast<uint16_t>(ip.payload_bytes())), be16{}};
  if (ip.family == Family::kIpv6) header.checksum = udp_checksum(entry.packet, ip);
}

// What goes before ESP must be what the SA has there. Its source port may have been translated.
Verdict check_encapsulation(const BurstEntry& entry, const IpPacket& ip) noexcept {
  const Sa& sa = *entry.sa;
  if (ip.next_header != kProtocolEsp && ip.next_header != kProtocolUdp) return DropReason::bad_next_header;
  if ((ip.next_header == kProtocolUdp) != (sa.udp_bytes != 0)) return DropReason::encapsulation_mismatch;
  if (sa.udp_bytes == 0) [[likely]]
    return Verdict::keep();
  const ParsedUdp udp = parse_udp(entry.packet, ip);
  if (!udp.ok) return udp.reason;
  if (udp.header->destination_port.host() != sa.udp->ports.destination_port) return DropReason::encapsulation_mismatch;
  return Verdict::keep();
}

// Lengths and replay, before any key is touched; then the job.
Verdict check_esp(BurstEntry& entry, const IpPacket& ip) noexcept {
  const Sa& sa = *entry.sa;
  if (const Verdict verdict = check_encapsulation(entry, ip); !verdict.kept()) return verdict;
  if (ip.payload_bytes() < fixed_bytes(sa) + sizeof(EspTrailer)) return DropReason::runt;
  if ((ip.payload_bytes() - fixed_bytes(sa)) % sa.block_bytes != 0) return DropReason::bad_length;
  return StepBurst::check_replay(entry, esp_of(entry, ip)->sequence.host());
}

// The peer's newest packet, authenticated, says where the peer is now. Its port alone is followed: whoever is at
// another address has other SAs.
void follow_peer(const BurstEntry& entry, const IpPacket& ip) noexcept {
  const Sa& sa = *entry.sa;
  const auto& header = *rte_pktmbuf_mtod_offset(entry.packet, const UdpHeader*, ip.header_bytes);
  const uint16_t port = header.source_port.host();
  PeerPort& peer = *sa.udp->from_peer;
  if (port == peer.port() || port == 0 || !sa.udp->follows || entry.sequence != sa.replay.highest()) return;
  if (source_of(entry.packet, ip.family) == sa.source) peer.follow(port);
}

// RFC 3948 section 3.1.2, the second way: in transport mode the sender's checksum was over addresses that have been
// translated since. What they were is not known here; that the payload came as it was sent, the ICV has shown.
void mend_payload(const BurstEntry& entry, IpPacket ip, uint8_t next_header) noexcept {
  if (entry.sa->icv_bytes == 0) return;
  ip.next_header = next_header;
  ip.total_bytes = rte_pktmbuf_pkt_len(entry.packet);
  repair_checksum(entry.packet, ip);
}

// The trailer, from the end: next header, pad length, padding. What passes leaves the packet as it was before ESP.
Verdict take_esp_off(const BurstEntry& entry, const IpPacket& ip) noexcept {
  const Sa& sa = *entry.sa;
  const uint16_t taken_bytes = head_bytes(sa);
  const uint32_t text_bytes = ip.payload_bytes() - fixed_bytes(sa);
  const auto* text = rte_pktmbuf_mtod_offset(entry.packet, const uint8_t*, ip.header_bytes + taken_bytes);
  EspTrailer trailer;
  if (const Verdict verdict = read_trailer(text, text_bytes, trailer); !verdict.kept()) return verdict;
  const uint32_t payload_bytes = text_bytes - static_cast<uint32_t>(sizeof(trailer)) - trailer.pad_length;

  char* start = rte_pktmbuf_mtod(entry.packet, char*);
  std::memmove(start + taken_bytes, start, ip.header_bytes);
  rte_pktmbuf_adj(entry.packet, taken_bytes);
  const uint32_t total_bytes = ip.header_bytes + payload_bytes;
  rte_pktmbuf_trim(entry.packet, static_cast<uint16_t>(rte_pktmbuf_pkt_len(entry.packet) - total_bytes));
  rewrite_ip(entry.packet, ip, total_bytes, trailer.next_header);
  if (sa.udp_bytes != 0) [[unlikely]]
    mend_payload(entry, ip, trailer.next_header);
  return Verdict::keep();
}

// Counts first: the stream that IVs come from is asked once a burst.
uint16_t count_random_ivs(const Burst& burst) noexcept {
  return static_cast<uint16_t>(std::count_if(burst.entries, burst.entries + burst.count,
                                             [](const BurstEntry& entry) { return takes_random_iv(*entry.sa); }));
}

}  // namespace

void encap_esp(WorkerContext& context, Burst& burst) noexcept {
  StepBurst step(context, burst);
  step.each([&](uint16_t, BurstEntry& entry, StepBurst::Note& note) {
    return step.admit_outbound(entry, note, StepBurst::Position::kBehindIpHeader);
  });
  step.number_packets();

  alignas(16) uint8_t random_ivs[kBurstCapacity * kRandomIvBytes];
  if (const uint16_t count = count_random_ivs(burst); count > 0) context.crypto->random_ivs(random_ivs, count);
  Jobs jobs;
  std::array<UnsentBytes, kBurstCapacity> unsent;
  const uint8_t* random_iv = random_ivs;
  step.each([&](uint16_t place, BurstEntry& entry, StepBurst::Note& note) {
    put_esp(entry, note.ip, random_iv, unsent[place], jobs[place]);
    if (takes_random_iv(*entry.sa)) random_iv += kRandomIvBytes;
    return Verdict::keep();
  });

  context.crypto->protect({jobs.data(), step.count()});
  step.each([&](uint16_t place, BurstEntry& entry, StepBurst::Note& note) -> Verdict {
    if (!jobs[place].ok) return DropReason::crypto_failed;
    if (entry.sa->udp_bytes != 0) [[unlikely]]
      put_udp(entry, note.ip);
    step.finish(note, note.ip.total_bytes);
    return Verdict::keep();
  });
  step.note_uses();
}

Verdict rehearse_esp(const Sa& sa, rte_mbuf* packet, const Uses& before) noexcept {
  IpPacket ip;
  Verdict verdict = StepBurst::check_outbound(sa, packet, StepBurst::Position::kBehindIpHeader, ip);
  if (verdict.kept()) verdict = StepBurst::check_use(sa, ip.total_bytes, before);
  if (verdict.kept()) put_headers(sa, packet, ip);
  return verdict;
}

void decap_esp(WorkerContext& context, Burst& burst) noexcept {
  StepBurst step(context, burst);
  Jobs jobs;
  std::array<UnsentBytes, kBurstCapacity> unsent;
  uint16_t job_count = 0;
  step.each([&](uint16_t, BurstEntry& entry, StepBurst::Note& note) -> Verdict {
    if (const Verdict verdict = step.admit_inbound(entry, note); !verdict.kept()) return verdict;
    if (const Verdict verdict = check_esp(entry, note.ip); !verdict.kept()) return verdict;
    EspHeader* esp = esp_of(entry, note.ip);
    const uint32_t text_bytes = note.ip.payload_bytes() - fixed_bytes(*entry.sa);
    make_job<Purpose::kVerify>(entry, esp, text_bytes, unsent[job_count], jobs[job_count]);
    ++job_count;
    return Verdict::keep();
  });

  context.crypto->verify({jobs.data(), step.count()});
  step.each([&](uint16_t place, BurstEntry& entry, StepBurst::Note& note) -> Verdict {
    if (!jobs[place].ok) return DropReason::authentication_failed;
    if (const Verdict verdict = StepBurst::advance_replay(entry, context.writers); !verdict.kept()) return verdict;
    if (entry.sa->udp_bytes != 0) [[unlikely]]
      follow_peer(entry, note.ip);
    if (const Verdict verdict = take_esp_off(entry, note.ip); !verdict.kept()) return verdict;
    step.finish(note, rte_pktmbuf_pkt_len(entry.packet));
    return Verdict::keep();
  });
  step.note_uses();
}

}  // namespace spigrp
