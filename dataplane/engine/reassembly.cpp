// See reassembly.h.
#include "engine/reassembly.h"

#include <algorithm>
#include <cstring>

#include <rte_cycles.h>
#include <rte_jhash.h>
#include <rte_mbuf.h>
#include <rte_random.h>

#include "engine/inbound.h"
#include "packet/buffer.h"
#include "packet/traffic_class.h"

namespace spigrp {
namespace {

constexpr uint32_t kHighestLength = 65535;  // in a length field: of an IPv4 packet, of an IPv6 packet's payload
constexpr uint32_t kOffsetUnitBytes = 8;

// RFC 3168 section 5.3: congestion that one fragment met the whole packet has met.
void mark_congestion(rte_mbuf* packet, Family family) noexcept {
  if ((traffic_class(packet, family) & kEcnMask) == 0) return;
  if (family == Family::kIpv4) {
    rte_pktmbuf_mtod(packet, Ipv4Header*)->tos |= kCe;
  } else {
    auto& header = *rte_pktmbuf_mtod(packet, Ipv6Header*);
    set_traffic_class(header, static_cast<uint8_t>(traffic_class(header) | kCe));
  }
}

void make_whole_ipv4(rte_mbuf* packet) noexcept {
  auto& header = *rte_pktmbuf_mtod(packet, Ipv4Header*);
  header.flags_fragment = be16::from_host(header.flags_fragment.host() & kIpv4DontFragment);
  header.total_length = be16::from_host(static_cast<uint16_t>(rte_pktmbuf_pkt_len(packet)));
  header.checksum = ipv4_header_checksum(header);
}

// Takes the fragment header out. The header before it, which parse_ip has followed, gets its next header.
void make_whole_ipv6(rte_mbuf* packet, uint16_t header_bytes) noexcept {
  auto* start = rte_pktmbuf_mtod(packet, uint8_t*);
  const uint32_t fragment_offset = header_bytes - uint32_t{sizeof(FragmentHeader)};
  uint32_t naming = offsetof(Ipv6Header, next_header);
  for (uint32_t offset = sizeof(Ipv6Header); offset < fragment_offset;) {
    naming = offset;
    offset += (start[offset + 1] + 1u) * kOffsetUnitBytes;
  }
  start[naming] = start[fragment_offset];
  std::memmove(start + sizeof(FragmentHeader), start, fragment_offset);
  rte_pktmbuf_adj(packet, sizeof(FragmentHeader));
  auto& header = *rte_pktmbuf_mtod(packet, Ipv6Header*);
  header.payload_length = be16::from_host(static_cast<uint16_t>(rte_pktmbuf_pkt_len(packet) - sizeof(Ipv6Header)));
}

// A whole packet can still be none that the gateway takes: IPv6 names its payload's protocol in the first fragment
// only, and may have one more fragment header.
std::optional<DropReason> refusal(const ParsedIp& parsed) noexcept {
  if (!parsed.ok) return parsed.reason;
  if (parsed.ip.is_fragment) return DropReason::fragment;
  if (!carries_protection(parsed.ip) && parsed.ip.next_header != kProtocolUdp) return DropReason::bad_next_header;
  return std::nullopt;
}

}  // namespace

Reassembly::Reassembly(WorkerContext& context, uint32_t max_fragments)
    : context_(context),
      max_fragments_(std::min(max_fragments, kMaxHeldFragments)),
      limit_tsc_(kReassemblySeconds * rte_get_tsc_hz()),
      seed_(static_cast<uint32_t>(rte_rand())),
      held_(kMaxHeldPackets) {
  for (Index i = 0; i < kMaxHeldPackets; ++i) held_[i].newer = static_cast<Index>(i + 1);
  held_.back().newer = kNone;
  buckets_.fill(kNone);
}

Reassembly::Part Reassembly::read(const PlainPacket& fragment) noexcept {
  const IpPacket& ip = fragment.ip;
  Part part{};
  part.key.source = source_of(fragment.packet, ip.family).bytes;
  part.key.destination = destination_of(fragment.packet, ip.family).bytes;
  part.key.family = static_cast<uint16_t>(ip.family);
  part.whole_bytes = ip.header_bytes;
  if (ip.family == Family::kIpv4) {
    const auto& header = *rte_pktmbuf_mtod(fragment.packet, const Ipv4Header*);
    const uint16_t flags_fragment = header.flags_fragment.host();
    part.key.identification = header.identification.host();
    part.key.protocol = header.protocol;
    part.is_last = (flags_fragment & kIpv4MoreFragments) == 0;
    part.piece.begin = (flags_fragment & 0x1fffu) * kOffsetUnitBytes;
  } else {
    const auto& header = *rte_pktmbuf_mtod_offset(fragment.packet, const FragmentHeader*, ip.next_header_offset);
    const uint16_t offset_flags = header.offset_flags.host();
    part.key.identification = header.identification.host();
    part.is_last = (offset_flags & kIpv6MoreFragments) == 0;
    part.piece.begin = offset_flags & 0xfff8u;
    part.whole_bytes -= uint32_t{sizeof(FragmentHeader)};
  }
  part.piece.packet = fragment.packet;
  part.piece.end = part.piece.begin + ip.payload_bytes();
  part.piece.header_bytes = ip.header_bytes;
  part.has_ce = (traffic_class(fragment.packet, ip.family) & kEcnMask) == kCe;
  part.whole_bytes += part.piece.end;
  return part;
}

Reassembly::Index* Reassembly::bucket_of(const Key& key) noexcept {
  return &buckets_[rte_jhash(&key, sizeof(key), seed_) % kMaxHeldPackets];
}

Reassembly::Held* Reassembly::find(const Key& key) noexcept {
  for (Index i = *bucket_of(key); i != kNone; i = held_[i].next_in_bucket) {
    if (held_[i].key == key) return &held_[i];
  }
  return nullptr;
}

Reassembly::Held* Reassembly::begin(const Key& key) noexcept {
  if (free_ == kNone) give_up(held_[oldest_], DropReason::reassembly_full);
  Held& held = held_[free_];
  const Index index = free_;
  free_ = held.newer;
  held.key = key;
  held.since_tsc = context_.now_tsc;
  held.total_bytes = held.have_bytes = 0;
  held.count = 0;
  held.removed = 0;
  held.has_ce = held.was_protected = false;
  held.spoiled.reset();
  held.older = newest_;
  held.newer = kNone;
  (newest_ == kNone ? oldest_ : held_[newest_].newer) = index;
  newest_ = index;
  Index* bucket = bucket_of(key);
  held.next_in_bucket = *bucket;
  *bucket = index;
  return &held;
}

std::optional<PlainPacket> Reassembly::add(const PlainPacket& fragment) noexcept {
  const Part part = read(fragment);
  const uint32_t bytes = part.piece.end - part.piece.begin;
  const uint32_t longest = fragment.ip.family == Family::kIpv4 ? kHighestLength : kHighestLength + sizeof(Ipv6Header);
  if (bytes == 0 || part.whole_bytes > longest || (!part.is_last && bytes % kOffsetUnitBytes != 0)) {
    context_.drop(fragment.packet, DropReason::malformed);
    return std::nullopt;
  }
  Held* held = find(part.key);
  if (held == nullptr) held = begin(part.key);
  if (!held->spoiled && part.whole_bytes > context_.buffers().most_bytes()) {
    spoil(*held, DropReason::no_room);
  }
  if (held->spoiled) {
    context_.drop(fragment.packet, *held->spoiled);
    return std::nullopt;
  }
  return insert(*held, part, fragment);
}

// RFC 8200 section 4.5 (RFC 5722): fragments that overlap take their packet with them; one that is there already goes
// alone. IPv4 asks for less, and gets the same.
std::optional<PlainPacket> Reassembly::insert(Held& held, const Part& part, const PlainPacket& fragment) noexcept {
  const Piece& piece = part.piece;
  Piece* const begin = held.pieces.data();
  Piece* const end = begin + held.count;
  Piece* const place =
      std::upper_bound(begin, end, piece.begin, [](uint32_t at, const Piece& other) { return at < other.begin; });
  const bool contradicts = held.total_bytes == 0 ? part.is_last && held.count > 0 && end[-1].end >= piece.end
                           : part.is_last        ? piece.end != held.total_bytes
                                                 : piece.end >= held.total_bytes;
  const bool overlaps = (place != begin && place[-1].end > piece.begin) || (place != end && place->begin < piece.end);
  if (!contradicts && place != begin && place[-1].begin == piece.begin && place[-1].end == piece.end) {
    context_.drop(fragment.packet, DropReason::fragment_overlap);
    return std::nullopt;
  }
  if (contradicts || overlaps) {
    spoil(held, DropReason::fragment_overlap);
  } else if (!has_room_for_one(held)) {
    spoil(held, DropReason::reassembly_full);
  }
  if (held.spoiled) {
    context_.drop(fragment.packet, *held.spoiled);
    return std::nullopt;
  }
  std::move_backward(place, end, end + 1);
  *place = piece;
  ++held.count;
  ++fragments_;
  context_.counters->held.add(1);
  held.have_bytes += piece.end - piece.begin;
  if (part.is_last) held.total_bytes = piece.end;
  held.removed = std::max(held.removed, fragment.removed);
  held.has_ce = held.has_ce || part.has_ce;
  held.was_protected = held.was_protected || fragment.was_protected;
  if (held.have_bytes != held.total_bytes) return std::nullopt;
  return join(held, fragment);
}

// What others hold makes room, but not what the packet itself has.
bool Reassembly::has_room_for_one(const Held& held) noexcept {
  if (held.count == kMaxFragments || max_fragments_ == 0) return false;
  while (fragments_ == max_fragments_) {
    const Index victim = &held_[oldest_] != &held ? oldest_ : held_[oldest_].newer;
    if (victim == kNone) return false;
    give_up(held_[victim], DropReason::reassembly_full);
  }
  return true;
}

std::optional<PlainPacket> Reassembly::join(Held& held, const PlainPacket& last) noexcept {
  rte_mbuf* packet = held.pieces[0].packet;
  const Family family = last.ip.family;
  for (uint16_t i = 1; i < held.count; ++i) {
    rte_pktmbuf_adj(held.pieces[i].packet, held.pieces[i].header_bytes);
    rte_pktmbuf_chain(packet, held.pieces[i].packet);
  }
  context_.counters->joined.add(held.count - 1u);
  context_.counters->held.subtract(held.count);
  fragments_ -= held.count;
  if (held.has_ce) mark_congestion(packet, family);
  if (family == Family::kIpv4) {
    make_whole_ipv4(packet);
  } else {
    make_whole_ipv6(packet, held.pieces[0].header_bytes);
  }
  const uint8_t removed = held.removed;
  const bool was_protected = held.was_protected;
  held.count = 0;
  forget(held);
  rte_mbuf* whole = make_writable(packet, 0, 0, context_.buffers());
  if (whole == nullptr) {
    context_.drop(packet, DropReason::no_room);
    return std::nullopt;
  }
  const ParsedIp parsed = parse_ip(whole);
  if (const std::optional<DropReason> reason = refusal(parsed)) {
    context_.drop(whole, *reason);
    return std::nullopt;
  }
  PlainPacket joined = last;
  joined.packet = whole;
  joined.ip = parsed.ip;
  joined.removed = removed;
  joined.was_protected = was_protected;
  return joined;
}

void Reassembly::drop_pieces(Held& held, DropReason reason) noexcept {
  for (uint16_t i = 0; i < held.count; ++i) context_.drop(held.pieces[i].packet, reason);
  context_.counters->held.subtract(held.count);
  fragments_ -= held.count;
  held.count = 0;
}

void Reassembly::spoil(Held& held, DropReason reason) noexcept {
  drop_pieces(held, reason);
  held.spoiled = reason;
}

void Reassembly::give_up(Held& held, DropReason reason) noexcept {
  drop_pieces(held, reason);
  forget(held);
}

// Takes it out of its bucket and out of the order of age.
void Reassembly::forget(Held& held) noexcept {
  const Index index = index_of(held);
  Index* link = bucket_of(held.key);
  while (*link != index) link = &held_[*link].next_in_bucket;
  *link = held.next_in_bucket;
  (held.older == kNone ? oldest_ : held_[held.older].newer) = held.newer;
  (held.newer == kNone ? newest_ : held_[held.newer].older) = held.older;
  held.newer = free_;
  free_ = index;
}

void Reassembly::expire() noexcept {
  while (oldest_ != kNone && context_.now_tsc - held_[oldest_].since_tsc > limit_tsc_) {
    give_up(held_[oldest_], DropReason::reassembly_timeout);
  }
}

void Reassembly::clear(DropReason reason) noexcept {
  while (oldest_ != kNone) give_up(held_[oldest_], reason);
}

}  // namespace spigrp
