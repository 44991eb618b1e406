// See local.h.
#include "engine/local.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "engine/path_mtu_report.h"
#include "packet/buffer.h"
#include "packet/checksum.h"

namespace spigrp {
namespace {

const IcmpHeader* icmp_of(const PlainPacket& packet) noexcept {
  const bool is_icmp = packet.ip.family == Family::kIpv4 ? packet.ip.next_header == kProtocolIcmp
                                                         : packet.ip.next_header == kProtocolIcmpv6;
  if (!is_icmp || packet.ip.is_fragment || packet.ip.payload_bytes() < sizeof(IcmpHeader)) return nullptr;
  return header_at<IcmpHeader>(packet.packet, packet.ip.header_bytes);
}

// Neighbour solicitation or advertisement that no router has forwarded (RFC 4861 section 7.1).
bool is_neighbour_discovery(const PlainPacket& packet, const IcmpHeader& icmp) noexcept {
  return packet.ip.family == Family::kIpv6 && packet.origin == Origin::kWire &&
         (icmp.type == kIcmpv6NeighbourSolicitation || icmp.type == kIcmpv6NeighbourAdvertisement) &&
         rte_pktmbuf_mtod(packet.packet, const Ipv6Header*)->hop_limit == 255;
}

bool is_echo_request(Family family, const IcmpHeader& icmp) noexcept {
  return icmp.code == 0 && icmp.type == (family == Family::kIpv4 ? kIcmpEchoRequest : kIcmpv6EchoRequest);
}

// RFC 1624: the type is the high byte of the first word, the checksum follows from the difference.
void replace_type(IcmpHeader& icmp, uint8_t type) noexcept {
  uint32_t sum = static_cast<uint16_t>(~icmp.checksum.host());
  sum += static_cast<uint16_t>(~(icmp.type << 8)) + (static_cast<uint32_t>(type) << 8);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  icmp.type = type;
  icmp.checksum = be16::from_host(static_cast<uint16_t>(~sum));
}

// Leaves out IPv4 options and IPv6 extension headers, which are not for the way back.
IpPacket strip_options(rte_mbuf* packet, const IpPacket& ip) noexcept {
  const bool is_ipv4 = ip.family == Family::kIpv4;
  const auto fixed_bytes = static_cast<uint16_t>(is_ipv4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header));
  const auto surplus_bytes = static_cast<uint16_t>(ip.header_bytes - fixed_bytes);
  IpPacket stripped = ip;
  if (surplus_bytes > 0) {
    auto* old_start = rte_pktmbuf_mtod(packet, uint8_t*);
    std::memmove(old_start + surplus_bytes, old_start, fixed_bytes);
    rte_pktmbuf_adj(packet, surplus_bytes);
    stripped.header_bytes = fixed_bytes;
    stripped.total_bytes -= surplus_bytes;
  }
  stripped.next_header_offset =
      static_cast<uint16_t>(is_ipv4 ? offsetof(Ipv4Header, protocol) : offsetof(Ipv6Header, next_header));
  if (is_ipv4) {
    auto& header = *rte_pktmbuf_mtod(packet, Ipv4Header*);
    header.version_ihl = 0x45;
    header.ttl = kOwnTtl;
    std::swap(header.source, header.destination);
  } else {
    auto& header = *rte_pktmbuf_mtod(packet, Ipv6Header*);
    header.hop_limit = kOwnTtl;
    std::swap(header.source, header.destination);
  }
  rewrite_ip(packet, stripped, stripped.total_bytes, ip.next_header);
  return stripped;
}

// Which of its addresses the gateway speaks from: that of the port where the packet came in; to the sender of a
// protected packet, that of the network which it was for, because there the eroutes for an answer are.
std::optional<IpAddress> speaker(const Network& network, Generation g, const PlainPacket& packet) noexcept {
  const OwnAddresses* own = network.own_addresses.at(g);
  if (own == nullptr) return std::nullopt;
  if (packet.origin == Origin::kGroup || packet.was_protected) {
    const IpAddress destination = destination_of(packet.packet, packet.ip.family);
    for (const OwnAddresses::OfPort& port : own->ports) {
      for (const IpPrefix& prefix : port.prefixes) {
        if (prefix.contains(destination)) return prefix.address;
      }
    }
  }
  return own->ports[packet.port].towards(source_of(packet.packet, packet.ip.family));
}

}  // namespace

LocalRuling rule_local(const PlainPacket& packet) noexcept {
  if (packet.ip.is_fragment) return {LocalRuling::Way::kDrop, DropReason::fragment};
  const IcmpHeader* icmp = icmp_of(packet);
  if (icmp == nullptr) return {LocalRuling::Way::kDrop, DropReason::local_unhandled};
  if (is_neighbour_discovery(packet, *icmp)) return {LocalRuling::Way::kNeighbourDiscovery, {}};
  if (packet.to_everyone) return {LocalRuling::Way::kTaken, {}};
  if (is_echo_request(packet.ip.family, *icmp)) return {LocalRuling::Way::kEcho, {}};
  const bool is_report = is_path_mtu_report(packet.ip.family, icmp->type, icmp->code);
  return {is_report ? LocalRuling::Way::kPathMtuReport : LocalRuling::Way::kTaken, {}};
}

LocalRuling rule_multicast(const PlainPacket& packet) noexcept {
  const IcmpHeader* icmp = icmp_of(packet);
  if (icmp != nullptr && is_neighbour_discovery(packet, *icmp)) return {LocalRuling::Way::kNeighbourDiscovery, {}};
  return {LocalRuling::Way::kDrop, DropReason::local_unhandled};
}

PlainPacket as_echo_reply(const PlainPacket& request) noexcept {
  auto& icmp = *header_at<IcmpHeader>(request.packet, request.ip.header_bytes);
  replace_type(icmp, request.ip.family == Family::kIpv4 ? kIcmpEchoReply : kIcmpv6EchoReply);
  PlainPacket reply = request;
  reply.ip = strip_options(request.packet, request.ip);
  reply.origin = Origin::kSelf;
  reply.group = nullptr;
  reply.was_protected = request.was_protected;
  return reply;
}

std::optional<IpAddress> error_speaker(const Network& network, Generation g, const PlainPacket& packet) noexcept {
  if (packet.origin == Origin::kSelf || packet.to_everyone) return std::nullopt;
  if (!may_answer_with_error(packet.packet, packet.ip)) return std::nullopt;
  return speaker(network, g, packet);
}

std::optional<PlainPacket> error_about(const PlainPacket& packet, const IpAddress& speaker, IcmpError error,
                                       rte_mempool* buffers) noexcept {
  rte_mbuf* message = make_icmp_error(packet.packet, packet.ip, speaker, error, buffers);
  if (message == nullptr) return std::nullopt;
  return PlainPacket{.packet = message,
                     .ip = parse_ip(message).ip,
                     .port = packet.port,
                     .origin = Origin::kSelf,
                     .removed = 0,
                     .group = nullptr,
                     .to_everyone = false,
                     .was_protected = packet.was_protected};
}

LocalDelivery::LocalDelivery(WorkerContext& context, const Network& network, Transmitter& transmitter) noexcept
    : context_(context),
      network_(network),
      transmitter_(transmitter),
      errors_(kIcmpErrorsPerSecond, rte_get_tsc_hz()),
      path_mtu_reports_(kPathMtuReportsPerSecond, rte_get_tsc_hz()) {}

void LocalDelivery::finish(rte_mbuf* packet) noexcept {
  context_.counters->delivered.add(1);
  rte_pktmbuf_free(packet);
}

void LocalDelivery::deliver(const PlainPacket& packet, PlainBurst& answers) noexcept {
  take(packet, rule_local(packet), answers);
}

// Forged ones end here, before the limit: a flood of them does not keep true ones out.
void LocalDelivery::take_path_mtu_report(const PlainPacket& packet) noexcept {
  const PathMtuReport report = read_path_mtu_report(packet.packet, packet.ip, network_, context_.generation);
  if (!report.ok) return context_.drop(packet.packet, report.reason);
  if (!path_mtu_reports_.take(context_.now_tsc)) return context_.drop(packet.packet, DropReason::icmp_limited);
  transmitter_.punt({packet.packet, {}, packet.port, PuntKind::kPathMtu, Passage::kOwn});
}

void LocalDelivery::deliver_multicast(const PlainPacket& packet, PlainBurst& answers) noexcept {
  take(packet, rule_multicast(packet), answers);
}

void LocalDelivery::take(const PlainPacket& packet, const LocalRuling& ruling, PlainBurst& answers) noexcept {
  switch (ruling.way) {
    case LocalRuling::Way::kDrop:
      return context_.drop(packet.packet, ruling.reason);
    case LocalRuling::Way::kNeighbourDiscovery:
      return transmitter_.punt({packet.packet, {}, packet.port, PuntKind::kNeighbourDiscovery, Passage::kOwn});
    case LocalRuling::Way::kEcho:
      context_.counters->delivered.add(1);
      context_.counters->originated.add(1);
      return answers.push(as_echo_reply(packet));
    case LocalRuling::Way::kPathMtuReport:
      return take_path_mtu_report(packet);
    case LocalRuling::Way::kTaken:
      return finish(packet.packet);
  }
}

void LocalDelivery::refuse(const PlainPacket& packet, DropReason reason, IcmpError error,
                           PlainBurst& answers) noexcept {
  if (const auto source = error_speaker(network_, context_.generation, packet)) {
    if (!errors_.take(context_.now_tsc)) {
      context_.counters->originated.add(1);
      context_.counters->count_drop(DropReason::icmp_limited);
    } else if (const auto message = error_about(packet, *source, error, context_.packet_buffers)) {
      context_.counters->originated.add(1);
      answers.push(*message);
    }
  }
  context_.drop(packet.packet, reason);
}

bool is_exempt_from_policy(const PlainPacket& packet) noexcept {
  const IcmpHeader* icmp = icmp_of(packet);
  if (icmp == nullptr) return false;
  return is_icmp_error(packet.ip.family, icmp->type) || is_neighbour_discovery(packet, *icmp);
}

}  // namespace spigrp
