// Comparing what must not be told byte by byte (invariant 7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <emmintrin.h>

namespace spigrp {

// Takes as long for any bytes of one length, which is a multiple of four, as that of every ICV is.
inline bool equal_icv(const uint8_t* one, const uint8_t* other, size_t bytes) noexcept {
  if (bytes == 16) [[likely]] {  // the usual length, which is no secret; all bytes in one instruction
    const __m128i left = _mm_loadu_si128(reinterpret_cast<const __m128i*>(one));
    const __m128i right = _mm_loadu_si128(reinterpret_cast<const __m128i*>(other));
    int equal_bytes = _mm_movemask_epi8(_mm_cmpeq_epi8(left, right));
    asm volatile("" : "+r"(equal_bytes));  // as below
    return equal_bytes == 0xffff;
  }
  uint32_t difference = 0;
  for (size_t i = 0; i < bytes; i += sizeof(uint32_t)) {
    uint32_t words[2];
    std::memcpy(&words[0], one + i, sizeof(words[0]));
    std::memcpy(&words[1], other + i, sizeof(words[1]));
    difference |= words[0] ^ words[1];
  }
  asm volatile("" : "+r"(difference));  // nothing of it may end at the first difference
  return difference == 0;
}

}  // namespace spigrp
