// See sa_group.h.
#include "sa/sa_group.h"

#include <algorithm>
#include <atomic>

namespace spigrp {
namespace {

uint64_t next_number() noexcept {
  static std::atomic<uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

// Whether an IPv4 packet without DF leaves with a header that may not be fragmented here.
bool makes_whole(std::span<Sa* const> members) noexcept {
  bool stays_whole = false;
  Family family = Family::kIpv4;
  for (const Sa* sa : members) {
    if (sa->id.protocol != SaProtocol::kTunnel) continue;
    if (sa->tunnel.family == Family::kIpv6) {
      stays_whole = false;  // the gateway is its source
    } else if (sa->outer.df == DfChoice::kCopy) {
      stays_whole = stays_whole || family == Family::kIpv6;
    } else {
      stays_whole = sa->outer.df == DfChoice::kSet;
    }
    family = sa->tunnel.family;
  }
  return stays_whole;
}

bool is_tunnel_in_esp(const Sa& inner, const Sa& outer) noexcept {
  return inner.id.protocol == SaProtocol::kTunnel && outer.id.protocol == SaProtocol::kEsp && outer.udp_bytes == 0 &&
         inner.tunnel.family == outer.id.destination.family;
}

}  // namespace

SaGroup::SaGroup(std::span<Sa* const> members) noexcept
    : number_(next_number()),
      size_(static_cast<uint8_t>(members.size())),
      protects_(false),
      authenticates_(false),
      last_required_(0),
      only_compresses_(true),
      makes_header_(false),
      expires_(false),
      header_may_be_fragmented_(false),
      fragments_before_(false),
      overhead_{} {
  std::copy(members.begin(), members.end(), members_.begin());
  for (const Sa* sa : members) {
    overhead_.head_bytes = static_cast<uint16_t>(overhead_.head_bytes + sa->overhead.head_bytes);
    overhead_.tail_bytes = static_cast<uint16_t>(overhead_.tail_bytes + sa->overhead.tail_bytes);
    expires_ = expires_ || sa->lifetime != nullptr;
    authenticates_ = authenticates_ || sa->icv_bytes != 0;
    protects_ = protects_ || sa->id.protocol == SaProtocol::kEsp || sa->id.protocol == SaProtocol::kAh;
    if (sa->id.protocol != SaProtocol::kTunnel) continue;
    makes_header_ = true;
    header_may_be_fragmented_ = sa->tunnel.family == Family::kIpv6 || sa->outer.df == DfChoice::kClear;
  }
  for (uint8_t place = 0; place + 1 < size_ && tunnel_in_esp_at_ == kNowhere; ++place) {
    if (!is_tunnel_in_esp(*members_[place], *members_[place + 1])) continue;
    tunnel_in_esp_at_ = place;
    tunnel_in_esp_ = TunnelInEsp(*members_[place], *members_[place + 1]);
  }
  for (uint8_t place = 0; place < size_; ++place) {
    if (members_[place]->id.protocol == SaProtocol::kComp) continue;
    last_required_ = place;
    only_compresses_ = false;
  }
  // esp and ah behind the packet's own header take no fragments (RFC 4303 section 3.3.4).
  const Sa& first = *members.front();
  fragments_before_ = first.id.protocol == SaProtocol::kTunnel &&
                      (first.outer.fragment == Fragmentation::kBefore || makes_whole(members));
}

Sa* SaGroup::find_expired(uint64_t now_tsc) const noexcept {
  for (Sa* sa : members()) {
    if (sa->lifetime == nullptr) continue;
    if (sa->lifetime->is_over(now_tsc, sa->counters.first_used_tsc.load(std::memory_order_relaxed))) return sa;
  }
  return nullptr;
}

const Sa* SaGroup::header_maker() const noexcept {
  for (uint8_t place = size_; place > 0; --place) {
    if (members_[place - 1u]->id.protocol == SaProtocol::kTunnel) return members_[place - 1u];
  }
  return nullptr;
}

uint32_t SaGroup::bytes_after(const IpPacket& packet) const noexcept {
  uint32_t total_bytes = packet.total_bytes, header_bytes = packet.header_bytes;
  for (const Sa* sa : members()) {
    if (sa->id.protocol == SaProtocol::kEsp) {
      const auto unpadded_bytes = total_bytes - header_bytes + static_cast<uint32_t>(sizeof(EspTrailer));
      total_bytes += sa->overhead.head_bytes + static_cast<uint32_t>(sizeof(EspTrailer)) + sa->icv_bytes +
                     (-unpadded_bytes & (sa->block_bytes - 1u));
      continue;
    }
    total_bytes += sa->overhead.head_bytes;  // comp: none, and a packet need not shrink
    if (sa->id.protocol == SaProtocol::kTunnel) header_bytes = sa->overhead.head_bytes;
  }
  return total_bytes;
}

uint32_t SaGroup::largest_within(IpPacket packet, uint32_t limit_bytes) const noexcept {
  packet.total_bytes = limit_bytes;
  // Padding makes the size grow in steps, so what is too much is taken off again until it fits …
  for (uint32_t bytes = bytes_after(packet); bytes > limit_bytes; bytes = bytes_after(packet)) {
    const uint32_t excess_bytes = bytes - limit_bytes;
    if (packet.total_bytes < packet.header_bytes + excess_bytes) return 0;
    packet.total_bytes -= excess_bytes;
  }
  // … and perhaps it was too much by less than a block.
  while (true) {
    ++packet.total_bytes;
    if (bytes_after(packet) > limit_bytes) return packet.total_bytes - 1;
  }
}

std::vector<SaId> ids_of(const SaGroup& group) {
  std::vector<SaId> ids;
  for (const Sa* sa : group.members()) ids.push_back(sa->id);
  return ids;
}

std::string SaGroup::text() const {
  std::string line;
  for (const Sa* sa : members()) {
    if (!line.empty()) line += ' ';
    line += sa->id.text();
  }
  return line;
}

}  // namespace spigrp
