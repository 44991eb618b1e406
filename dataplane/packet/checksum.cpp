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

}  // namespace spigrp
