// See ndp.h.
#include "engine/ndp.h"

#include <algorithm>

#include <rte_mbuf.h>

#include "engine/icmp.h"
#include "packet/checksum.h"
#include "packet/ip_packet.h"

namespace spigrp {
namespace {

constexpr uint8_t kSourceMacOption = 1, kTargetMacOption = 2;
constexpr uint32_t kSolicited = 1u << 30, kOverride = 1u << 29;
constexpr IpAddress kAllNodes{Family::kIpv6, {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

struct MacOption {
  uint8_t type;
  uint8_t length;  // in 8 bytes
  MacAddress mac;
};
static_assert(sizeof(MacOption) == 8);

struct DiscoveryMessage {
  IcmpHeader icmp;
  std::array<uint8_t, 16> target;
};
static_assert(sizeof(DiscoveryMessage) == 24);

struct Whole {  // a message as it is made here, with one option
  Ipv6Header ip;
  DiscoveryMessage message;
  MacOption option;
};
static_assert(sizeof(Whole) == 72);

// RFC 4291 section 2.7.1.
IpAddress solicited_node(const IpAddress& target) noexcept {
  IpAddress address{Family::kIpv6, {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff}};
  std::copy(target.bytes.begin() + 13, target.bytes.end(), address.bytes.begin() + 13);
  return address;
}

// False where an option has no length. `mac` gets the wanted option, if it is there.
bool read_options(const uint8_t* options, uint32_t bytes, uint8_t wanted, std::optional<MacAddress>& mac) noexcept {
  while (bytes > 0) {
    if (bytes < sizeof(MacOption)) return false;
    const auto& option = *reinterpret_cast<const MacOption*>(options);
    const uint32_t option_bytes = option.length * 8u;
    if (option_bytes == 0 || option_bytes > bytes) return false;
    if (option.type == wanted && option.length == 1 && (option.mac[0] & 1) == 0) mac = option.mac;
    options += option_bytes;
    bytes -= option_bytes;
  }
  return true;
}

bool checksum_holds(const Ipv6Header& ip, IcmpHeader& icmp, uint32_t bytes) noexcept {
  const be16 received = icmp.checksum;
  icmp.checksum = {};
  return icmpv6_checksum(ip, &icmp, bytes) == received;
}

void fill(Whole& whole, const LinkSource& from, const IpAddress& to, const DiscoveryMessage& message) noexcept {
  whole.ip.version_class_flow = be32::from_host(6u << 28);
  whole.ip.payload_length = be16::from_host(sizeof(Whole) - sizeof(Ipv6Header));
  whole.ip.next_header = kProtocolIcmpv6;
  whole.ip.hop_limit = 255;
  whole.ip.source = from.address.bytes;
  whole.ip.destination = to.bytes;
  whole.message = message;
  const bool solicits = message.icmp.type == kIcmpv6NeighbourSolicitation;
  whole.option = {solicits ? kSourceMacOption : kTargetMacOption, 1, from.mac};
  whole.message.icmp.checksum = icmpv6_checksum(whole.ip, &whole.message, sizeof(DiscoveryMessage) + sizeof(MacOption));
}

}  // namespace

std::optional<NeighbourMessage> read_neighbour_message(rte_mbuf* packet) noexcept {
  const ParsedIp parsed = parse_ip(packet);
  if (!parsed.ok || parsed.ip.family != Family::kIpv6 || parsed.ip.next_header != kProtocolIcmpv6 ||
      parsed.ip.is_fragment || parsed.ip.total_bytes > rte_pktmbuf_data_len(packet) ||
      parsed.ip.payload_bytes() < sizeof(DiscoveryMessage)) {
    return std::nullopt;
  }
  const auto& ip = *rte_pktmbuf_mtod(packet, const Ipv6Header*);
  auto& message = *header_at<DiscoveryMessage>(packet, parsed.ip.header_bytes);
  if (ip.hop_limit != 255 || message.icmp.code != 0 || message.target[0] == 0xff) return std::nullopt;
  if (!checksum_holds(ip, message.icmp, parsed.ip.payload_bytes())) return std::nullopt;

  NeighbourMessage read{};
  read.is_solicitation = message.icmp.type == kIcmpv6NeighbourSolicitation;
  if (!read.is_solicitation && message.icmp.type != kIcmpv6NeighbourAdvertisement) return std::nullopt;
  read.overrides = !read.is_solicitation && (message.icmp.rest.host() & kOverride) != 0;
  read.source = IpAddress{Family::kIpv6, ip.source};
  read.target = IpAddress{Family::kIpv6, message.target};
  const auto* options = reinterpret_cast<const uint8_t*>(&message + 1);
  const auto option_bytes = static_cast<uint32_t>(parsed.ip.payload_bytes() - sizeof(DiscoveryMessage));
  if (!read_options(options, option_bytes, read.is_solicitation ? kSourceMacOption : kTargetMacOption, read.mac)) {
    return std::nullopt;
  }
  // Section 7.1.1: nobody has that MAC address yet.
  if (read.source.is_unspecified() && (read.mac || !read.is_solicitation)) return std::nullopt;
  return read;
}

rte_mbuf* make_solicitation(const LinkSource& from, const IpAddress& target, rte_mempool* buffers) noexcept {
  rte_mbuf* frame = rte_pktmbuf_alloc(buffers);
  if (frame == nullptr) return nullptr;
  auto* ethernet = reinterpret_cast<EthernetHeader*>(rte_pktmbuf_append(frame, sizeof(EthernetHeader) + sizeof(Whole)));
  const IpAddress group = solicited_node(target);
  *ethernet = {multicast_mac(group), from.mac, be16::from_host(kEtherTypeIpv6)};
  fill(*reinterpret_cast<Whole*>(ethernet + 1), from, group, {{kIcmpv6NeighbourSolicitation, 0, {}, {}}, target.bytes});
  return frame;
}

rte_mbuf* make_advertisement(const LinkSource& from, const IpAddress& solicitor, rte_mempool* buffers) noexcept {
  rte_mbuf* packet = rte_pktmbuf_alloc(buffers);
  if (packet == nullptr) return nullptr;
  auto& whole = *reinterpret_cast<Whole*>(rte_pktmbuf_append(packet, sizeof(Whole)));
  const bool to_one = !solicitor.is_unspecified();
  const uint32_t flags = to_one ? kSolicited | kOverride : kOverride;
  fill(whole, from, to_one ? solicitor : kAllNodes,
       {{kIcmpv6NeighbourAdvertisement, 0, {}, be32::from_host(flags)}, from.address.bytes});
  return packet;
}

MacAddress multicast_mac(const IpAddress& address) noexcept {
  return {0x33, 0x33, address.bytes[12], address.bytes[13], address.bytes[14], address.bytes[15]};
}

}  // namespace spigrp
