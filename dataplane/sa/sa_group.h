// SaGroup: SAs in the order in which they are applied, inner → outer. Immutable: an edit makes another group over the
// same Sa objects. An SA that is in no group forwards as a group of one (see SaEntry).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "packet/ip_packet.h"
#include "sa/sa.h"
#include "sa/tunnel_in_esp.h"
#include "state/prefetch.h"

namespace spigrp {

inline constexpr uint8_t kMaxGroupSas = 8;

class SaGroup {
 public:
  // 1 … kMaxGroupSas SAs.
  explicit SaGroup(std::span<Sa* const> members) noexcept;

  // No other group has it or had it, as this one's address some day may.
  uint64_t number() const noexcept { return number_; }
  uint8_t size() const noexcept { return size_; }
  Sa* at(uint8_t place) const noexcept { return members_[place]; }
  std::span<Sa* const> members() const noexcept { return {members_.data(), size_}; }
  Overhead overhead() const noexcept { return overhead_; }  // the sum of the members'
  bool protects() const noexcept { return protects_; }      // at least one esp or ah
  // At least one of them has an ICV: what comes out of the group comes from who has its keys.
  bool authenticates() const noexcept { return authenticates_; }
  // Its outermost IP header is made here: a tun SA is in it.
  bool makes_header() const noexcept { return makes_header_; }
  // And that header may be fragmented here whatever the packet inside of it says.
  bool header_may_be_fragmented() const noexcept { return header_may_be_fragmented_; }
  // An IPv4 packet without DF that it makes too large is fragmented before the first SA, not after the last: because
  // that SA says so, or because the header it would leave with forbids the other.
  bool fragments_before() const noexcept { return fragments_before_; }
  // The tun SA that makes it, or null.
  const Sa* header_maker() const noexcept;
  const Sa& outermost() const noexcept { return *members_[size_ - 1]; }
  // Only IPComp may be absent from a packet (RFC 3173 section 2.2). The place of the outermost SA that may not; 0 where
  // all of them are comp, so that on the wire the SA of this place or of a later one is outermost.
  uint8_t last_required() const noexcept { return last_required_; }
  bool only_compresses() const noexcept { return only_compresses_; }  // all of them are comp
  // The SA of this place is tun, the next is esp around it and not in UDP: the innermost two of the group of which that
  // is so, which can be applied or taken off in one go.
  bool has_tunnel_in_esp_at(uint8_t place) const noexcept { return tunnel_in_esp_at_ == place; }
  const TunnelInEsp& tunnel_in_esp() const noexcept { return tunnel_in_esp_; }
  bool expires() const noexcept { return expires_; }  // a member has a lifetime
  // worker: into the cache
  void prefetch() const noexcept {
    spigrp::prefetch(&tunnel_in_esp_);
    spigrp::prefetch(&number_);
  }
  // worker: a member whose lifetime is over, or null; with it the whole group is
  Sa* expired_member(uint64_t now_tsc) const noexcept { return expires_ ? find_expired(now_tsc) : nullptr; }
  // worker: bytes of the IP packet that these transforms make of this one, exactly; where comp is among them, the most
  uint32_t bytes_after(const IpPacket& packet) const noexcept;
  // worker: the largest total_bytes of such a packet that makes at most so many; 0: none does
  uint32_t largest_within(IpPacket packet, uint32_t limit_bytes) const noexcept;
  std::string text() const;  // "tun.113@192.0.2.2 esp.115@192.0.2.2"

 private:
  Sa* find_expired(uint64_t now_tsc) const noexcept;

  static constexpr uint8_t kNowhere = kMaxGroupSas;

  TunnelInEsp tunnel_in_esp_;
  uint64_t number_;  // from 1
  uint8_t size_;
  bool protects_;
  bool authenticates_;
  uint8_t last_required_;
  uint8_t tunnel_in_esp_at_ = kNowhere;
  bool only_compresses_;
  bool makes_header_;
  bool expires_;  // a member has a lifetime
  bool header_may_be_fragmented_;
  bool fragments_before_;
  Overhead overhead_;
  std::array<Sa*, kMaxGroupSas> members_{};
};

// control: its members, inside → outside
std::vector<SaId> ids_of(const SaGroup& group);

}  // namespace spigrp
