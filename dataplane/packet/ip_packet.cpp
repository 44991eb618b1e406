// See ip_packet.h. Here is what the inline readers do not take: IPv4 with options, IPv6 with extension headers,
// fragments, and everything that is wrong, to say why.
#include "packet/ip_packet.h"

#include <algorithm>

namespace spigrp {
namespace {

ParsedIp rejected(DropReason reason) noexcept {
  return {{}, false, reason};
}

// Type, length, value (RFC 791 section 3.1): each option must end within the header.
bool ipv4_options_in_order(const uint8_t* header, uint16_t header_bytes) noexcept {
  for (uint16_t offset = sizeof(Ipv4Header); offset < header_bytes;) {
    if (header[offset] == kIpv4OptionEnd) return true;
    if (header[offset] == kIpv4OptionNoOperation) {
      ++offset;
      continue;
    }
    if (offset + 1 >= header_bytes) return false;
    const uint8_t option_bytes = header[offset + 1];
    if (option_bytes < 2 || offset + option_bytes > header_bytes) return false;
    offset = static_cast<uint16_t>(offset + option_bytes);
  }
  return true;
}

ParsedIp parse_ipv4(const rte_mbuf* packet) noexcept {
  const uint32_t reachable = rte_pktmbuf_data_len(packet);
  if (reachable < sizeof(Ipv4Header)) return rejected(DropReason::runt);
  const Ipv4Header& header = *rte_pktmbuf_mtod(packet, const Ipv4Header*);
  const uint16_t header_bytes = header.header_bytes();
  const uint32_t total_bytes = header.total_length.host();
  if (header_bytes < sizeof(Ipv4Header)) return rejected(DropReason::malformed);
  if (header_bytes > reachable) return rejected(DropReason::runt);
  if (total_bytes < header_bytes) return rejected(DropReason::malformed);
  if (total_bytes > rte_pktmbuf_pkt_len(packet)) return rejected(DropReason::runt);
  if (!ipv4_checksum_holds(header)) return rejected(DropReason::malformed);
  if (!ipv4_options_in_order(rte_pktmbuf_mtod(packet, const uint8_t*), header_bytes)) {
    return rejected(DropReason::malformed);
  }
  return {
      {Family::kIpv4, header.protocol, offsetof(Ipv4Header, protocol), header_bytes, header.is_fragment(), total_bytes},
      true,
      DropReason{}};
}

// ESP, AH, IPComp, or the packet in a tunnel, which remains when ESP or AH is taken off.
bool follows_options(uint8_t next_header) noexcept {
  return next_header == kProtocolEsp || next_header == kProtocolAh || next_header == kProtocolIpcomp ||
         next_header == kProtocolIpip || next_header == kProtocolIpv6;
}

constexpr uint32_t kExtensionUnitBytes = 8;  // RFC 8200 section 4: all are multiples of it
constexpr uint16_t kFragmentOffsetAndMore = 0xfff9;

uint32_t extension_bytes(uint8_t kind, const uint8_t* extension) noexcept {
  return kind == kProtocolFragment ? kExtensionUnitBytes : (extension[1] + 1u) * kExtensionUnitBytes;
}

uint16_t fragment_word(const uint8_t* fragment_header) noexcept {
  return static_cast<uint16_t>(fragment_header[2] << 8 | fragment_header[3]);
}

// Follows the chain, which `ip` describes up to the IPv6 header, through at most kMaxExtensionHeaders. Destination
// options are taken into the header only when something comes after them that must follow them.
ParsedIp follow_extensions(const uint8_t* packet, uint32_t reachable, IpPacket ip) noexcept {
  uint8_t next = ip.next_header;
  uint32_t offset = ip.header_bytes;
  for (unsigned count = 0; is_extension_header(next) && !ip.is_fragment; ++count) {
    if (count == kMaxExtensionHeaders) return rejected(DropReason::too_many_headers);
    if (next == kProtocolHopByHop && count != 0) return rejected(DropReason::malformed);  // RFC 8200 section 4.1
    if (offset + kExtensionUnitBytes > reachable) return rejected(DropReason::runt);
    const uint8_t* extension = packet + offset;
    const uint32_t bytes = extension_bytes(next, extension);
    if (offset + bytes > reachable) return rejected(DropReason::runt);
    // What follows the header of a fragment that is not the whole packet may be no header at all.
    if (next == kProtocolFragment) ip.is_fragment = (fragment_word(extension) & kFragmentOffsetAndMore) != 0;
    const bool stays = next != kProtocolDestinationOptions || follows_options(extension[0]);
    next = extension[0];
    if (stays) {
      ip.next_header = next;
      ip.next_header_offset = static_cast<uint16_t>(offset);
      ip.header_bytes = static_cast<uint16_t>(offset + bytes);
    }
    offset += bytes;
  }
  return {ip, true, DropReason{}};
}

ParsedIp parse_ipv6(const rte_mbuf* packet) noexcept {
  const uint32_t first_segment = rte_pktmbuf_data_len(packet);
  if (first_segment < sizeof(Ipv6Header)) return rejected(DropReason::runt);
  const Ipv6Header& header = *rte_pktmbuf_mtod(packet, const Ipv6Header*);
  const uint32_t total_bytes = static_cast<uint32_t>(sizeof(Ipv6Header)) + header.payload_length.host();
  if (total_bytes > rte_pktmbuf_pkt_len(packet)) return rejected(DropReason::runt);
  return follow_extensions(
      rte_pktmbuf_mtod(packet, const uint8_t*), std::min(first_segment, total_bytes),
      {Family::kIpv6, header.next_header, offsetof(Ipv6Header, next_header), sizeof(Ipv6Header), false, total_bytes});
}

}  // namespace

ParsedIp detail::parse_unusual_ip(const rte_mbuf* packet) noexcept {
  if (rte_pktmbuf_data_len(packet) == 0) return rejected(DropReason::runt);
  switch (*rte_pktmbuf_mtod(packet, const uint8_t*) >> 4) {
    case 4:
      return parse_ipv4(packet);
    case 6:
      return parse_ipv6(packet);
    default:
      return rejected(DropReason::malformed);
  }
}

}  // namespace spigrp
