// RangeTable: prefixes → numbers as a sorted list of address ranges, made once and never changed. It answers in the
// place of a Fib where none can be had: slower (a binary search), but nobody has to wait for it.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "config/ip_address.h"

namespace spigrp {

using PrefixNumbers = std::map<IpPrefix, uint32_t>;  // without host bits; numbers from 1, no two alike

class RangeTable {
 public:
  RangeTable() = default;
  // Prefixes of one family.
  explicit RangeTable(const PrefixNumbers& prefixes);

  // worker: the number of the longest prefix that holds the address, or 0. Addresses are IpAddress::bytes, or the first
  // four of them as they lie in memory.
  uint32_t find(const std::array<uint8_t, 16>& address) const noexcept;
  uint32_t find(uint32_t address) const noexcept;

 private:
  using Position = unsigned __int128;  // an address as a number, IPv4 in the highest 32 bits

  static Position position(const std::array<uint8_t, 16>& address) noexcept;
  uint32_t at(Position position) const noexcept;
  void begin_range(Position start, uint32_t number);

  std::vector<Position> starts_;   // each range reaches up to the next
  std::vector<uint32_t> numbers_;  // of the ranges
};

}  // namespace spigrp
