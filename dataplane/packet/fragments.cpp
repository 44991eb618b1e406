// See fragments.h.
#include "packet/fragments.h"

#include <algorithm>
#include <cstring>

#include <rte_mbuf.h>
#include <rte_random.h>

namespace spigrp {
namespace {

constexpr uint32_t kOffsetUnitBytes = 8;
constexpr uint32_t kMostPayloadBytes = 65535;  // of a packet in fragments
constexpr uint8_t kOptionIsCopied = 0x80;      // RFC 791 section 3.1

struct HeaderBytes {
  std::array<uint8_t, 60> bytes;
  uint16_t count;
};

// What fragments begin with, and where the bytes begin that are shared out among them.
struct Headers {
  HeaderBytes first, later;
  uint32_t payload_offset;
};

// Into later fragments go the options that say so. parse_ip has seen that each ends within the header.
HeaderBytes later_ipv4_header(const HeaderBytes& first) noexcept {
  HeaderBytes later = first;
  later.count = sizeof(Ipv4Header);
  for (uint16_t at = sizeof(Ipv4Header); at < first.count && first.bytes[at] != kIpv4OptionEnd;) {
    const uint16_t option_bytes = first.bytes[at] == kIpv4OptionNoOperation ? 1 : first.bytes[at + 1u];
    if ((first.bytes[at] & kOptionIsCopied) != 0) {
      std::copy_n(first.bytes.begin() + at, option_bytes, later.bytes.begin() + later.count);
      later.count = static_cast<uint16_t>(later.count + option_bytes);
    }
    at = static_cast<uint16_t>(at + option_bytes);
  }
  while (later.count % 4 != 0) later.bytes[later.count++] = kIpv4OptionEnd;
  later.bytes[0] = static_cast<uint8_t>(0x40 | later.count / 4);
  return later;
}

Headers ipv4_headers(const rte_mbuf* packet, const IpPacket& ip) noexcept {
  Headers headers{};
  headers.first.count = ip.header_bytes;
  std::memcpy(headers.first.bytes.data(), rte_pktmbuf_mtod(packet, const uint8_t*), ip.header_bytes);
  headers.later = later_ipv4_header(headers.first);
  headers.payload_offset = ip.header_bytes;
  return headers;
}

Headers ipv6_headers(const rte_mbuf* packet) noexcept {
  Headers headers{};
  auto& fixed = *reinterpret_cast<Ipv6Header*>(headers.first.bytes.data());
  auto& fragment = *reinterpret_cast<FragmentHeader*>(headers.first.bytes.data() + sizeof(Ipv6Header));
  fixed = *rte_pktmbuf_mtod(packet, const Ipv6Header*);
  fragment.next_header = fixed.next_header;
  fragment.identification = be32::from_host(static_cast<uint32_t>(rte_rand()));
  fixed.next_header = kProtocolFragment;
  headers.first.count = sizeof(Ipv6Header) + sizeof(FragmentHeader);
  headers.later = headers.first;
  headers.payload_offset = sizeof(Ipv6Header);
  return headers;
}

// Where the payload of an IPv4 fragment begins in that of its packet.
uint32_t offset_in_packet(const rte_mbuf* packet, Family family) noexcept {
  if (family != Family::kIpv4) return 0;
  return (rte_pktmbuf_mtod(packet, const Ipv4Header*)->flags_fragment.host() & 0x1fffu) * kOffsetUnitBytes;
}

struct Piece {
  uint32_t offset_bytes, bytes;  // of the payload
  bool is_last;
};

void write_ipv4(uint8_t* start, const Piece& piece, uint32_t total_bytes) noexcept {
  auto& header = *reinterpret_cast<Ipv4Header*>(start);
  const uint16_t whole = header.flags_fragment.host();
  const uint32_t offset = whole + piece.offset_bytes / kOffsetUnitBytes;  // the packet may be a fragment itself
  header.flags_fragment = be16::from_host(static_cast<uint16_t>(piece.is_last ? offset : offset | kIpv4MoreFragments));
  header.total_length = be16::from_host(static_cast<uint16_t>(total_bytes));
  header.checksum = ipv4_header_checksum(header);
}

void write_ipv6(uint8_t* start, const Piece& piece, uint32_t total_bytes) noexcept {
  auto& header = *reinterpret_cast<Ipv6Header*>(start);
  auto& fragment = *reinterpret_cast<FragmentHeader*>(start + sizeof(Ipv6Header));
  header.payload_length = be16::from_host(static_cast<uint16_t>(total_bytes - sizeof(Ipv6Header)));
  fragment.offset_flags =
      be16::from_host(static_cast<uint16_t>(piece.offset_bytes | (piece.is_last ? 0u : kIpv6MoreFragments)));
}

// Null: no buffer.
rte_mbuf* make_fragment(const rte_mbuf* packet, const Headers& headers, const Piece& piece, Family family,
                        rte_mempool* pool) noexcept {
  const HeaderBytes& header = piece.offset_bytes == 0 ? headers.first : headers.later;
  rte_mbuf* fragment = rte_pktmbuf_alloc(pool);
  if (fragment == nullptr) return nullptr;
  fragment->port = packet->port;
  const uint32_t total_bytes = header.count + piece.bytes;
  auto* start = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(fragment, static_cast<uint16_t>(total_bytes)));
  std::memcpy(start, header.bytes.data(), header.count);
  uint8_t* payload = start + header.count;
  const void* bytes = rte_pktmbuf_read(packet, headers.payload_offset + piece.offset_bytes, piece.bytes, payload);
  if (bytes != payload) std::memcpy(payload, bytes, piece.bytes);
  if (family == Family::kIpv4) {
    write_ipv4(start, piece, total_bytes);
  } else {
    write_ipv6(start, piece, total_bytes);
  }
  return fragment;
}

Fragments given_up(Fragments& fragments, DropReason reason) noexcept {
  for (uint16_t i = 0; i < fragments.count; ++i) rte_pktmbuf_free(fragments.packets[i]);
  fragments.count = 0;
  fragments.reason = reason;
  return fragments;
}

}  // namespace

Fragments fragment_packet(rte_mbuf* packet, const IpPacket& ip, uint32_t limit_bytes, rte_mempool* pool) noexcept {
  const Headers headers = ip.family == Family::kIpv4 ? ipv4_headers(packet, ip) : ipv6_headers(packet);
  const uint32_t most_bytes = std::min<uint32_t>(limit_bytes, rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM);
  const uint32_t payload_bytes = ip.total_bytes - headers.payload_offset;
  Fragments fragments;
  if (offset_in_packet(packet, ip.family) + payload_bytes > kMostPayloadBytes) {
    return given_up(fragments, DropReason::malformed);
  }
  for (uint32_t offset = 0; offset < payload_bytes;) {
    const uint16_t header_bytes = offset == 0 ? headers.first.count : headers.later.count;
    const uint32_t left_bytes = payload_bytes - offset;
    const bool is_last = header_bytes + left_bytes <= most_bytes;
    if (fragments.count == kMaxFragments || (!is_last && most_bytes < header_bytes + kOffsetUnitBytes)) {
      return given_up(fragments, DropReason::too_big);
    }
    const Piece piece{offset, is_last ? left_bytes : (most_bytes - header_bytes) & ~(kOffsetUnitBytes - 1), is_last};
    rte_mbuf* fragment = make_fragment(packet, headers, piece, ip.family, pool);
    if (fragment == nullptr) return given_up(fragments, DropReason::no_room);
    fragments.packets[fragments.count++] = fragment;
    offset += piece.bytes;
  }
  rte_pktmbuf_free(packet);
  return fragments;
}

}  // namespace spigrp
