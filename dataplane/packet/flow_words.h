// FlowWords: a flow key as words, made from a packet without going through memory: what every packet's flow is looked
// up by. IPv4 leaves the words between its addresses zero.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include <nmmintrin.h>

#include <rte_mbuf.h>

#include "packet/ip_packet.h"

namespace spigrp {

using FlowWords = std::array<uint64_t, sizeof(FlowKey) / 8>;  // source 0, 1; destination 2, 3; ports and the rest 4

inline FlowWords words_of(const FlowKey& key) noexcept {
  return std::bit_cast<FlowWords>(key);
}
inline FlowKey key_of(const FlowWords& words) noexcept {
  return std::bit_cast<FlowKey>(words);
}

namespace detail {

// The last word of a flow of which everything is known.
inline uint64_t flow_fields(uint32_t ports, uint8_t protocol, Family family) noexcept {
  return uint64_t{ports} | uint64_t{protocol} << 32 | uint64_t{static_cast<uint8_t>(family)} << 40;
}

// By the last word, and the addresses as they lie in a header.
inline uint64_t hash_of_ipv4(uint64_t fields, uint64_t addresses) noexcept {
  return _mm_crc32_u64(fields ^ fields >> 32, addresses);
}

}  // namespace detail

inline uint32_t hash_of(const FlowWords& words) noexcept {
  uint64_t hash = detail::hash_of_ipv4(words[4], words[0] | words[2] << 32);
  if ((words[1] | words[3]) == 0) return static_cast<uint32_t>(hash);  // IPv4
  for (const uint64_t word : {words[0] >> 32, words[1], words[2] >> 32, words[3]}) hash = _mm_crc32_u64(hash, word);
  return static_cast<uint32_t>(hash);
}

// A flow, and where a table would have it.
struct HashedFlow {
  FlowWords words;
  uint32_t hash;  // hash_of() them
};

// That of a packet: the words of flow_key(packet, ip).
inline void hash_flow(const rte_mbuf* packet, const IpPacket& ip, HashedFlow& flow) noexcept {
  const auto* header = rte_pktmbuf_mtod(packet, const uint8_t*);
  uint32_t ports = 0;
  const uint32_t front_bytes = ip.header_bytes + static_cast<uint32_t>(sizeof(ports));
  const bool shows_ports = has_ports(ip.next_header) && !ip.is_fragment && front_bytes <= ip.total_bytes &&
                           front_bytes <= rte_pktmbuf_data_len(packet);
  if (!shows_ports) [[unlikely]] {
    flow.words = words_of(flow_key(packet, ip));
    flow.hash = hash_of(flow.words);
    return;
  }
  std::memcpy(&ports, header + ip.header_bytes, sizeof(ports));
  if (ip.family == Family::kIpv4) [[likely]] {
    const uint64_t fields = detail::flow_fields(ports, ip.next_header, Family::kIpv4);
    uint64_t addresses;
    std::memcpy(&addresses, header + offsetof(Ipv4Header, source), sizeof(addresses));
    flow.words = {addresses & UINT32_MAX, 0, addresses >> 32, 0, fields};
    flow.hash = static_cast<uint32_t>(detail::hash_of_ipv4(fields, addresses));
  } else {
    flow.words[4] = detail::flow_fields(ports, ip.next_header, Family::kIpv6);
    std::memcpy(flow.words.data(), header + offsetof(Ipv6Header, source), 4 * sizeof(uint64_t));
    flow.hash = hash_of(flow.words);
  }
}

inline bool are_same(const FlowWords& one, const FlowWords& other) noexcept {
  uint64_t difference = 0;
  for (size_t i = 0; i < one.size(); ++i) difference |= one[i] ^ other[i];
  return difference == 0;
}

}  // namespace spigrp
