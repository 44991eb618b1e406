// Comparing what must not be told byte by byte (invariant 7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace spigrp {

// Takes as long for any bytes of one length, which is a multiple of four, as that of every ICV is.
inline bool equal_icv(const uint8_t* one, const uint8_t* other, size_t bytes) noexcept {
  uint64_t difference = 0;
  if (bytes == 16) {  // the usual length, which is no secret
    uint64_t words[4];
    std::memcpy(words, one, 16);
    std::memcpy(words + 2, other, 16);
    difference = (words[0] ^ words[2]) | (words[1] ^ words[3]);
  } else {
    for (size_t i = 0; i < bytes; i += sizeof(uint32_t)) {
      uint32_t words[2];
      std::memcpy(&words[0], one + i, sizeof(words[0]));
      std::memcpy(&words[1], other + i, sizeof(words[1]));
      difference |= words[0] ^ words[1];
    }
  }
  asm volatile("" : "+r"(difference));  // nothing of it may end at the first difference
  return difference == 0;
}

}  // namespace spigrp
