// be16, be32, be64: integers as they lie on the wire. They do not convert by themselves: host() reads, from_host()
// makes.
#pragma once

#include <bit>
#include <compare>
#include <cstdint>

namespace spigrp {

static_assert(std::endian::native == std::endian::little, "the dataplane is written for little-endian machines");

namespace detail {
constexpr uint16_t swap_bytes(uint16_t value) noexcept {
  return __builtin_bswap16(value);
}
constexpr uint32_t swap_bytes(uint32_t value) noexcept {
  return __builtin_bswap32(value);
}
constexpr uint64_t swap_bytes(uint64_t value) noexcept {
  return __builtin_bswap64(value);
}
}  // namespace detail

template <class T>
struct [[gnu::packed]] BigEndian {
  T wire;

  static constexpr BigEndian from_host(T value) noexcept { return {detail::swap_bytes(value)}; }
  constexpr T host() const noexcept { return detail::swap_bytes(wire); }

  friend constexpr bool operator==(BigEndian a, BigEndian b) noexcept { return a.wire == b.wire; }
};

using be16 = BigEndian<uint16_t>;
using be32 = BigEndian<uint32_t>;
using be64 = BigEndian<uint64_t>;

static_assert(sizeof(be16) == 2 && alignof(be16) == 1);
static_assert(sizeof(be32) == 4 && alignof(be32) == 1);
static_assert(sizeof(be64) == 8 && alignof(be64) == 1);

}  // namespace spigrp
