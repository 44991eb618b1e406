// Asking for a cache line before it is needed. __builtin_prefetch counts as doing nothing: GCC leaves out loops that do
// nothing else, and calls of functions that do nothing else, and nobody hears of it but the clock.
#pragma once

#include <cstddef>

namespace spigrp {

inline constexpr size_t kCacheLineBytes = 64;

// Into all caches; any address, also one where nothing is.
inline void prefetch(const void* line) noexcept {
  asm volatile("prefetcht0 %0" : : "m"(*static_cast<const char*>(line)));
}

// Into the second cache only: for what all packets of a burst need, when it is fetched at once. All of it together
// would drive out of the first one what is used before.
inline void prefetch_near(const void* line) noexcept {
  asm volatile("prefetcht1 %0" : : "m"(*static_cast<const char*>(line)));
}

// Into all caches, of a line that several cores write: it comes for good. Looked at first and written then, it would
// have to be taken from another core twice.
inline void prefetch_to_write(const void* line) noexcept {
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(line)));
}

}  // namespace spigrp
