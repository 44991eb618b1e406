// OuterHeader: how a tun SA makes the outer header of its packets, as the operator typed it; and the words for it,
// which the commands and the JSON share.
#pragma once

#include <cstdint>
#include <string_view>

#include "config/error.h"

namespace spigrp {

// When a packet that its group makes too large is fragmented (RFC 4301 section 8.2): the outer packet when it leaves,
// or the inner packet before, so that each fragment is protected by itself and the other gateway has nothing to join.
enum class Fragmentation : uint8_t { kAfter, kBefore };

struct OuterHeader {
  Fragmentation fragment = Fragmentation::kAfter;

  friend bool operator==(const OuterHeader&, const OuterHeader&) = default;
};

// "after", "before".
Expected<Fragmentation> parse_fragmentation(std::string_view word);
std::string_view fragmentation_word(Fragmentation fragmentation) noexcept;

}  // namespace spigrp
