// SaGroup: SAs in the order in which they are applied, inner → outer. Immutable: an edit makes another group over the
// same Sa objects. An SA that is in no group forwards as a group of one (see SaEntry).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "sa/sa.h"

namespace spigrp {

inline constexpr uint8_t kMaxGroupSas = 8;

class SaGroup {
 public:
  // 1 … kMaxGroupSas SAs.
  explicit SaGroup(std::span<Sa* const> members) noexcept;

  uint8_t size() const noexcept { return size_; }
  Sa* at(uint8_t place) const noexcept { return members_[place]; }
  std::span<Sa* const> members() const noexcept { return {members_.data(), size_}; }
  Overhead overhead() const noexcept { return overhead_; }  // the sum of the members'
  bool protects() const noexcept { return protects_; }      // at least one esp or ah
  std::string text() const;                                 // "tun.113@192.0.2.2 esp.115@192.0.2.2"

 private:
  std::array<Sa*, kMaxGroupSas> members_{};
  uint8_t size_;
  bool protects_;
  Overhead overhead_;
};

}  // namespace spigrp
