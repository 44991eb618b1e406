// OuterHeader: how a tun SA makes the outer header of its packets, as the operator typed it; and the words for it,
// which the commands and the JSON share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/error.h"

namespace spigrp {

// A field that has one value in all packets, or (nothing) that of the inner header.
struct HeaderChoice {
  std::optional<uint8_t> fixed;

  friend bool operator==(const HeaderChoice&, const HeaderChoice&) = default;
};

// Whether congestion can be marked on the outer header: RFC 6040 section 4.1, normal mode and compatibility mode.
enum class EcnChoice : uint8_t { kCopy, kOff };

// Don't Fragment of an outer IPv4 header (RFC 4301 section 8.1). An inner IPv6 packet counts as one that has it.
enum class DfChoice : uint8_t { kCopy, kSet, kClear };

// When a packet that its group makes too large is fragmented (RFC 4301 section 8.2): the outer packet when it leaves,
// or the inner packet before, so that each fragment is protected by itself and the other gateway has nothing to join.
enum class Fragmentation : uint8_t { kAfter, kBefore };

inline constexpr uint8_t kMaxDscp = 63;
inline constexpr uint8_t kDefaultOuterTtl = 64;

struct OuterHeader {
  HeaderChoice dscp;
  EcnChoice ecn = EcnChoice::kCopy;
  DfChoice df = DfChoice::kCopy;
  HeaderChoice ttl{kDefaultOuterTtl};  // or hop limit
  Fragmentation fragment = Fragmentation::kAfter;

  friend bool operator==(const OuterHeader&, const OuterHeader&) = default;
};

// The DSCP has 6 bits, and no packet leaves with a TTL of 0.
Expected<void> validate(const OuterHeader& outer);

Expected<HeaderChoice> parse_header_choice(std::string_view word);   // "copy", or a number up to 255
Expected<EcnChoice> parse_ecn_choice(std::string_view word);         // "copy", "off"
Expected<DfChoice> parse_df_choice(std::string_view word);           // "copy", "set", "clear"
Expected<Fragmentation> parse_fragmentation(std::string_view word);  // "after", "before"

std::string choice_word(const HeaderChoice& choice);
std::string_view choice_word(EcnChoice choice) noexcept;
std::string_view choice_word(DfChoice choice) noexcept;
std::string_view choice_word(Fragmentation choice) noexcept;

}  // namespace spigrp
