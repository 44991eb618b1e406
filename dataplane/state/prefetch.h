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

// The same, of a line that several cores write: it comes for good. Looked at first and written then, it would have to
// be taken from another core twice.
inline void prefetch_to_write(const void* line) noexcept {
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(line)));
}

}  // namespace spigrp
