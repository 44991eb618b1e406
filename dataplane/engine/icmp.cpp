// See icmp.h.
#include "engine/icmp.h"

#include <algorithm>
#include <cstring>

#include <rte_mbuf.h>

#include "packet/checksum.h"

namespace spigrp {
namespace {

constexpr uint32_t kLongestError = 576, kLongestErrorIpv6 = 1280;  // bytes, IP header included
constexpr uint8_t kTtl = 64;

bool is_later_fragment(const rte_mbuf* packet, const IpPacket& ip) noexcept {
  if (!ip.is_fragment) return false;
  if (ip.family == Family::kIpv6) return true;  // or a first one, which goes without its error
  return (rte_pktmbuf_mtod(packet, const Ipv4Header*)->flags_fragment.host() & 0x1fff) != 0;
}

void copy_from(const rte_mbuf* packet, uint32_t bytes, uint8_t* to) noexcept {
  for (const rte_mbuf* segment = packet; segment != nullptr && bytes > 0; segment = segment->next) {
    const uint32_t piece = std::min<uint32_t>(bytes, rte_pktmbuf_data_len(segment));
    std::memcpy(to, rte_pktmbuf_mtod(segment, const uint8_t*), piece);
    to += piece;
    bytes -= piece;
  }
}

void write_ipv4(const rte_mbuf* about, const IpAddress& source, uint32_t total_bytes, uint8_t* start) noexcept {
  auto& header = *reinterpret_cast<Ipv4Header*>(start);
  header = {};
  header.version_ihl = 0x45;
  header.total_length = be16::from_host(static_cast<uint16_t>(total_bytes));
  header.flags_fragment = be16::from_host(kIpv4DontFragment);
  header.ttl = kTtl;
  header.protocol = kProtocolIcmp;
  std::copy_n(source.bytes.begin(), header.source.size(), header.source.begin());
  header.destination = rte_pktmbuf_mtod(about, const Ipv4Header*)->source;
  header.checksum = ipv4_header_checksum(header);
}

void write_ipv6(const rte_mbuf* about, const IpAddress& source, uint32_t total_bytes, uint8_t* start) noexcept {
  auto& header = *reinterpret_cast<Ipv6Header*>(start);
  header.version_class_flow = be32::from_host(6u << 28);
  header.payload_length = be16::from_host(static_cast<uint16_t>(total_bytes - sizeof(Ipv6Header)));
  header.next_header = kProtocolIcmpv6;
  header.hop_limit = kTtl;
  header.source = source.bytes;
  header.destination = rte_pktmbuf_mtod(about, const Ipv6Header*)->source;
}

}  // namespace

bool is_icmp_error(Family family, uint8_t type) noexcept {
  if (family == Family::kIpv6) return type < kIcmpv6LowestInformational;
  return type == kIcmpUnreachable || type == kIcmpSourceQuench || type == kIcmpRedirect || type == kIcmpTimeExceeded ||
         type == kIcmpParameterProblem;
}

bool may_answer_with_error(rte_mbuf* packet, const IpPacket& ip) noexcept {
  if (is_later_fragment(packet, ip)) return false;
  const FlowKey flow = flow_key(packet, ip);  // looks behind destination options too
  if (flow.unknown == UnknownFields::kIcmpType || flow.unknown == UnknownFields::kProtocolAndPorts) return false;
  return !is_icmp(flow) || !is_icmp_error(ip.family, static_cast<uint8_t>(flow.source_port.host()));
}

rte_mbuf* make_icmp_error(const rte_mbuf* about, const IpPacket& ip, const IpAddress& source, IcmpError error,
                          rte_mempool* buffers) noexcept {
  const bool is_ipv4 = ip.family == Family::kIpv4;
  const uint32_t header_bytes = is_ipv4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header);
  rte_mbuf* message = rte_pktmbuf_alloc(buffers);
  if (message == nullptr) return nullptr;
  const uint32_t longest =
      std::min<uint32_t>(is_ipv4 ? kLongestError : kLongestErrorIpv6, rte_pktmbuf_tailroom(message));
  const uint32_t quoted = std::min<uint32_t>(ip.total_bytes, longest - header_bytes - uint32_t{sizeof(IcmpHeader)});
  const uint32_t total_bytes = header_bytes + uint32_t{sizeof(IcmpHeader)} + quoted;
  auto* start = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(message, static_cast<uint16_t>(total_bytes)));
  auto& icmp = *reinterpret_cast<IcmpHeader*>(start + header_bytes);
  icmp = {error.type, error.code, {}, be32::from_host(error.rest)};
  copy_from(about, quoted, start + header_bytes + sizeof(IcmpHeader));
  if (is_ipv4) {
    write_ipv4(about, source, total_bytes, start);
    icmp.checksum = internet_checksum(&icmp, sizeof(IcmpHeader) + quoted);
  } else {
    write_ipv6(about, source, total_bytes, start);
    icmp.checksum = icmpv6_checksum(*reinterpret_cast<const Ipv6Header*>(start), &icmp, sizeof(IcmpHeader) + quoted);
  }
  return message;
}

}  // namespace spigrp
