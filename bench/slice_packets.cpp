// See slice_packets.h.
#include "slice_packets.h"

#include <cstring>

#include <rte_mbuf.h>

#include "packet/checksum.h"

namespace spigrp::bench {
namespace {

constexpr uint8_t kTtl = 64;
constexpr uint8_t kFiller = 0x5a;

Ipv4Header inner_header(const IpAddress& destination, uint16_t inner_bytes, uint8_t ttl) noexcept {
  Ipv4Header header{};
  header.version_ihl = 0x45;
  header.total_length = be16::from_host(inner_bytes);
  header.ttl = ttl;
  header.protocol = kProtocolUdp;
  header.source = {10, 1, 0, 2};
  std::memcpy(header.destination.data(), destination.bytes.data(), header.destination.size());
  header.checksum = ipv4_header_checksum(header);
  return header;
}

Ipv6Header inner_header_ipv6(const IpAddress& destination, uint16_t inner_bytes) noexcept {
  Ipv6Header header{};
  header.version_class_flow = be32::from_host(0x60000000);
  header.payload_length = be16::from_host(static_cast<uint16_t>(inner_bytes - sizeof(Ipv6Header)));
  header.next_header = kProtocolUdp;
  header.hop_limit = kTtl;
  header.source = {0xfd, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
  header.destination = destination.bytes;
  return header;
}

UdpHeader udp_header(size_t udp_bytes) noexcept {
  return {be16::from_host(kSourcePort), be16::from_host(kDestinationPort),
          be16::from_host(static_cast<uint16_t>(udp_bytes)), be16::from_host(0)};
}

// From the IP header on.
void write_packet(uint8_t* packet, const IpAddress& destination, uint16_t inner_bytes) noexcept {
  size_t header_bytes = sizeof(Ipv4Header);
  if (destination.family == Family::kIpv4) {
    const Ipv4Header header = inner_header(destination, inner_bytes, kTtl);
    std::memcpy(packet, &header, sizeof(header));
  } else {
    const Ipv6Header header = inner_header_ipv6(destination, inner_bytes);
    std::memcpy(packet, &header, sizeof(header));
    header_bytes = sizeof(header);
  }
  const UdpHeader udp = udp_header(inner_bytes - header_bytes);
  std::memcpy(packet + header_bytes, &udp, sizeof(udp));
  std::memset(packet + header_bytes + sizeof(udp), kFiller, inner_bytes - header_bytes - sizeof(udp));
}

}  // namespace

Expected<SlicePackets> SlicePackets::create(rte_mempool* buffers) {
  SlicePackets packets;
  packets.packets_.resize(kSlicePackets);
  if (rte_pktmbuf_alloc_bulk(buffers, packets.packets_.data(), kSlicePackets) != 0) {
    packets.packets_.clear();
    return failure("packet buffers", "are used up");
  }
  return packets;
}

SlicePackets::~SlicePackets() {
  for (rte_mbuf* packet : packets_) rte_pktmbuf_free(packet);
}

void SlicePackets::fill(const Filling& filling) noexcept {
  const be16 ether_type = be16::from_host(filling.family == Family::kIpv4 ? kEtherTypeIpv4 : kEtherTypeIpv6);
  for (size_t i = 0; i < packets_.size(); ++i) {
    rte_mbuf* packet = packets_[i];
    const uint16_t inner_bytes = filling.inner_bytes[i % filling.inner_bytes.size()];
    rte_pktmbuf_reset(packet);
    auto* ethernet = reinterpret_cast<EthernetHeader*>(
        rte_pktmbuf_append(packet, static_cast<uint16_t>(sizeof(EthernetHeader) + inner_bytes)));
    *ethernet = {kNearLanMac, MacAddress{2, 0, 0, 0, 9, 1}, ether_type};
    const size_t flow = visited(filling.first_flow + i * filling.stride, filling.flows);
    write_packet(reinterpret_cast<uint8_t*>(ethernet + 1), flow_destination(filling.network, filling.family, flow),
                 inner_bytes);
  }
}

void SlicePackets::touch() const noexcept {
  uint8_t sum = 0;
  for (const rte_mbuf* packet : packets_) {
    const auto* data = rte_pktmbuf_mtod(packet, const uint8_t*);
    for (size_t i = 0; i < rte_pktmbuf_data_len(packet); i += RTE_CACHE_LINE_SIZE) {
      sum = static_cast<uint8_t>(sum + data[i]);
    }
  }
  asm volatile("" : : "r"(sum));
}

void SlicePackets::strip_ethernet() noexcept {
  for (rte_mbuf* packet : packets_) rte_pktmbuf_adj(packet, sizeof(EthernetHeader));
}

bool SlicePackets::are_as_filled(uint16_t inner_bytes, size_t offset, uint8_t hops) const noexcept {
  const UdpHeader udp = udp_header(inner_bytes - sizeof(Ipv4Header));
  for (const rte_mbuf* packet : packets_) {
    if (rte_pktmbuf_data_len(packet) != offset + inner_bytes) return false;
    const auto* ip = rte_pktmbuf_mtod_offset(packet, const Ipv4Header*, offset);
    IpAddress destination;
    std::memcpy(destination.bytes.data(), ip->destination.data(), ip->destination.size());
    const Ipv4Header expected = inner_header(destination, inner_bytes, static_cast<uint8_t>(kTtl - hops));
    if (std::memcmp(ip, &expected, sizeof(expected)) != 0 || std::memcmp(ip + 1, &udp, sizeof(udp)) != 0) return false;
    const auto* filler = reinterpret_cast<const uint8_t*>(ip + 1) + sizeof(udp);
    const size_t filler_bytes = inner_bytes - sizeof(*ip) - sizeof(udp);
    if (filler_bytes > 0 && (filler[0] != kFiller || std::memcmp(filler, filler + 1, filler_bytes - 1) != 0)) {
      return false;
    }
  }
  return true;
}

bool SlicePackets::have_bytes(size_t bytes) const noexcept {
  for (const rte_mbuf* packet : packets_) {
    if (rte_pktmbuf_pkt_len(packet) != bytes) return false;
  }
  return true;
}

}  // namespace spigrp::bench
