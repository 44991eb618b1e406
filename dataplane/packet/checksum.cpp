// See checksum.h.
#include "packet/checksum.h"

namespace spigrp {
namespace {

uint64_t sum_of(const void* start, size_t bytes) noexcept {
  const auto* at = static_cast<const uint8_t*>(start);
  uint64_t sum = 0;
  for (; bytes >= sizeof(uint32_t); bytes -= sizeof(uint32_t), at += sizeof(uint32_t)) {
    uint32_t word;
    std::memcpy(&word, at, sizeof(word));
    sum += word;
  }
  uint32_t rest = 0;  // an odd last byte is padded with zero on the right
  if (bytes > 0) std::memcpy(&rest, at, bytes);
  return sum + rest;
}

be16 as_field(uint64_t sum) noexcept {
  return {static_cast<uint16_t>(~detail::fold_sum(sum))};
}

// RFC 1624 equation 3: HC' = ~(~HC + ~m + m').
void mend_checksum(Ipv4Header& header, uint16_t old_word, uint16_t new_word) noexcept {
  const uint64_t sum = uint64_t{static_cast<uint16_t>(~header.checksum.wire)} + static_cast<uint16_t>(~old_word);
  header.checksum = as_field(sum + new_word);
}

uint16_t word_at(const void* field) noexcept {
  uint16_t word;
  std::memcpy(&word, field, sizeof(word));
  return word;
}

}  // namespace

be16 internet_checksum(const void* start, size_t bytes) noexcept {
  return as_field(sum_of(start, bytes));
}

be16 icmpv6_checksum(const Ipv6Header& ip, const void* message, size_t bytes) noexcept {
  return transport_checksum(ip.source.data(), sizeof(ip.source) + sizeof(ip.destination), kProtocolIcmpv6, message,
                            bytes);
}

be16 transport_checksum(const uint8_t* addresses, size_t address_bytes, uint8_t protocol, const void* payload,
                        size_t bytes) noexcept {
  const be32 length = be32::from_host(static_cast<uint32_t>(bytes));
  const be32 next_header = be32::from_host(protocol);
  return as_field(sum_of(addresses, address_bytes) + length.wire + next_header.wire + sum_of(payload, bytes));
}

void decrement_ttl(Ipv4Header& header) noexcept {
  const uint16_t old_word = word_at(&header.ttl);
  --header.ttl;
  mend_checksum(header, old_word, word_at(&header.ttl));
}

void replace_tos(Ipv4Header& header, uint8_t tos) noexcept {
  const uint16_t old_word = word_at(&header.version_ihl);
  header.tos = tos;
  mend_checksum(header, old_word, word_at(&header.version_ihl));
}

}  // namespace spigrp
