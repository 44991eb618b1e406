// Hostile frames at both ports, several in a row: ARP, neighbour discovery, fragments, ICMP, and what a host behind the
// gateway sends into its tunnels. A frame is a byte that says where and as what it comes, its length in two bytes, and
// its bytes; then the next one. Checksums are made right, unless the byte says no: a sender can make them so too.
#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include <rte_mbuf.h>

#include "gateway.h"
#include "packet/checksum.h"

namespace spigrp::fuzz {
namespace {

// Of the first byte; in its two lowest bits is which of kEtherTypes.
constexpr uint8_t kKind = 0x03, kAtLan = 0x04, kAsIs = 0x08, kToEveryone = 0x10, kInTwoSegments = 0x20;
constexpr uint16_t kEtherTypes[] = {kEtherTypeIpv4, kEtherTypeIpv6, kEtherTypeArp, 0x88cc};

using Bytes = std::span<uint8_t>;

void mend_icmp(Bytes message) {
  if (message.size() < sizeof(IcmpHeader)) return;
  auto& icmp = *reinterpret_cast<IcmpHeader*>(message.data());
  icmp.checksum = {};
  icmp.checksum = internet_checksum(message.data(), message.size());
}

void mend_ipv4(Bytes packet) {
  if (packet.size() < sizeof(Ipv4Header)) return;
  auto& header = *reinterpret_cast<Ipv4Header*>(packet.data());
  const size_t header_bytes = header.header_bytes(), total_bytes = header.total_length.host();
  if (header_bytes < sizeof(Ipv4Header) || header_bytes > packet.size()) return;
  header.checksum = ipv4_header_checksum(header);
  if (header.protocol != kProtocolIcmp || header.is_fragment()) return;
  if (total_bytes > packet.size() || total_bytes < header_bytes) return;
  mend_icmp(packet.subspan(header_bytes, total_bytes - header_bytes));
}

void mend_ipv6(Bytes packet) {
  if (packet.size() < sizeof(Ipv6Header) + sizeof(IcmpHeader)) return;
  const auto& header = *reinterpret_cast<const Ipv6Header*>(packet.data());
  const size_t payload_bytes = header.payload_length.host();
  if (header.next_header != kProtocolIcmpv6 || payload_bytes < sizeof(IcmpHeader)) return;
  if (payload_bytes > packet.size() - sizeof(Ipv6Header)) return;
  auto& icmp = *reinterpret_cast<IcmpHeader*>(packet.data() + sizeof(Ipv6Header));
  icmp.checksum = {};
  icmp.checksum = icmpv6_checksum(header, &icmp, payload_bytes);
}

void split(rte_mbuf* frame, rte_mbuf* rest, uint16_t at_bytes) {
  rte_pktmbuf_adj(rest, at_bytes);
  rte_pktmbuf_trim(frame, static_cast<uint16_t>(frame->data_len - at_bytes));
  if (rte_pktmbuf_chain(frame, rest) != 0) abort();
}

class Frames {
 public:
  void take(std::span<const uint8_t> input) {
    constexpr size_t kFrontBytes = 3, kMostFrames = 32;
    for (size_t frames = 0; frames < kMostFrames && input.size() > kFrontBytes; ++frames) {
      const uint8_t way = input[0];
      const size_t bytes = std::min<size_t>(input[1] * 256u + input[2], input.size() - kFrontBytes);
      take_one(way, input.subspan(kFrontBytes, bytes));
      input = input.subspan(kFrontBytes + bytes);
    }
    gateway_.let_all_expire();
  }

 private:
  void take_one(uint8_t way, std::span<const uint8_t> packet) {
    const uint16_t port = (way & kAtLan) != 0 ? kLan : kWan;
    const uint16_t ether_type = kEtherTypes[way & kKind];
    std::vector<uint8_t> bytes(sizeof(EthernetHeader));
    bytes.insert(bytes.end(), packet.begin(), packet.end());
    auto& ethernet = *reinterpret_cast<EthernetHeader*>(bytes.data());
    ethernet = {gateway_.parts().ports()[port].mac(), port == kLan ? kHostMac : kPeerMac, be16::from_host(ether_type)};
    if ((way & kToEveryone) != 0) ethernet.destination = {0x33, 0x33, 0, 0, 0, 1};
    if ((way & kAsIs) == 0) {
      const Bytes mended = Bytes(bytes).subspan(sizeof(EthernetHeader));
      if (ether_type == kEtherTypeIpv4) mend_ipv4(mended);
      if (ether_type == kEtherTypeIpv6) mend_ipv6(mended);
    }
    rte_mbuf* frame = gateway_.buffer_with(bytes.data(), bytes.size());
    if ((way & kInTwoSegments) != 0 && frame->data_len > sizeof(EthernetHeader)) {
      const auto beyond = static_cast<uint16_t>(frame->data_len - sizeof(EthernetHeader));
      split(frame, gateway_.buffer_with(bytes.data(), bytes.size()),
            static_cast<uint16_t>(sizeof(EthernetHeader) + (way >> 6) * beyond / 4));
    }
    gateway_.receive(port, frame);
  }

  Gateway gateway_;
};

}  // namespace
}  // namespace spigrp::fuzz

extern "C" int LLVMFuzzerInitialize(int* /*count*/, char*** /*words*/) {
  spigrp::fuzz::start_eal();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto* frames = new spigrp::fuzz::Frames;  // never ends: EAL ends with the process
  frames->take({data, size});
  return 0;
}
