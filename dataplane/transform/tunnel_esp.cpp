// See tunnel_esp.h.
//
//   before:  [IP | payload]
//   after:   [outer IP | SPI, sequence | IV | IP | payload | padding, pad length, next header | ICV]
//
// On the way out packets are taken in runs of one group. Whatever might keep a packet of the burst back (a lifetime,
// sequence numbers near their end, a packet that gets too large) sends the burst through the two transforms instead,
// which know what to do about it.
#include "transform/tunnel_esp.h"

#include <array>

#include <rte_mbuf.h>

#include "sa/sa_group.h"
#include "transform/esp_layout.h"
#include "transform/step_burst.h"
#include "transform/transform.h"
#include "transform/tunnel_header.h"

namespace spigrp {
namespace {

constexpr uint32_t kMostBytes = 65535;  // of an IPv4 packet, and of what one of IPv6 carries

// Packets in a row that get the same SAs.
struct GroupRun {
  Sa* tunnel;
  Sa* esp;
  uint16_t begin, end;
  uint64_t inner_bytes;

  uint16_t packets() const noexcept { return static_cast<uint16_t>(end - begin); }
};

struct GroupRuns {
  std::array<GroupRun, kBurstCapacity> runs;
  uint16_t count = 0;
  bool are_plain = true;  // nothing keeps any of them back

  GroupRun* begin() noexcept { return runs.data(); }
  GroupRun* end() noexcept { return runs.data() + count; }
};

uint16_t outer_header_bytes(const Sa& tunnel) noexcept {
  return static_cast<uint16_t>(tunnel.tunnel.family == Family::kIpv4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header));
}

// Where a burst is of many SAs, those of all packets are fetched at once, and then the keys of all: to know where they
// are takes the SAs. `to_tunnel`, `to_esp`: steps from the entry's to them; the way in leads backwards.
void prefetch_sas(const Burst& burst, int to_tunnel, int to_esp) noexcept {
  uint16_t others[kBurstCapacity];
  uint16_t count = 0;
  for (uint16_t i = 1; i < burst.count; ++i) {
    if (burst.entries[i].group != burst.entries[i - 1].group) others[count++] = i;
  }
  const auto sa_of = [&](uint16_t place, int steps) {
    const BurstEntry& entry = burst.entries[place];
    return entry.group->at(static_cast<uint8_t>(entry.step + steps));
  };
  for (uint16_t i = 0; i < count; ++i) {
    sa_of(others[i], to_tunnel)->prefetch();
    sa_of(others[i], to_esp)->prefetch();
  }
  for (uint16_t i = 0; i < count; ++i) {
    const Sa* esp = sa_of(others[i], to_esp);
    esp->prefetch_keys();
    if (to_esp < 0) esp->replay.prefetch();
  }
}

bool may_keep_back(const SaGroup& group, const Sa& esp) noexcept {
  return group.expires() || !esp.sequence.is_far_from_limit();
}

void find_runs(const Burst& burst, GroupRuns& found) noexcept {
  for (uint16_t begin = 0; begin < burst.count;) {
    const BurstEntry& first = burst.entries[begin];
    GroupRun& run = found.runs[found.count++];
    run = {first.sa, first.group->at(static_cast<uint8_t>(first.step + 1)), begin, begin, 0};
    const uint32_t most_bytes =
        kMostBytes - run.tunnel->overhead.head_bytes - run.esp->overhead.head_bytes - run.esp->overhead.tail_bytes;
    found.are_plain = found.are_plain && !may_keep_back(*first.group, *run.esp);
    for (; run.end < burst.count; ++run.end) {
      const BurstEntry& entry = burst.entries[run.end];
      if (entry.sa != run.tunnel || entry.group != first.group) break;
      const uint32_t bytes = rte_pktmbuf_pkt_len(entry.packet);
      run.inner_bytes += bytes;
      found.are_plain = found.are_plain && bytes <= most_bytes;
    }
    begin = run.end;
  }
}

// To the SA that stands so many steps from each entry's.
void go_on_to(Burst& burst, int steps) noexcept {
  for (BurstEntry& entry : burst) entry.sa = entry.group->at(static_cast<uint8_t>(entry.step + steps));
}

void encap_one_by_one(WorkerContext& context, Burst& burst) noexcept {
  encap_tunnel(context, burst);
  go_on_to(burst, 1);
  encap_esp(context, burst);
}

// Everything but what the cipher and the authenticator do; makes the job that does that.
void put_headers(const GroupRun& run, const BurstEntry& entry, uint16_t identification, const uint8_t* random_iv,
                 UnsentBytes& unsent, CryptoJob& job) noexcept {
  const Sa& esp = *run.esp;
  const TunnelTemplate& tunnel = run.tunnel->tunnel;
  rte_mbuf* packet = entry.packet;
  auto* inner = rte_pktmbuf_mtod(packet, uint8_t*);
  const Family inner_family = family_of(packet);
  const uint32_t inner_bytes = rte_pktmbuf_pkt_len(packet);
  const uint32_t pad_bytes = padding_bytes(esp, inner_bytes);
  const uint32_t text_bytes = inner_bytes + pad_bytes + static_cast<uint32_t>(sizeof(EspTrailer));
  const uint16_t esp_head_bytes = head_bytes(esp), outer_bytes = outer_header_bytes(*run.tunnel);

  packet->data_off = static_cast<uint16_t>(packet->data_off - esp_head_bytes - outer_bytes);
  packet->pkt_len = outer_bytes + esp_head_bytes + text_bytes + esp.icv_bytes;
  packet->data_len = static_cast<uint16_t>(packet->pkt_len);
  put_trailer(esp, reinterpret_cast<char*>(inner + inner_bytes), pad_bytes, tunnel_protocol(inner_family));
  auto* header = reinterpret_cast<EspHeader*>(inner - esp_head_bytes);
  put_tunnel_header(inner - esp_head_bytes - outer_bytes, tunnel,
                    {inner, inner_family, kProtocolEsp, esp_head_bytes + text_bytes + esp.icv_bytes}, identification);
  const be32 sequence = be32::from_host(static_cast<uint32_t>(entry.sequence));
  const uint64_t both = esp.spi.wire | uint64_t{sequence.wire} << 32;  // one store: it is read as one, as AAD
  std::memcpy(header, &both, sizeof(both));
  put_iv(entry, random_iv, reinterpret_cast<uint8_t*>(header + 1));
  make_job<Purpose::kProtect>(entry, header, text_bytes, unsent, job);
}

// Takes the numbers of all runs. An SA may have ended since it was looked at (Sequence::close): who gets none is
// dropped.
void number_runs(WorkerContext& context, Burst& burst, GroupRuns& runs) noexcept {
  uint16_t kept = 0;
  for (GroupRun& run : runs) {
    const Sequence::Numbers numbers = run.esp->sequence.reserve(run.packets(), context.writers);
    const uint16_t first = run.begin, last = run.end;
    run.begin = kept;
    for (uint16_t place = first; place < last; ++place) {
      BurstEntry& entry = burst.entries[place];
      const auto number = static_cast<uint64_t>(place - first);
      if (number < numbers.count) [[likely]] {
        entry.sequence = numbers.first + number;
        if (kept != place) burst.entries[kept] = entry;
        ++kept;
      } else {
        run.inner_bytes -= rte_pktmbuf_pkt_len(entry.packet);
        context.drop(entry.packet, DropReason::sequence_unreserved);
      }
    }
    run.end = kept;
  }
  burst.count = kept;
}

uint16_t count_random_ivs_of(GroupRuns& runs) noexcept {
  uint16_t count = 0;
  for (const GroupRun& run : runs) {
    if (takes_random_iv(*run.esp)) count = static_cast<uint16_t>(count + run.packets());
  }
  return count;
}

// The packets whose job was refused: none, as a rule.
void drop_refused(WorkerContext& context, Burst& burst, const std::array<CryptoJob, kBurstCapacity>& jobs) noexcept {
  uint16_t kept = 0;
  for (uint16_t place = 0; place < burst.count; ++place) {
    if (jobs[place].ok) [[likely]] {
      if (kept != place) burst.entries[kept] = burst.entries[place];
      ++kept;
    } else {
      context.drop(burst.entries[place].packet, DropReason::crypto_failed);
    }
  }
  burst.count = kept;
}

// Lengths and replay, before any key is touched; the job that does the rest. `ip` is the header in front of ESP.
Verdict begin_esp(BurstEntry& entry, const IpPacket& ip, CryptoJob& job, UnsentBytes& unsent) noexcept {
  const Sa& esp = *entry.sa;
  if (ip.payload_bytes() < fixed_bytes(esp) + sizeof(EspTrailer)) return DropReason::runt;
  const uint32_t text_bytes = ip.payload_bytes() - fixed_bytes(esp);
  if ((text_bytes & (esp.block_bytes - 1u)) != 0) return DropReason::bad_length;
  EspHeader* header = esp_of(entry, ip);
  if (const Verdict verdict = StepBurst::check_replay(entry, header->sequence.host()); !verdict.kept()) return verdict;
  make_job<Purpose::kVerify>(entry, header, text_bytes, unsent, job);
  return Verdict::keep();
}

// Of a packet that is authentic. From here on all that is in front of the inner packet counts as its header, and what
// is behind it is cut off.
Verdict finish_esp(const BurstEntry& entry, IpPacket& ip, Writers writers) noexcept {
  const Sa& esp = *entry.sa;
  if (const Verdict verdict = StepBurst::advance_replay(entry, writers); !verdict.kept()) return verdict;
  const uint32_t text_bytes = ip.payload_bytes() - fixed_bytes(esp);
  ip.header_bytes = static_cast<uint16_t>(ip.header_bytes + head_bytes(esp));
  const auto* text = rte_pktmbuf_mtod_offset(entry.packet, const uint8_t*, ip.header_bytes);
  EspTrailer trailer;
  if (const Verdict verdict = read_trailer(text, text_bytes, trailer); !verdict.kept()) return verdict;
  ip.next_header = trailer.next_header;
  ip.total_bytes = ip.header_bytes + text_bytes - static_cast<uint32_t>(sizeof(trailer)) - trailer.pad_length;
  entry.packet->data_len = static_cast<uint16_t>(ip.total_bytes);
  entry.packet->pkt_len = ip.total_bytes;
  return Verdict::keep();
}

Verdict take_tunnel_of(const Sa& tunnel, rte_mbuf* packet, const IpPacket& around) noexcept {
  if (around.next_header != kProtocolIpip && around.next_header != kProtocolIpv6) return DropReason::group_mismatch;
  const TunnelPayload inner{tunnelled_family(around.next_header), around.header_bytes, around.payload_bytes()};
  const Verdict verdict = check_tunnel(tunnel, packet, inner);
  return verdict.kept() ? take_tunnel_off(packet, tunnel, inner) : verdict;
}

// Of the header that stands in front of ESP.
IpPacket outer_ip(const BurstEntry& entry) noexcept {
  const Family family = entry.sa->id.destination.family;
  const auto header_bytes = static_cast<uint16_t>(family == Family::kIpv4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header));
  return {family, kProtocolEsp, 0, header_bytes, rte_pktmbuf_pkt_len(entry.packet), false};
}

}  // namespace

void encap_tunnel_in_esp(WorkerContext& context, Burst& burst) noexcept {
  prefetch_sas(burst, 0, 1);
  GroupRuns runs;
  find_runs(burst, runs);
  if (!runs.are_plain) [[unlikely]] {
    return encap_one_by_one(context, burst);
  }
  number_runs(context, burst, runs);
  alignas(16) uint8_t random_ivs[kBurstCapacity * kRandomIvBytes];
  if (const uint16_t count = count_random_ivs_of(runs); count > 0) context.crypto->random_ivs(random_ivs, count);
  const uint8_t* random_iv = random_ivs;
  std::array<CryptoJob, kBurstCapacity> jobs;
  std::array<UnsentBytes, kBurstCapacity> unsent;
  for (const GroupRun& run : runs) {
    const bool is_numbered = run.tunnel->tunnel.family == Family::kIpv4;
    uint16_t identification =
        is_numbered ? add_to(run.tunnel->identification, run.packets(), context.writers) : uint16_t{0};
    const uint16_t iv_bytes = takes_random_iv(*run.esp) ? kRandomIvBytes : 0;
    for (uint16_t place = run.begin; place < run.end; ++place, random_iv += iv_bytes) {
      BurstEntry& entry = burst.entries[place];
      entry.sa = run.esp;
      put_headers(run, entry, identification++, random_iv, unsent[place], jobs[place]);
    }
    run.tunnel->counters.note_use(run.packets(), run.inner_bytes, context.now_tsc, context.writers);
  }

  context.crypto->protect({jobs.data(), burst.count});
  for (const GroupRun& run : runs) {
    const uint64_t bytes = run.inner_bytes + uint64_t{run.packets()} * outer_header_bytes(*run.tunnel);
    run.esp->counters.note_use(run.packets(), bytes, context.now_tsc, context.writers);
  }
  drop_refused(context, burst, jobs);
}

void decap_tunnel_in_esp(WorkerContext& context, Burst& burst) noexcept {
  prefetch_sas(burst, -2, -1);
  StepBurst esp(context, burst);
  std::array<CryptoJob, kBurstCapacity> jobs;
  std::array<UnsentBytes, kBurstCapacity> unsent;
  uint16_t job_count = 0;
  esp.each([&](uint16_t, BurstEntry& entry, StepBurst::Note& note) {
    note = {outer_ip(entry), esp.tally().row_of(entry.sa), 0};
    const Verdict verdict = begin_esp(entry, note.ip, jobs[job_count], unsent[job_count]);
    if (verdict.kept()) ++job_count;
    return verdict;
  });

  context.crypto->verify({jobs.data(), job_count});
  esp.each([&](uint16_t place, BurstEntry& entry, StepBurst::Note& note) -> Verdict {
    if (!jobs[place].ok) return DropReason::authentication_failed;
    const uint32_t outer_bytes = note.ip.header_bytes;
    if (const Verdict verdict = finish_esp(entry, note.ip, context.writers); !verdict.kept()) return verdict;
    esp.finish(note, outer_bytes + note.ip.payload_bytes());
    return Verdict::keep();
  });
  esp.note_uses();

  go_on_to(burst, -2);
  StepBurst tunnel(context, burst);
  tunnel.each([&](uint16_t place, BurstEntry& entry, StepBurst::Note& note) -> Verdict {
    const IpPacket& around = esp.note(place).ip;
    note = {around, tunnel.tally().row_of(entry.sa), 0};
    if (const Verdict verdict = take_tunnel_of(*entry.sa, entry.packet, around); !verdict.kept()) return verdict;
    tunnel.finish(note, around.payload_bytes());
    return Verdict::keep();
  });
  tunnel.note_uses();
}

}  // namespace spigrp
