// See tunnel_search.h.
#include "engine/tunnel_search.h"

#include <array>

#include <rte_mbuf.h>

namespace spigrp {
namespace {

struct Endpoints {
  IpAddress source, destination;
};

// Outer headers in the order in which they were found, and what is below them.
struct TunnelHeaders {
  std::array<Endpoints, kMaxGroupSas> endpoints;
  uint8_t count = 0;
};

// The outermost SAs of the group are tun SAs with these endpoints, and below them comes the SA at `place`. IPComp may
// be absent anywhere.
bool fits(const SaGroup& group, uint8_t place, const TunnelHeaders& headers) noexcept {
  uint8_t matched = 0;
  for (uint8_t outer = static_cast<uint8_t>(group.size() - 1); outer > place; --outer) {
    const Sa& sa = *group.at(outer);
    if (sa.id.protocol == SaProtocol::kComp) continue;
    if (sa.id.protocol != SaProtocol::kTunnel || matched == headers.count) return false;
    const Endpoints& endpoints = headers.endpoints[matched++];
    if (sa.source != endpoints.source || sa.id.destination != endpoints.destination) return false;
  }
  return matched == headers.count;
}

FoundGroup bare_tunnel(const SaTables& sas, const Endpoints& outermost, Generation g) noexcept {
  const SaGroup* group = sas.find_bare_tunnel(outermost.source, outermost.destination, g);
  return {group, group == nullptr ? DropReason::no_sa : DropReason{}};
}

}  // namespace

bool goes_to_encapsulation_port(const UdpPorts& ports, rte_mbuf* packet, const IpPacket& ip) noexcept {
  if (ip.next_header != kProtocolUdp) return false;
  const auto* udp = header_at<UdpHeader>(packet, ip.header_bytes);
  return udp != nullptr && ip.payload_bytes() >= sizeof(UdpHeader) && ports.has(udp->destination_port.host());
}

ReceivedSaKey received_sa_key(rte_mbuf* packet, const IpPacket& ip) noexcept {
  ReceivedSaKey received{};
  if (ip.next_header == kProtocolEsp || ip.next_header == kProtocolUdp) {
    const auto udp_bytes = static_cast<uint32_t>(ip.next_header == kProtocolUdp ? sizeof(UdpHeader) : 0);
    const auto* esp = header_at<EspHeader>(packet, ip.header_bytes + udp_bytes);
    if (esp == nullptr || ip.payload_bytes() < udp_bytes + sizeof(EspHeader)) return received;
    received.key.spi = esp->spi;
    received.key.protocol = SaProtocol::kEsp;
  } else if (ip.next_header == kProtocolIpcomp) {
    const auto* ipcomp = header_at<IpcompHeader>(packet, ip.header_bytes);
    if (ipcomp == nullptr || ip.payload_bytes() < sizeof(IpcompHeader)) return received;
    received.key.spi = be32::from_host(ipcomp->cpi.host());
    received.key.protocol = SaProtocol::kComp;
  } else {
    const auto* ah = header_at<AhHeader>(packet, ip.header_bytes);
    if (ah == nullptr || ip.payload_bytes() < sizeof(AhHeader)) return received;
    received.key.spi = ah->spi;
    received.key.protocol = SaProtocol::kAh;
  }
  const IpAddress destination = destination_of(packet, ip.family);
  received.key.destination = destination.bytes;
  received.key.family = destination.family;
  received.ok = true;
  return received;
}

FoundGroup find_tunnel_group(const SaTables& sas, rte_mbuf* packet, const IpPacket& ip, Generation g) noexcept {
  // The headers below are read through a view of the same bytes that begins further in.
  rte_mbuf view = *packet;
  IpPacket layer = ip;
  TunnelHeaders headers;
  while (is_tunnel_protocol(layer.next_header) && !layer.is_fragment) {
    if (headers.count == kMaxGroupSas) return {nullptr, DropReason::too_many_headers};
    headers.endpoints[headers.count++] = {source_of(&view, layer.family), destination_of(&view, layer.family)};
    if (layer.header_bytes >= view.data_len) break;
    view.data_off = static_cast<uint16_t>(view.data_off + layer.header_bytes);
    view.data_len = static_cast<uint16_t>(view.data_len - layer.header_bytes);
    view.pkt_len = view.pkt_len - layer.header_bytes;
    const ParsedIp inner = parse_ip(&view);
    if (!inner.ok) return bare_tunnel(sas, headers.endpoints[0], g);
    layer = inner.ip;
  }
  if (names_sa(layer.next_header) || goes_to_encapsulation_port(sas.udp_ports(), &view, layer)) {
    const ReceivedSaKey received = received_sa_key(&view, layer);
    const SaEntry* entry = received.ok && !layer.is_fragment ? sas.find_sa(received.key, g) : nullptr;
    if (entry != nullptr && entry->sa != nullptr && fits(*entry->group, entry->place, headers)) {
      return {entry->group, DropReason{}};
    }
  }
  return bare_tunnel(sas, headers.endpoints[0], g);
}

}  // namespace spigrp
