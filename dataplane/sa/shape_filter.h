// ShapeFilter: for each source prefix of the eroutes, or each destination prefix, the shapes of those that have it. A
// flow is searched under no other shapes, so a search costs by how many prefix lengths there are, and what no eroute is
// for costs nothing more. It is a counting Bloom filter of one hash: it may name a shape in vain, but leaves none out
// that a reader of any generation that is still read could find an eroute under.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>

#include <nmmintrin.h>

#include "state/prefetch.h"
#include "state/versions.h"

namespace spigrp {

using ShapeBits = uint64_t;  // one for each shape; where there are more than 64 some share one

class ShapeFilter {
 public:
  explicit ShapeFilter(uint32_t capacity);  // of eroutes

  // Of an address whose bits behind the prefix are zero.
  static uint32_t hash_of(uint64_t front, uint64_t back, uint8_t prefix_bits) noexcept {
    return static_cast<uint32_t>(_mm_crc32_u64(_mm_crc32_u64(prefix_bits, back), front));
  }

  // worker
  void prefetch(uint32_t hash) const noexcept { spigrp::prefetch(&words_[hash & mask_]); }
  ShapeBits shapes(uint32_t hash) const noexcept {
    return std::rotr(words_[hash & mask_].load(std::memory_order_relaxed), turn_of(hash));
  }

  // control: of one more eroute, before the generation that it is in is published
  void add(uint32_t hash, uint8_t shape) noexcept;
  // control: of one less, from versions.next() on
  void remove(uint32_t hash, uint8_t shape, Versions& versions);

 private:
  // Prefixes that share a word turn it differently, so that they seldom share bits.
  static int turn_of(uint32_t hash) noexcept { return static_cast<int>(hash >> 26); }
  uint64_t bit_number(uint32_t hash, uint8_t shape) const noexcept {
    return uint64_t{hash & mask_} * 64 + (shape + static_cast<unsigned>(turn_of(hash))) % 64;
  }
  void take_away(uint64_t bit) noexcept;

  uint32_t mask_;
  std::unique_ptr<std::atomic<uint64_t>[]> words_;  // worker: ro, control: rw
  // control: eroutes by bit; what has once reached UINT8_MAX stays there
  std::unique_ptr<uint8_t[], void (*)(void*)> counts_;
};

}  // namespace spigrp
