// Selector says which packets an eroute is for (RFC 4301 section 4.4.1.1): prefixes, protocol, ports or ICMP type.
// ErouteTarget says what happens to them: an SA (the first of its group), or one of the magic SAIDs.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "config/ip_address.h"
#include "config/sa_id.h"

namespace spigrp {

struct Selector {
  IpPrefix source;
  IpPrefix destination;      // same family as source
  uint8_t protocol = 0;      // IP protocol number; 0: all
  uint16_t source_port = 0;  // 0: all; only with TCP (6), UDP (17) or SCTP (132)
  uint16_t destination_port = 0;
  std::optional<uint8_t> icmp_type{};  // only with ICMP (1) over IPv4 or ICMPv6 (58) over IPv6; nothing: all
  std::optional<uint8_t> icmp_code{};  // only with a type

  Family family() const noexcept { return source.address.family; }
  std::string text() const;  // "10.0.0.0/8:0 -> 10.1.0.0/16:80"

  friend auto operator<=>(const Selector&, const Selector&) = default;  // NOLINT(modernize-use-nullptr)
};

// Errors: families differ, host bits set, ports or ICMP type without a protocol that has them.
Expected<void> validate(const Selector& selector);

struct SelectorHash {
  size_t operator()(const Selector& selector) const noexcept;
};

enum class MagicTarget : uint8_t { kPass, kDrop, kReject, kTrap, kTrapSubnet, kHold };

// "%pass" … ; %passthrough, %passthrough4 and %passthrough6 are read as kPass.
std::string_view magic_word(MagicTarget target) noexcept;
Expected<MagicTarget> parse_magic(std::string_view word);

using ErouteTarget = std::variant<SaId, MagicTarget>;
std::string text(const ErouteTarget& target);

}  // namespace spigrp
