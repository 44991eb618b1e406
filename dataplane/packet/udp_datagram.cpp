// See udp_datagram.h.
#include "packet/udp_datagram.h"

#include <rte_mbuf.h>

#include "packet/checksum.h"

namespace spigrp {
namespace {

constexpr uint32_t kTcpHeaderBytes = 20, kTcpChecksumOffset = 16;

be16 checksum_of(const rte_mbuf* packet, const IpPacket& ip, uint8_t protocol) noexcept {
  const auto* header = rte_pktmbuf_mtod(packet, const uint8_t*);
  const bool is_ipv4 = ip.family == Family::kIpv4;
  const uint8_t* addresses = header + (is_ipv4 ? offsetof(Ipv4Header, source) : offsetof(Ipv6Header, source));
  return transport_checksum(addresses, is_ipv4 ? 8 : 32, protocol, header + ip.header_bytes, ip.payload_bytes());
}

}  // namespace

ParsedUdp parse_udp(rte_mbuf* packet, const IpPacket& ip) noexcept {
  const auto* udp = header_at<UdpHeader>(packet, ip.header_bytes);
  if (udp == nullptr || ip.payload_bytes() < sizeof(UdpHeader)) return {nullptr, false, DropReason::runt};
  const uint32_t length = udp->length.host();
  if (length > ip.payload_bytes()) return {nullptr, false, DropReason::runt};
  if (length < ip.payload_bytes()) return {nullptr, false, DropReason::malformed};
  return {udp, true, DropReason{}};
}

be16 udp_checksum(const rte_mbuf* packet, const IpPacket& ip) noexcept {
  const be16 sum = checksum_of(packet, ip, kProtocolUdp);
  return sum.wire == 0 ? be16{0xffff} : sum;
}

void repair_checksum(rte_mbuf* packet, const IpPacket& ip) noexcept {
  if (ip.next_header == kProtocolUdp) {
    if (!parse_udp(packet, ip).ok) return;
    auto& udp = *header_at<UdpHeader>(packet, ip.header_bytes);
    if (udp.checksum.wire == 0) return;
    udp.checksum = {};
    udp.checksum = udp_checksum(packet, ip);
  } else if (ip.next_header == kProtocolTcp && ip.payload_bytes() >= kTcpHeaderBytes) {
    auto& checksum = *header_at<be16>(packet, ip.header_bytes + kTcpChecksumOffset);
    checksum = {};
    checksum = checksum_of(packet, ip, kProtocolTcp);
  }
}

}  // namespace spigrp
