// See arp.h.
#include "engine/arp.h"

#include <algorithm>

#include <rte_mbuf.h>

#include "packet/ip_packet.h"

namespace spigrp {
namespace {

constexpr uint16_t kEthernetHardware = 1, kRequest = 1, kReply = 2;
constexpr MacAddress kEveryone{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

IpAddress address_of(const std::array<uint8_t, 4>& bytes) noexcept {
  IpAddress address{Family::kIpv4, {}};
  std::copy(bytes.begin(), bytes.end(), address.bytes.begin());
  return address;
}

std::array<uint8_t, 4> bytes_of(const IpAddress& address) noexcept {
  return {address.bytes[0], address.bytes[1], address.bytes[2], address.bytes[3]};
}

rte_mbuf* make_arp(uint16_t operation, const LinkSource& from, const MacAddress& to_mac, const IpAddress& to,
                   rte_mempool* buffers) noexcept {
  rte_mbuf* frame = rte_pktmbuf_alloc(buffers);
  if (frame == nullptr) return nullptr;
  auto* ethernet =
      reinterpret_cast<EthernetHeader*>(rte_pktmbuf_append(frame, sizeof(EthernetHeader) + sizeof(ArpPacket)));
  *ethernet = {operation == kRequest ? kEveryone : to_mac, from.mac, be16::from_host(kEtherTypeArp)};
  *reinterpret_cast<ArpPacket*>(ethernet + 1) = {.hardware_type = be16::from_host(kEthernetHardware),
                                                 .protocol_type = be16::from_host(kEtherTypeIpv4),
                                                 .hardware_bytes = sizeof(MacAddress),
                                                 .protocol_bytes = 4,
                                                 .operation = be16::from_host(operation),
                                                 .sender_mac = from.mac,
                                                 .sender_address = bytes_of(from.address),
                                                 .target_mac = operation == kRequest ? MacAddress{} : to_mac,
                                                 .target_address = bytes_of(to)};
  return frame;
}

}  // namespace

std::optional<ArpMessage> read_arp(rte_mbuf* packet) noexcept {
  const auto* arp = header_at<ArpPacket>(packet, 0);
  if (arp == nullptr || arp->hardware_type.host() != kEthernetHardware || arp->protocol_type.host() != kEtherTypeIpv4 ||
      arp->hardware_bytes != sizeof(MacAddress) || arp->protocol_bytes != 4) {
    return std::nullopt;
  }
  const uint16_t operation = arp->operation.host();
  if (operation != kRequest && operation != kReply) return std::nullopt;
  const bool is_group_mac = (arp->sender_mac[0] & 1) != 0;
  const uint8_t first = arp->sender_address[0];
  if (is_group_mac || first == 127 || first >= 224) return std::nullopt;
  return ArpMessage{operation == kRequest, arp->sender_mac, address_of(arp->sender_address),
                    address_of(arp->target_address)};
}

rte_mbuf* make_arp_request(const LinkSource& from, const IpAddress& target, rte_mempool* buffers) noexcept {
  return make_arp(kRequest, from, {}, target, buffers);
}

rte_mbuf* make_arp_reply(const LinkSource& from, const ArpMessage& request, rte_mempool* buffers) noexcept {
  return make_arp(kReply, from, request.sender_mac, request.sender, buffers);
}

}  // namespace spigrp
