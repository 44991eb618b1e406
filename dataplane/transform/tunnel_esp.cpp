// See tunnel_esp.h.
//
//   before:  [IP | payload]
//   after:   [outer IP | SPI, sequence | IV | IP | payload | padding, pad length, next header | ICV]
//
// Packets are taken in runs of one group, and what all of a run have in common is worked out once. Whatever might keep
// a packet of the burst back beside its own bytes (a lifetime, sequence numbers near their end, a packet that gets too
// large) sends the burst through the two transforms instead, which know what to do about it.
#include "transform/tunnel_esp.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include <rte_mbuf.h>

#include "transform/esp_layout.h"
#include "transform/group_runs.h"
#include "transform/step_burst.h"
#include "transform/transform.h"
#include "transform/tunnel_header.h"

namespace spigrp {
namespace {

// Of an IP packet that surely stays below 65,536 bytes with both on.
constexpr uint32_t kUsualBytes = 65535 - 1024;

using Jobs = std::array<CryptoJob, kBurstCapacity>;
using Unsent = std::array<UnsentBytes, kBurstCapacity>;

void count(Uses& uses, uint32_t packet_bytes) noexcept {
  ++uses.packets;
  uses.bytes += packet_bytes;
}

void note(const Uses& uses, Sa& sa, const WorkerContext& context) noexcept {
  if (uses.packets > 0) sa.counters.note_use(uses.packets, uses.bytes, context.now_tsc, context.writers);
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

bool may_keep_back(GroupRuns& runs, const Burst& burst) noexcept {
  uint32_t most_bytes = 0;
  for (const BurstEntry& entry : std::span(burst.entries, burst.count)) {
    most_bytes = std::max(most_bytes, rte_pktmbuf_pkt_len(entry.packet));
  }
  bool may = most_bytes > kUsualBytes;
  for (const GroupRun& run : runs) may = may || run.group->expires() || !run.esp->sequence.is_far_from_limit();
  return may;
}

// Takes the numbers of all runs. An SA may have ended since it was looked at (Sequence::close): who gets none is
// dropped.
void number_runs(WorkerContext& context, Burst& burst, GroupRuns& runs) noexcept {
  uint16_t kept = 0;
  for (GroupRun& run : runs) {
    const Sequence::Numbers numbers = run.esp->sequence.reserve(run.packets(), context.writers);
    run.first_number = numbers.first;
    const auto numbered_end = static_cast<uint16_t>(run.begin + numbers.count);
    for (uint16_t place = numbered_end; place < run.end; ++place) {
      context.drop(burst.entries[place].packet, DropReason::sequence_unreserved);
    }
    if (kept != run.begin) std::copy(burst.entries + run.begin, burst.entries + numbered_end, burst.entries + kept);
    run.begin = kept;
    kept = run.end = static_cast<uint16_t>(kept + numbers.count);
  }
  burst.count = kept;
}

// What all packets of a run have in common on the way out.
class EncapRun {
 public:
  EncapRun(const GroupRun& run, const uint8_t* random_ivs) noexcept
      : esp_(*run.esp),
        tunnel_(run.tunnel->tunnel),
        random_iv_(random_ivs),
        spi_(run.esp->spi.wire),
        icv_bytes_(run.esp->icv_bytes),
        esp_head_bytes_(head_bytes(*run.esp)),
        outer_bytes_(fixed_header_bytes(run.tunnel->tunnel.family)) {}

  // Everything but what the cipher and the authenticator do; makes the job that does that.
  void put_headers(BurstEntry& entry, uint16_t identification, UnsentBytes& unsent, CryptoJob& job) noexcept {
    rte_mbuf* packet = entry.packet;
    auto* inner = rte_pktmbuf_mtod(packet, uint8_t*);
    const Family inner_family = family_of(packet);
    const uint32_t inner_bytes = rte_pktmbuf_pkt_len(packet);
    const uint32_t pad_bytes = padding_bytes(esp_, inner_bytes);
    const uint32_t text_bytes = inner_bytes + pad_bytes + static_cast<uint32_t>(sizeof(EspTrailer));
    const uint32_t payload_bytes = esp_head_bytes_ + text_bytes + icv_bytes_;
    count(uses_, inner_bytes);

    packet->data_off = static_cast<uint16_t>(packet->data_off - esp_head_bytes_ - outer_bytes_);
    packet->pkt_len = outer_bytes_ + payload_bytes;
    packet->data_len = static_cast<uint16_t>(packet->pkt_len);
    put_trailer(esp_, reinterpret_cast<char*>(inner + inner_bytes), pad_bytes, tunnel_protocol(inner_family));
    uint8_t* start = inner - esp_head_bytes_;
    put_tunnel_header(start - outer_bytes_, tunnel_, {inner, inner_family, kProtocolEsp, payload_bytes},
                      identification);
    const be32 sequence = be32::from_host(static_cast<uint32_t>(entry.sequence));
    const uint64_t both = spi_ | uint64_t{sequence.wire} << 32;  // one store: it is read as one, as AAD
    std::memcpy(start, &both, sizeof(both));
    put_iv(entry, random_iv_, start + sizeof(EspHeader));
    random_iv_ += takes_random_iv(esp_) ? kRandomIvBytes : 0;
    make_job<Purpose::kProtect>(entry, reinterpret_cast<EspHeader*>(start), text_bytes, unsent, job);
  }

  const uint8_t* random_ivs() const noexcept { return random_iv_; }  // those that are left
  void note_uses(const GroupRun& run, const WorkerContext& context) noexcept {
    note(uses_, *run.tunnel, context);
    uses_.bytes += uses_.packets * outer_bytes_;
    note(uses_, *run.esp, context);
  }

 private:
  const Sa& esp_;
  const TunnelTemplate& tunnel_;
  const uint8_t* random_iv_;
  const uint32_t spi_, icv_bytes_;
  const uint16_t esp_head_bytes_, outer_bytes_;
  Uses uses_{};  // of the tunnel
};

uint16_t count_random_ivs_of(GroupRuns& runs) noexcept {
  uint16_t count = 0;
  for (const GroupRun& run : runs) {
    if (takes_random_iv(*run.esp)) count = static_cast<uint16_t>(count + run.packets());
  }
  return count;
}

// The packets whose job was refused: none, as a rule.
void drop_refused(WorkerContext& context, Burst& burst, const Jobs& jobs) noexcept {
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

// Calls step(place, kept, entry) → Verdict for the packets of a run, which stand at `place` and, while no other is
// dropped, go to `kept`. The run and the burst close up.
template <class Step>
void each_of(WorkerContext& context, Burst& burst, GroupRun& run, uint16_t& kept, Step&& step) noexcept {
  const uint16_t first = run.begin, last = run.end;
  run.begin = kept;
  for (uint16_t place = first; place < last; ++place) {
    BurstEntry& entry = burst.entries[place];
    const Verdict verdict = step(place, kept, entry);
    if (!verdict.kept()) [[unlikely]] {
      StepBurst::drop(context, entry, verdict.reason());
      continue;
    }
    if (kept != place) burst.entries[kept] = entry;
    ++kept;
  }
  run.end = kept;
}

// What all packets of a run have in common on the way in.
class DecapRun {
 public:
  explicit DecapRun(const GroupRun& run) noexcept
      : esp_(*run.esp),
        tunnel_(*run.tunnel),
        outer_bytes_(fixed_header_bytes(run.esp->id.destination.family)),
        front_bytes_(outer_bytes_ + head_bytes(*run.esp)),
        fixed_bytes_(front_bytes_ + run.esp->icv_bytes),
        block_mask_(run.esp->block_bytes - 1u) {}

  // Lengths and replay, before any key is touched; the job that does the rest.
  Verdict begin(BurstEntry& entry, CryptoJob& job, UnsentBytes& unsent) const noexcept {
    const uint32_t bytes = rte_pktmbuf_pkt_len(entry.packet);
    if (bytes < fixed_bytes_ + sizeof(EspTrailer)) return DropReason::runt;
    if (((bytes - fixed_bytes_) & block_mask_) != 0) return DropReason::bad_length;
    auto* header = rte_pktmbuf_mtod_offset(entry.packet, EspHeader*, outer_bytes_);
    if (const Verdict verdict = StepBurst::check_replay(entry, header->sequence.host()); !verdict.kept())
      return verdict;
    make_job<Purpose::kVerify>(entry, header, bytes - fixed_bytes_, unsent, job);
    return Verdict::keep();
  }

  // Of the packets from `place` on those that are authentic and whose numbers follow each other, all ahead of the
  // replay window: taken by it at once, as far as it takes them. Returns where they end.
  uint16_t take_row(const Burst& burst, const Jobs& jobs, uint16_t place, uint16_t last, Writers writers) noexcept {
    const uint64_t first = burst.entries[place].sequence;
    if (!StepBurst::is_replay_protected(esp_) || !esp_.replay.is_ahead(first)) return place;
    uint16_t end = place;
    while (end < last && jobs[end].ok && burst.entries[end].sequence == first + (end - place)) ++end;
    return static_cast<uint16_t>(place + esp_.replay.advance_row(first, static_cast<uint32_t>(end - place), writers));
  }

  // Of a packet that is authentic and no replay: takes all off that is in front of the inner packet and behind it, and
  // reads that one's header. The tunnel's and ESP's drops are counted in their own SA.
  Verdict finish(BurstEntry& entry, IpPacket& inner) noexcept {
    rte_mbuf* packet = entry.packet;
    const uint32_t text_bytes = rte_pktmbuf_pkt_len(packet) - fixed_bytes_;
    const auto* outer = rte_pktmbuf_mtod(packet, const uint8_t*);
    EspTrailer trailer;
    if (const Verdict sound = read_trailer(outer + front_bytes_, text_bytes, trailer); !sound.kept()) return sound;
    const uint32_t inner_bytes = text_bytes - static_cast<uint32_t>(sizeof(trailer)) - trailer.pad_length;
    count(esp_uses_, outer_bytes_ + inner_bytes);
    entry.sa = &tunnel_;
    if (!is_tunnel_protocol(trailer.next_header)) return DropReason::group_mismatch;
    if (!has_addresses_of(tunnel_, outer)) return DropReason::tunnel_mismatch;
    const uint8_t outer_class = detail::traffic_class_of(outer, tunnel_.tunnel.family);
    packet->data_off = static_cast<uint16_t>(packet->data_off + front_bytes_);
    packet->pkt_len = inner_bytes;
    packet->data_len = static_cast<uint16_t>(inner_bytes);
    if (const auto wrong = read_ip(packet, inner)) return *wrong;
    if (inner.family != tunnelled_family(trailer.next_header)) return DropReason::malformed;
    const Verdict verdict = join_ecn_of(packet, inner.family, outer_class);
    if (verdict.kept()) count(tunnel_uses_, inner_bytes);
    return verdict;
  }

  void note_uses(const WorkerContext& context) const noexcept {
    note(esp_uses_, esp_, context);
    note(tunnel_uses_, tunnel_, context);
  }

 private:
  Sa& esp_;
  Sa& tunnel_;
  const uint32_t outer_bytes_, front_bytes_, fixed_bytes_;  // front: to the text; fixed: all but the text
  const uint32_t block_mask_;
  Uses esp_uses_{}, tunnel_uses_{};
};

// By the two transforms; the packets in them are read in full.
void decap_one_by_one(WorkerContext& context, Burst& burst, IpPacket* inner) noexcept {
  decap_esp(context, burst);
  go_on_to(burst, -2);
  const auto keep_those = [&](auto&& objection) {
    uint16_t kept = 0;
    for (uint16_t place = 0; place < burst.count; ++place) {
      const std::optional<DropReason> reason = objection(burst.entries[place].packet, inner[kept]);
      if (reason) {
        context.drop(burst.entries[place].packet, *reason);
      } else {
        burst.entries[kept++] = burst.entries[place];
      }
    }
    burst.count = kept;
  };
  keep_those([](const rte_mbuf* packet, IpPacket& ip) -> std::optional<DropReason> {
    if (const auto wrong = read_ip(packet, ip)) return wrong;
    return is_tunnel_protocol(ip.next_header) ? std::nullopt : std::optional(DropReason::group_mismatch);
  });
  decap_tunnel(context, burst);
  keep_those([](const rte_mbuf* packet, IpPacket& ip) { return read_ip(packet, ip); });
}

}  // namespace

void encap_tunnel_in_esp(WorkerContext& context, Burst& burst) noexcept {
  GroupRuns runs(burst, {.to_tunnel = 0, .to_esp = 1}, context.now_tsc);
  runs.prefetch_sas();
  runs.prefetch_keys(burst);
  if (may_keep_back(runs, burst)) [[unlikely]] {
    return encap_one_by_one(context, burst);
  }
  number_runs(context, burst, runs);
  alignas(16) uint8_t random_iv_store[kBurstCapacity * kRandomIvBytes];
  if (const uint16_t count = count_random_ivs_of(runs); count > 0) context.crypto->random_ivs(random_iv_store, count);
  const uint8_t* random_ivs = random_iv_store;
  Jobs jobs;
  Unsent unsent;
  for (const GroupRun& run : runs) {
    const bool is_numbered = run.tunnel->tunnel.family == Family::kIpv4;
    uint16_t identification =
        is_numbered ? add_to(run.tunnel->identification, run.packets(), context.writers) : uint16_t{0};
    EncapRun encap(run, random_ivs);
    for (uint16_t place = run.begin; place < run.end; ++place) {
      BurstEntry& entry = burst.entries[place];
      entry.sa = run.esp;
      entry.sequence = run.first_number + (place - run.begin);
      encap.put_headers(entry, identification++, unsent[place], jobs[place]);
    }
    random_ivs = encap.random_ivs();
    encap.note_uses(run, context);
  }
  context.crypto->protect({jobs.data(), burst.count});
  drop_refused(context, burst, jobs);
}

void decap_tunnel_in_esp(WorkerContext& context, Burst& burst, IpPacket* inner) noexcept {
  GroupRuns runs(burst, {.to_tunnel = -2, .to_esp = -1}, context.now_tsc);
  runs.prefetch_sas();
  if (std::any_of(runs.begin(), runs.end(), [](const GroupRun& run) { return run.group->expires(); })) [[unlikely]] {
    return decap_one_by_one(context, burst, inner);
  }
  runs.prefetch_keys(burst);
  runs.prefetch_windows();
  Jobs jobs;
  Unsent unsent;
  uint16_t kept = 0;
  for (GroupRun& run : runs) {
    const DecapRun decap(run);
    each_of(context, burst, run, kept, [&](uint16_t, uint16_t to, BurstEntry& entry) noexcept {
      return decap.begin(entry, jobs[to], unsent[to]);
    });
  }
  burst.count = kept;

  context.crypto->verify({jobs.data(), burst.count});
  kept = 0;
  for (GroupRun& run : runs) {
    DecapRun decap(run);
    const uint16_t last = run.end;
    uint16_t fresh_end = run.begin;  // packets before it have been taken by the replay window
    each_of(context, burst, run, kept, [&](uint16_t place, uint16_t to, BurstEntry& entry) noexcept -> Verdict {
      if (!jobs[place].ok) return DropReason::authentication_failed;
      if (place >= fresh_end) fresh_end = decap.take_row(burst, jobs, place, last, context.writers);
      if (place >= fresh_end) {
        if (const Verdict verdict = StepBurst::advance_replay(entry, context.writers); !verdict.kept()) return verdict;
      }
      return decap.finish(entry, inner[to]);
    });
    decap.note_uses(context);
  }
  burst.count = kept;
}

}  // namespace spigrp
