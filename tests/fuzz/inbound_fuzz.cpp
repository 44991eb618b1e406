// Hostile packets all the way through a gateway: as they come from the wire, or inside of ESP or AH whose ICV is right,
// so that what only a peer with the keys can send is tried too. The first byte says which.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "gateway.h"
#include "packet/buffer.h"
#include "packet/checksum.h"

namespace spigrp::fuzz {
namespace {

constexpr uint64_t kSettleEvery = 64;  // packets

class Target {
 public:
  void take(uint8_t way, const uint8_t* data, size_t size) {
    const auto& outer = gateway_.outer();
    rte_mbuf* frame = way % 8 < outer.size() ? protected_frame(*outer[way % 8], way / 8, data, size)
                                             : frame_of(data, size, (way & 1) == 0 ? kEtherTypeIpv4 : kEtherTypeIpv6);
    if (frame == nullptr) return;
    gateway_.receive(kWan, frame);
    if (++packets_ % kSettleEvery == 0) gateway_.let_all_expire();
  }

 private:
  void put_ethernet_before(rte_mbuf* packet, uint16_t ether_type) {
    auto* ethernet = reinterpret_cast<EthernetHeader*>(rte_pktmbuf_prepend(packet, sizeof(EthernetHeader)));
    *ethernet = {gateway_.parts().ports()[kWan].mac(), kPeerMac, be16::from_host(ether_type)};
  }

  rte_mbuf* frame_of(const uint8_t* data, size_t size, uint16_t ether_type) {
    rte_mbuf* packet = gateway_.buffer_with(data, size);
    put_ethernet_before(packet, ether_type);
    return packet;
  }

  // The data as what the SA protects, announced as this protocol.
  rte_mbuf* protected_frame(Sa& sa, uint8_t kind, const uint8_t* data, size_t size) {
    constexpr uint8_t kProtocols[] = {
        kProtocolIpip, kProtocolIpv6, kProtocolEsp, kProtocolAh, kProtocolIpcomp, kProtocolUdp, 0, 59};
    std::vector<uint8_t> bytes(sizeof(Ipv4Header));
    bytes.insert(bytes.end(), data, data + std::min<size_t>(size, 1400));
    auto& header = *reinterpret_cast<Ipv4Header*>(bytes.data());
    header.version_ihl = 0x45;
    header.total_length = be16::from_host(static_cast<uint16_t>(bytes.size()));
    header.ttl = 64;
    header.protocol = kProtocols[kind % std::size(kProtocols)];
    header.source = {192, 0, 2, 2};
    header.destination = {192, 0, 2, 1};
    header.checksum = ipv4_header_checksum(header);
    rte_mbuf* packet = gateway_.buffer_with(bytes.data(), bytes.size());
    Burst burst;
    packet = make_writable(packet, sa.overhead.head_bytes, sa.overhead.tail_bytes, gateway_.parts().buffers());
    burst.push({.packet = packet, .sa = &sa, .group = nullptr, .sequence = 0, .step = 0, .tag = 0});
    kTransforms[static_cast<size_t>(sa.id.protocol)].encap(peer_, burst);
    if (burst.empty()) return nullptr;
    rte_mbuf* made = burst.entries[0].packet;
    put_ethernet_before(made, kEtherTypeIpv4);
    return made;
  }

  Gateway gateway_;
  std::unique_ptr<CryptoEngine> crypto_ = must(CryptoEngine::create());
  Deflate deflate_;
  PacketCounters peer_counters_;
  WorkerContext peer_{.crypto = crypto_.get(),
                      .packet_buffers = gateway_.parts().buffers(),
                      .counters = &peer_counters_,
                      .now_tsc = 1,
                      .deflate = &deflate_};
  uint64_t packets_ = 0;
};

}  // namespace
}  // namespace spigrp::fuzz

extern "C" int LLVMFuzzerInitialize(int* /*count*/, char*** /*words*/) {
  spigrp::fuzz::start_eal();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto* target = new spigrp::fuzz::Target;  // never ends: EAL ends with the process
  if (size > 0) target->take(data[0], data + 1, size - 1);
  return 0;
}
