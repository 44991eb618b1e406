// The part of ip_packet.h that must be inline: what every packet goes through. Include ip_packet.h.
#pragma once

#include <cstring>

#include <rte_mbuf.h>

#include "packet/checksum.h"
#include "packet/ip_packet.h"

namespace spigrp {

namespace detail {

// All but what is usual.
ParsedIp parse_unusual_ip(const rte_mbuf* packet) noexcept;

// Of an IPv4 header's first eight bytes, as they lie on the wire: version and IHL, more fragments, fragment offset.
inline constexpr uint64_t kFormBits = 0xff3f'0000'0000'00ff;
inline constexpr uint64_t kUsualForm = 0x45;

}  // namespace detail

inline bool read_usual_ipv4(const rte_mbuf* packet, IpPacket& ip) noexcept {
  if (rte_pktmbuf_data_len(packet) < sizeof(Ipv4Header)) [[unlikely]]
    return false;
  const Ipv4Header& header = *rte_pktmbuf_mtod(packet, const Ipv4Header*);
  uint64_t front;
  std::memcpy(&front, &header, sizeof(front));
  const uint32_t total_bytes = be16{static_cast<uint16_t>(front >> 16)}.host();
  // With at least a header in the first segment, that has at most all of the packet: one comparison for both ends.
  const uint32_t room_bytes = rte_pktmbuf_pkt_len(packet) - static_cast<uint32_t>(sizeof(Ipv4Header));
  if ((front & detail::kFormBits) != detail::kUsualForm ||
      total_bytes - static_cast<uint32_t>(sizeof(Ipv4Header)) > room_bytes || !plain_ipv4_checksum_holds(header))
      [[unlikely]] {
    return false;
  }
  ip = {Family::kIpv4, header.protocol, offsetof(Ipv4Header, protocol), sizeof(Ipv4Header), false, total_bytes};
  return true;
}

inline bool read_usual_ipv6(const rte_mbuf* packet, IpPacket& ip) noexcept {
  if (rte_pktmbuf_data_len(packet) < sizeof(Ipv6Header)) return false;
  const Ipv6Header& header = *rte_pktmbuf_mtod(packet, const Ipv6Header*);
  const uint32_t total_bytes = static_cast<uint32_t>(sizeof(Ipv6Header)) + header.payload_length.host();
  if (*reinterpret_cast<const uint8_t*>(&header) >> 4 != 6 || total_bytes > rte_pktmbuf_pkt_len(packet) ||
      is_extension_header(header.next_header)) {
    return false;
  }
  ip = {Family::kIpv6, header.next_header, offsetof(Ipv6Header, next_header), sizeof(Ipv6Header), false, total_bytes};
  return true;
}

inline std::optional<DropReason> read_ip(const rte_mbuf* packet, IpPacket& ip) noexcept {
  if (read_usual_ipv4(packet, ip) || read_usual_ipv6(packet, ip)) [[likely]]
    return std::nullopt;
  const ParsedIp parsed = detail::parse_unusual_ip(packet);
  if (!parsed.ok) return parsed.reason;
  ip = parsed.ip;
  return std::nullopt;
}

inline ParsedIp parse_ip(const rte_mbuf* packet) noexcept {
  ParsedIp parsed{};
  const std::optional<DropReason> wrong = read_ip(packet, parsed.ip);
  parsed.ok = !wrong;
  if (wrong) parsed.reason = *wrong;
  return parsed;
}

template <class T>
T* header_at(rte_mbuf* packet, uint32_t offset_bytes) noexcept {
  if (offset_bytes + sizeof(T) > rte_pktmbuf_data_len(packet)) return nullptr;
  return rte_pktmbuf_mtod_offset(packet, T*, offset_bytes);
}

inline Family family_of(const rte_mbuf* packet) noexcept {
  return *rte_pktmbuf_mtod(packet, const uint8_t*) >> 4 == 4 ? Family::kIpv4 : Family::kIpv6;
}

inline void rewrite_ip(rte_mbuf* packet, const IpPacket& ip, uint32_t total_bytes, uint8_t next_header) noexcept {
  const be16 length = be16::from_host(static_cast<uint16_t>(total_bytes));
  if (ip.family == Family::kIpv4) {
    // The sum is that of the header as it will be, and does not wait for what is stored into it.
    Ipv4Header& header = *rte_pktmbuf_mtod(packet, Ipv4Header*);
    const uint64_t sum = detail::sum_of_ipv4_header(header) - header.total_length.wire * uint64_t{1 << 16} -
                         header.checksum.wire * uint64_t{1 << 16} - header.protocol * uint64_t{1 << 8} +
                         length.wire * uint64_t{1 << 16} + next_header * uint64_t{1 << 8};
    header.total_length = length;
    header.protocol = next_header;
    header.checksum = {static_cast<uint16_t>(~detail::fold_sum(sum))};
  } else {
    *rte_pktmbuf_mtod_offset(packet, uint8_t*, ip.next_header_offset) = next_header;
    Ipv6Header& header = *rte_pktmbuf_mtod(packet, Ipv6Header*);
    header.payload_length = be16::from_host(static_cast<uint16_t>(total_bytes - sizeof(Ipv6Header)));
  }
}

}  // namespace spigrp
