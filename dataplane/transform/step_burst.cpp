// See step_burst.h.
#include "transform/step_burst.h"

#include <optional>

#include <rte_mbuf.h>

namespace spigrp {
namespace {

constexpr uint32_t kMaxIpv4Bytes = 65535;
constexpr uint32_t kMaxIpv6Bytes = sizeof(Ipv6Header) + 65535;

void cut_to(rte_mbuf* packet, uint32_t bytes) noexcept {
  packet->data_len = static_cast<uint16_t>(bytes);
  packet->pkt_len = bytes;
}

// The SA's own counter of packets dropped for this reason, or null.
std::atomic<uint64_t>* counter_for(SaCounters& counters, DropReason reason) noexcept {
  switch (reason) {
    case DropReason::authentication_failed:
      return &counters.authentication_failures;
    case DropReason::replayed:
      return &counters.replays;
    case DropReason::outside_window:
      return &counters.outside_window;
    case DropReason::sequence_exhausted:
    case DropReason::sequence_unreserved:
      return &counters.exhausted;
    case DropReason::sa_expired:
      return &counters.expired;
    case DropReason::runt:
    case DropReason::malformed:
    case DropReason::too_many_headers:
    case DropReason::fragment:
    case DropReason::encapsulation_mismatch:
    case DropReason::tunnel_mismatch:
    case DropReason::bad_length:
    case DropReason::bad_padding:
    case DropReason::bad_next_header:
    case DropReason::bad_compression:
    case DropReason::inflated_too_big:
      return &counters.malformed;
    default:
      return nullptr;
  }
}

DropReason no_number_left(const Sa& sa) noexcept {
  return sa.sequence.limit() == sa.sequence.last() ? DropReason::sequence_exhausted : DropReason::sequence_unreserved;
}

std::optional<NoticeKind> notice_of(DropReason reason) noexcept {
  switch (reason) {
    case DropReason::authentication_failed:
      return NoticeKind::kAuthenticationFailed;
    case DropReason::replayed:
    case DropReason::outside_window:
      return NoticeKind::kReplay;
    case DropReason::sequence_exhausted:
      return NoticeKind::kSequenceExhausted;
    default:
      return std::nullopt;
  }
}

}  // namespace

Verdict StepBurst::check_outbound(const Sa& sa, rte_mbuf* packet, Position position, IpPacket& ip) noexcept {
  const ParsedIp parsed = parse_ip(packet);
  if (!parsed.ok) return parsed.reason;
  ip = parsed.ip;
  const Family family = sa.id.destination.family;
  if (position == Position::kBehindIpHeader) {
    if (ip.is_fragment) return DropReason::fragment;  // RFC 4303 section 3.3.4
    if (ip.family != family) return DropReason::tunnel_mismatch;
  }
  const uint32_t limit = family == Family::kIpv4 ? kMaxIpv4Bytes : kMaxIpv6Bytes;
  if (ip.total_bytes + sa.overhead.head_bytes + sa.overhead.tail_bytes > limit) return DropReason::too_big;
  if (packet->nb_segs != 1) return DropReason::no_room;
  cut_to(packet, ip.total_bytes);
  if (rte_pktmbuf_headroom(packet) < sa.overhead.head_bytes || rte_pktmbuf_tailroom(packet) < sa.overhead.tail_bytes) {
    return DropReason::no_room;
  }
  return Verdict::keep();
}

Verdict StepBurst::admit_outbound(const BurstEntry& entry, Note& note, Position position) noexcept {
  const Verdict verdict = check_outbound(*entry.sa, entry.packet, position, note.ip);
  if (!verdict.kept()) return verdict;
  note.row = tally_.row_of(entry.sa);
  note.bytes = note.ip.total_bytes;
  SaTally::Row& row = tally_.row(note.row);
  ++row.admitted;
  row.admitted_bytes += note.bytes;
  return verdict;
}

Verdict StepBurst::admit_inbound(const BurstEntry& entry, Note& note) noexcept {
  const Verdict verdict = admit_inbound_or_fragment(entry, note);
  return verdict.kept() && note.ip.is_fragment ? Verdict(DropReason::fragment) : verdict;
}

Verdict StepBurst::admit_inbound_or_fragment(const BurstEntry& entry, Note& note) noexcept {
  rte_mbuf* packet = entry.packet;
  const ParsedIp parsed = parse_ip(packet);
  if (!parsed.ok) return parsed.reason;
  if (packet->nb_segs != 1) return DropReason::no_room;
  cut_to(packet, parsed.ip.total_bytes);
  note = {parsed.ip, tally_.row_of(entry.sa), 0};
  ++tally_.row(note.row).admitted;
  return Verdict::keep();
}

void StepBurst::number_packets() noexcept {
  charge({&SaTally::Row::admitted, &SaTally::Row::admitted_bytes});
  for (SaTally::Row& row : tally_) {
    const Sequence::Numbers numbers = row.sa->sequence.reserve(row.admitted, context_.writers);
    row.next_sequence = numbers.first;
    row.numbers_left = numbers.count;
    if (numbers.near && context_.notices != nullptr) context_.notices->tell_of_sequence(*row.sa);
  }
  each([this](uint16_t, BurstEntry& entry, const Note& note) -> Verdict {
    SaTally::Row& row = tally_.row(note.row);
    if (row.numbers_left == 0) return no_number_left(*row.sa);
    --row.numbers_left;
    entry.sequence = row.next_sequence++;
    return Verdict::keep();
  });
}

Verdict StepBurst::check_use(const Sa& sa, uint32_t bytes, const Uses& before) noexcept {
  if (sa.lifetime != nullptr && !sa.lifetime->has(before.packets + 1, before.bytes + bytes)) {
    return DropReason::sa_expired;
  }
  const bool is_numbered = sa.id.protocol == SaProtocol::kEsp || sa.id.protocol == SaProtocol::kAh;
  if (!is_numbered || sa.sequence.available() > before.packets) return Verdict::keep();
  return no_number_left(sa);
}

Verdict StepBurst::check_replay_behind(const BurstEntry& entry) noexcept {
  return verdict_of(entry.sa->replay.check(entry.sequence));
}

uint16_t StepBurst::take_row(const Burst& burst, const CryptoJob* jobs, uint16_t place, uint16_t last, uint64_t& newest,
                             Writers writers) noexcept {
  Sa& sa = *burst.entries[place].sa;
  const uint64_t first = burst.entries[place].sequence;
  if (!is_replay_protected(sa) || first <= newest) return place;
  uint16_t end = place;
  while (end < last && jobs[end].ok && burst.entries[end].sequence == first + (end - place)) ++end;
  const uint32_t taken = sa.replay.advance_row(first, static_cast<uint32_t>(end - place), writers);
  if (taken > 0) newest = first + taken - 1;
  return static_cast<uint16_t>(place + taken);
}

Verdict StepBurst::verdict_of(ReplayVerdict replay) noexcept {
  switch (replay) {
    case ReplayVerdict::kReplayed:
      return DropReason::replayed;
    case ReplayVerdict::kOutside:
      return DropReason::outside_window;
    case ReplayVerdict::kFresh:
      break;
  }
  return Verdict::keep();
}

void StepBurst::note_uses() noexcept {
  if (!charged_) charge({&SaTally::Row::packets, &SaTally::Row::bytes});
  tally_.note_uses(context_);
  if (context_.notices != nullptr) tell_of_lifetimes();
}

// What an SA has in the burst is taken at once where so much is left.
void StepBurst::charge(Charge charge) noexcept {
  charged_ = true;
  bool all_charged = true;
  for (SaTally::Row& row : tally_) {
    Lifetime* lifetime = row.sa->lifetime.get();
    row.charged = lifetime == nullptr || lifetime->take(row.*charge.packets, row.*charge.bytes);
    all_charged = all_charged && row.charged;
  }
  if (!all_charged) [[unlikely]]
    charge_one_by_one(charge);
}

// In order; after the first that does not fit none does.
void StepBurst::charge_one_by_one(Charge charge) noexcept {
  each([&](uint16_t, const BurstEntry& entry, const Note& note) -> Verdict {
    SaTally::Row& row = tally_.row(note.row);
    if (row.charged) return Verdict::keep();
    Lifetime& lifetime = *entry.sa->lifetime;
    if (!lifetime.is_over(context_.now_tsc, 0) && lifetime.take(1, note.bytes)) return Verdict::keep();
    lifetime.end();
    --(row.*charge.packets);
    row.*charge.bytes -= note.bytes;
    return DropReason::sa_expired;
  });
}

void StepBurst::note_uses_of(Sa& sa, const Uses& uses, const WorkerContext& context) noexcept {
  if (uses.packets == 0) return;
  context.note_use(sa, uses.packets, uses.bytes, sa.lifetime != nullptr);
  take_from_lifetime(sa, uses, context);
}

void StepBurst::take_from_lifetime(Sa& sa, const Uses& uses, const WorkerContext& context) noexcept {
  if (sa.lifetime == nullptr) return;
  if (!sa.lifetime->take(uses.packets, uses.bytes)) sa.lifetime->end();
  if (context.notices != nullptr) context.notices->tell_of_lifetime(sa);
}

void StepBurst::tell_of_lifetimes() noexcept {
  for (const SaTally::Row& row : tally_) {
    if (row.sa->lifetime != nullptr) context_.notices->tell_of_lifetime(*row.sa);
  }
}

void StepBurst::read_headers(WorkerContext& context, Burst& burst, IpPacket* headers) noexcept {
  uint16_t kept = 0;
  for (const BurstEntry& entry : burst) {
    if (const auto wrong = read_ip(entry.packet, headers[kept])) {
      context.drop(entry.packet, *wrong);
    } else {
      burst.entries[kept++] = entry;
    }
  }
  burst.count = kept;
}

namespace {

// That the numbers are used up is told of the first packet that gets none.
void tell(WorkerContext& context, const BurstEntry& entry, DropReason reason, uint64_t dropped_before) noexcept {
  const auto kind = notice_of(reason);
  const bool exhausted = kind == NoticeKind::kSequenceExhausted;
  if (!kind || (exhausted && dropped_before > 0)) return;
  const Sa& sa = *entry.sa;
  const IpAddress source = source_of(entry.packet, sa.id.destination.family);
  context.notices->tell_of_packet({sa.id, source, *kind, exhausted ? sa.sequence.last() : entry.sequence},
                                  context.now_tsc);
}

}  // namespace

void StepBurst::drop(WorkerContext& context, const BurstEntry& entry, DropReason reason) noexcept {
  std::atomic<uint64_t>* counter = counter_for(entry.sa->counters, reason);
  const uint64_t dropped_before = counter == nullptr ? 0 : counter->fetch_add(1, std::memory_order_relaxed);
  if (context.notices != nullptr) tell(context, entry, reason, dropped_before);
  context.drop(entry.packet, reason);
}

}  // namespace spigrp
