// ah: Authentication Header (RFC 4302), between the IP header and its payload.
//
//   before:  [IP | payload]
//   after:   [IP | next header, length, SPI, sequence, ICV, padding | payload]
//            '---------------------- authenticated -------------------------'
//            but for the fields of IP that change on the way, and the ICV itself: zero (mutable_fields.h)
//
// "IP" is the header with options or with the extension headers that stay in front (parse_ip). For the computation the
// header is made what the ICV covers, in place; afterwards the copy that was kept aside is put back. The upper half of
// an extended sequence number is put behind the packet for the computation (RFC 4302 section 2.5.1) and taken off
// again. With AES-GMAC an IV stands in front of the ICV (RFC 4543 section 4). It is the nonce of the computation, and
// authenticated as well (section 7): only the ICV behind it is zero. Over IPv6 there is padding after it (erratum
// 3643). A burst in which all is usual goes a shorter way (usual_ah_bursts.h).
#include "transform/ah.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <rte_mbuf.h>

#include "transform/ah_layout.h"
#include "transform/mutable_fields.h"
#include "transform/step_burst.h"
#include "transform/transform.h"
#include "transform/usual_ah_bursts.h"

namespace spigrp {
namespace {

// The longest IP header, extension headers included, that is kept aside. IPv4's is 60.
constexpr uint16_t kMaxHeaderBytes = 256;

// What has to survive the computation, by the packet's place in the burst.
struct Aside {
  uint8_t header[kMaxHeaderBytes];
  uint8_t icv[kMaxIcvBytes];
};

using Jobs = std::array<CryptoJob, kBurstCapacity>;

AhHeader* ah_of(const BurstEntry& entry, const IpPacket& ip) noexcept {
  return rte_pktmbuf_mtod_offset(entry.packet, AhHeader*, ip.header_bytes);
}

uint8_t* iv_of(AhHeader* ah) noexcept {
  return reinterpret_cast<uint8_t*>(ah + 1);
}

uint8_t* icv_of(const Sa& sa, AhHeader* ah) noexcept {
  return iv_of(ah) + sa.iv_bytes;
}

// Puts the header in, complete but for IV and ICV, which are zero. The IP header in front of it is final.
void put_ah(const Sa& sa, rte_mbuf* packet, const IpPacket& ip, uint64_t sequence) noexcept {
  char* start = rte_pktmbuf_prepend(packet, sa.ah_header_bytes);
  std::memmove(start, start + sa.ah_header_bytes, ip.header_bytes);
  auto* ah = reinterpret_cast<AhHeader*>(start + ip.header_bytes);
  *ah = {ip.next_header, ah_length_field(sa), {}, sa.spi, be32::from_host(static_cast<uint32_t>(sequence))};
  std::memset(iv_of(ah), 0, sa.ah_header_bytes - sizeof(AhHeader));
  rewrite_ip(packet, ip, rte_pktmbuf_pkt_len(packet), kProtocolAh);
}

// GMAC.
void put_iv(const BurstEntry& entry, AhHeader* ah) noexcept {
  if (entry.sa->iv_bytes == 0) [[likely]]
    return;
  const be64 iv = entry.sa->counted_iv(entry.sequence);
  std::memcpy(iv_of(ah), &iv, sizeof(iv));
}

Verdict set_header_aside(const rte_mbuf* packet, const IpPacket& ip, Direction direction, Aside& aside) noexcept {
  auto* header = rte_pktmbuf_mtod(packet, uint8_t*);
  std::memcpy(aside.header, header, ip.header_bytes);
  return zero_mutable_fields(header, ip, direction);
}

Verdict check_header(const IpPacket& ip) noexcept {
  return ip.header_bytes > kMaxHeaderBytes ? Verdict(DropReason::unsupported) : Verdict::keep();
}

// Lengths and replay, before any key is touched.
Verdict check_ah(BurstEntry& entry, const IpPacket& ip) noexcept {
  const Sa& sa = *entry.sa;
  if (ip.next_header != kProtocolAh) return DropReason::bad_next_header;
  if (ip.payload_bytes() < sizeof(AhHeader)) return DropReason::runt;
  const AhHeader& ah = *ah_of(entry, ip);
  if (ah.payload_length != ah_length_field(sa)) return DropReason::bad_length;
  if (ip.payload_bytes() < sa.ah_header_bytes) return DropReason::runt;
  if (const Verdict verdict = check_header(ip); !verdict.kept()) return verdict;
  if (sa.extended_sequence && rte_pktmbuf_tailroom(entry.packet) < kUpperSequenceBytes) return DropReason::no_room;
  return StepBurst::check_replay(entry, ah.sequence.host());
}

// What passes leaves the packet as it was before AH, with the fields that the way has changed as they came.
void take_ah_off(const BurstEntry& entry, const IpPacket& ip, const Aside& aside) noexcept {
  const uint8_t next_header = ah_of(entry, ip)->next_header;
  char* start = rte_pktmbuf_adj(entry.packet, entry.sa->ah_header_bytes);
  std::memcpy(start, aside.header, ip.header_bytes);
  rewrite_ip(entry.packet, ip, rte_pktmbuf_pkt_len(entry.packet), next_header);
}

}  // namespace

void encap_ah(WorkerContext& context, Burst& burst) noexcept {
  if (encap_usual_ah(context, burst)) [[likely]]
    return;
  StepBurst step(context, burst);
  step.each([&](uint16_t, BurstEntry& entry, StepBurst::Note& note) -> Verdict {
    const Verdict verdict = step.admit_outbound(entry, note, StepBurst::Position::kBehindIpHeader);
    return verdict.kept() ? check_header(note.ip) : verdict;
  });
  step.number_packets();

  std::array<Aside, kBurstCapacity> asides;
  Jobs jobs;
  uint16_t job_count = 0;
  step.each([&](uint16_t, BurstEntry& entry, StepBurst::Note& note) {
    put_ah(*entry.sa, entry.packet, note.ip, entry.sequence);
    Aside& aside = asides[job_count];
    const Verdict verdict = set_header_aside(entry.packet, note.ip, Direction::kOutbound, aside);
    if (!verdict.kept()) return verdict;
    AhHeader* ah = ah_of(entry, note.ip);
    put_iv(entry, ah);
    make_ah_job(entry, iv_of(ah), icv_of(*entry.sa, ah), jobs[job_count++]);
    return verdict;
  });

  context.crypto->protect({jobs.data(), job_count});
  step.each([&](uint16_t place, BurstEntry& entry, StepBurst::Note& note) -> Verdict {
    if (!jobs[place].ok) return DropReason::crypto_failed;
    take_upper_half_off(entry);
    std::memcpy(rte_pktmbuf_mtod(entry.packet, uint8_t*), asides[place].header, note.ip.header_bytes);
    step.finish(note, note.ip.total_bytes);
    return Verdict::keep();
  });
  step.note_uses();
}

Verdict rehearse_ah(const Sa& sa, rte_mbuf* packet, const Uses& before) noexcept {
  IpPacket ip;
  Verdict verdict = StepBurst::check_outbound(sa, packet, StepBurst::Position::kBehindIpHeader, ip);
  if (verdict.kept()) verdict = check_header(ip);
  if (verdict.kept()) verdict = StepBurst::check_use(sa, ip.total_bytes, before);
  if (!verdict.kept()) return verdict;
  put_ah(sa, packet, ip, 0);
  Aside aside;
  verdict = set_header_aside(packet, ip, Direction::kOutbound, aside);
  std::memcpy(rte_pktmbuf_mtod(packet, uint8_t*), aside.header, ip.header_bytes);
  return verdict;
}

void decap_ah(WorkerContext& context, Burst& burst) noexcept {
  StepBurst step(context, burst);
  std::array<Aside, kBurstCapacity> asides;
  Jobs jobs;
  uint16_t job_count = 0;
  step.each([&](uint16_t, BurstEntry& entry, StepBurst::Note& note) -> Verdict {
    if (const Verdict verdict = step.admit_inbound(entry, note); !verdict.kept()) return verdict;
    if (const Verdict verdict = check_ah(entry, note.ip); !verdict.kept()) return verdict;
    Aside& aside = asides[job_count];
    const Verdict verdict = set_header_aside(entry.packet, note.ip, Direction::kInbound, aside);
    if (!verdict.kept()) return verdict;
    AhHeader* ah = ah_of(entry, note.ip);
    uint8_t* icv = icv_of(*entry.sa, ah);
    std::memcpy(aside.icv, icv, entry.sa->icv_bytes);
    std::memset(icv, 0, entry.sa->icv_bytes);
    make_ah_job(entry, iv_of(ah), aside.icv, jobs[job_count++]);
    return Verdict::keep();
  });

  context.crypto->verify({jobs.data(), job_count});
  step.each([&](uint16_t place, BurstEntry& entry, StepBurst::Note& note) -> Verdict {
    if (!jobs[place].ok) return DropReason::authentication_failed;
    if (const Verdict verdict = StepBurst::advance_replay(entry, context.writers); !verdict.kept()) return verdict;
    take_upper_half_off(entry);
    take_ah_off(entry, note.ip, asides[place]);
    step.finish(note, rte_pktmbuf_pkt_len(entry.packet));
    return Verdict::keep();
  });
  step.note_uses();
}

void decap_ah(WorkerContext& context, Burst& burst, IpPacket* headers) noexcept {
  if (decap_usual_ah(context, burst, headers)) [[likely]]
    return;
  decap_ah(context, burst);
  StepBurst::read_headers(context, burst, headers);
}

}  // namespace spigrp
