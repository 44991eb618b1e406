// See sa_group.h.
#include "sa/sa_group.h"

#include <algorithm>

namespace spigrp {

SaGroup::SaGroup(std::span<Sa* const> members) noexcept
    : size_(static_cast<uint8_t>(members.size())), protects_(false), overhead_{} {
  std::copy(members.begin(), members.end(), members_.begin());
  for (const Sa* sa : members) {
    overhead_.head_bytes = static_cast<uint16_t>(overhead_.head_bytes + sa->overhead.head_bytes);
    overhead_.tail_bytes = static_cast<uint16_t>(overhead_.tail_bytes + sa->overhead.tail_bytes);
    protects_ = protects_ || sa->id.protocol == SaProtocol::kEsp || sa->id.protocol == SaProtocol::kAh;
  }
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
