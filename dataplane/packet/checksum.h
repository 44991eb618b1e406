// The Internet checksum (RFC 1071) over IP headers and what they carry, and its incremental form (RFC 1624).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "packet/byte_order.h"
#include "packet/headers.h"

namespace spigrp {

// Over `bytes` bytes; the result is as it goes into the header.
be16 internet_checksum(const void* start, size_t bytes) noexcept;

// With IHL as the header says; the checksum field counts as zero.
inline be16 ipv4_header_checksum(const Ipv4Header& header) noexcept;

// Whether the header, IHL × 4 bytes of it, sums up to what it says.
inline bool ipv4_checksum_holds(const Ipv4Header& header) noexcept;

// ICMPv6 with its pseudo-header (RFC 4443 section 2.3); the message's own checksum field must be zero.
be16 icmpv6_checksum(const Ipv6Header& ip, const void* message, size_t bytes) noexcept;

// TCP, UDP and ICMPv6: `bytes` of payload below the pseudo-header of its addresses, source and destination in one piece
// (RFC 768, RFC 9293 section 3.1, RFC 8200 section 8.1). The payload's own checksum field must be zero.
be16 transport_checksum(const uint8_t* addresses, size_t address_bytes, uint8_t protocol, const void* payload,
                        size_t bytes) noexcept;

// Takes one off the TTL and mends the checksum (RFC 1624).
inline void decrement_ttl(Ipv4Header& header) noexcept;

// Puts another TOS in and mends the checksum: one that was wrong stays wrong.
inline void replace_tos(Ipv4Header& header, uint8_t tos) noexcept;

namespace detail {

// The one's complement sum does not mind byte order (RFC 1071 section 2B): words are added as they lie in memory. Each
// half is added to the other, the carry out of the lower one too, and the upper one then is the sum.
constexpr uint16_t fold_sum(uint64_t sum) noexcept {
  const auto half = static_cast<uint32_t>((sum + std::rotl(sum, 32)) >> 32);
  return static_cast<uint16_t>((half + std::rotl(half, 16)) >> 16);
}

// Without options.
inline uint64_t sum_of_plain_ipv4_header(const Ipv4Header& header) noexcept {
  const auto word = [&header](size_t number) {  // each loaded by itself, not all by way of the stack
    uint32_t value;
    std::memcpy(&value, reinterpret_cast<const uint8_t*>(&header) + number * sizeof(value), sizeof(value));
    return uint64_t{value};
  };
  return word(0) + word(1) + word(2) + word(3) + word(4);
}

inline uint64_t sum_of_ipv4_header(const Ipv4Header& header) noexcept {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&header);
  uint64_t sum = sum_of_plain_ipv4_header(header);
  for (size_t offset = sizeof(Ipv4Header); offset < header.header_bytes(); offset += sizeof(uint32_t)) {
    uint32_t word;
    std::memcpy(&word, bytes + offset, sizeof(word));
    sum += word;
  }
  return sum;
}

// RFC 1624 equation 3: HC' = ~(~HC + ~m + m').
inline void mend_checksum(Ipv4Header& header, uint16_t old_word, uint16_t new_word) noexcept {
  const uint64_t sum = uint64_t{static_cast<uint16_t>(~header.checksum.wire)} + static_cast<uint16_t>(~old_word);
  header.checksum = {static_cast<uint16_t>(~fold_sum(sum + new_word))};
}

inline uint16_t word_at(const void* field) noexcept {
  uint16_t word;
  std::memcpy(&word, field, sizeof(word));
  return word;
}

}  // namespace detail

inline be16 ipv4_header_checksum(const Ipv4Header& header) noexcept {
  const uint64_t own_field = uint64_t{header.checksum.wire} << 16;  // as it lies in the third word
  return {static_cast<uint16_t>(~detail::fold_sum(detail::sum_of_ipv4_header(header) - own_field))};
}

// What folds to 0xffff is a multiple of it, which takes one multiplication to see. The sum is not 0: the version is in
// it.
inline bool ipv4_checksum_holds(const Ipv4Header& header) noexcept {
  return detail::sum_of_ipv4_header(header) % 0xffff == 0;
}
// Of a header without options.
inline bool plain_ipv4_checksum_holds(const Ipv4Header& header) noexcept {
  return detail::sum_of_plain_ipv4_header(header) % 0xffff == 0;
}

// TTL, protocol and checksum lie in one word, which is read and written once. The TTL is the low byte of the word's low
// half, so that half gets less by 1, and the checksum more, around the end where it overflows (RFC 1624 equation 3).
inline void decrement_ttl(Ipv4Header& header) noexcept {
  uint32_t word;
  std::memcpy(&word, &header.ttl, sizeof(word));
  const uint32_t checksum = (word >> 16) + 1;
  word = ((word & 0xffff) - 1) | (checksum + (checksum >= 0xffff)) << 16;
  std::memcpy(&header.ttl, &word, sizeof(word));
}

inline void replace_tos(Ipv4Header& header, uint8_t tos) noexcept {
  const uint16_t old_word = detail::word_at(&header.version_ihl);
  header.tos = tos;
  detail::mend_checksum(header, old_word, detail::word_at(&header.version_ihl));
}

}  // namespace spigrp
