// See range_table.h.
#include "route/range_table.h"

#include <algorithm>

namespace spigrp {

RangeTable::RangeTable(const PrefixNumbers& prefixes) {
  struct Open {
    Position last;
    uint32_t number;
  };
  constexpr auto kEnd = ~Position{0};
  std::vector<Open> open{{kEnd, 0}};  // the prefixes around the place reached, outside → inside
  const auto close = [&] {
    const Position last = open.back().last;
    open.pop_back();
    if (last != kEnd) begin_range(last + 1, open.back().number);
  };
  begin_range(0, 0);
  // In the order of the map a prefix comes before those inside it.
  for (const auto& [prefix, number] : prefixes) {
    const Position first = position(prefix.address.bytes);
    while (open.back().last < first) close();
    open.push_back({prefix.bits == 128 ? first : first | kEnd >> prefix.bits, number});
    begin_range(first, number);
  }
  while (open.size() > 1) close();
}

uint32_t RangeTable::find(const std::array<uint8_t, 16>& address) const noexcept {
  return at(position(address));
}

uint32_t RangeTable::find(uint32_t address) const noexcept {
  return at(Position{__builtin_bswap32(address)} << 96);
}

uint32_t RangeTable::at(Position position) const noexcept {
  const auto next = std::upper_bound(starts_.begin(), starts_.end(), position);
  return next == starts_.begin() ? 0 : numbers_[static_cast<size_t>(next - starts_.begin()) - 1];
}

RangeTable::Position RangeTable::position(const std::array<uint8_t, 16>& address) noexcept {
  Position position = 0;
  for (const uint8_t byte : address) position = position << 8 | byte;
  return position;
}

// Of ranges that begin at one place the last one counts.
void RangeTable::begin_range(Position start, uint32_t number) {
  if (starts_.empty() || starts_.back() != start) {
    starts_.push_back(start);
    numbers_.push_back(number);
  } else {
    numbers_.back() = number;
  }
}

}  // namespace spigrp
