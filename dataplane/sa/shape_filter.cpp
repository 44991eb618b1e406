// See shape_filter.h.
#include "sa/shape_filter.h"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace spigrp {
namespace {

constexpr uint32_t kErouteBits = 16;  // for each eroute: of a prefix that is not there one in 16 looks as if it were
constexpr uint32_t kMostWords = 1u << 26;  // a hash has no bits for more beside its turn

}  // namespace

// The counts come as zero pages, of which only those are used that eroutes need.
ShapeFilter::ShapeFilter(uint32_t capacity)
    : mask_(std::min(std::bit_ceil(std::max(capacity / (64 / kErouteBits), 1u)), kMostWords) - 1),
      words_(std::make_unique<std::atomic<uint64_t>[]>(size_t{mask_} + 1)),
      counts_(static_cast<uint8_t*>(std::calloc(size_t{mask_} + 1, 64)), std::free) {
  if (counts_ == nullptr) throw std::bad_alloc();
}

void ShapeFilter::add(uint32_t hash, uint8_t shape) noexcept {
  const uint64_t bit = bit_number(hash, shape);
  uint8_t& count = counts_[bit];
  if (count == 0) words_[bit / 64].fetch_or(uint64_t{1} << bit % 64, std::memory_order_relaxed);
  if (count < UINT8_MAX) ++count;
}

// Readers of generations before go on finding it: it is taken away when they are gone.
void ShapeFilter::remove(uint32_t hash, uint8_t shape, Versions& versions) {
  const auto bit = static_cast<uintptr_t>(bit_number(hash, shape));
  versions.retire({this, reinterpret_cast<void*>(bit), [](void* filter, void* number) {
                     static_cast<ShapeFilter*>(filter)->take_away(reinterpret_cast<uintptr_t>(number));
                   }});
}

void ShapeFilter::take_away(uint64_t bit) noexcept {
  uint8_t& count = counts_[bit];
  if (count == UINT8_MAX || --count > 0) return;
  words_[bit / 64].fetch_and(~(uint64_t{1} << bit % 64), std::memory_order_relaxed);
}

}  // namespace spigrp
