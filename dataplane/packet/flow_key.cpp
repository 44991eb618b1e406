// The flow key and the addresses of a parsed packet; see ip_packet.h.
#include <algorithm>
#include <utility>

#include "packet/ip_packet.h"

namespace spigrp {
namespace {

struct Payload {
  uint8_t protocol;
  uint32_t offset_bytes;
};

// parse_ip leaves destination options to the payload; the protocol that a selector means stands behind them. parse_ip
// has followed them already, so their lengths and number are sound.
Payload behind_destination_options(const rte_mbuf* packet, const IpPacket& ip, uint32_t reachable) noexcept {
  Payload payload{ip.next_header, ip.header_bytes};
  if (ip.family == Family::kIpv4) return payload;
  for (unsigned count = 0; payload.protocol == kProtocolDestinationOptions && count < kMaxExtensionHeaders; ++count) {
    if (payload.offset_bytes + 8 > reachable) break;
    const uint8_t* options = rte_pktmbuf_mtod_offset(packet, const uint8_t*, payload.offset_bytes);
    payload = {options[0], payload.offset_bytes + (options[1] + 1u) * 8u};
  }
  return payload;
}

void copy_addresses(const rte_mbuf* packet, Family family, FlowKey& key) noexcept {
  if (family == Family::kIpv4) {
    const Ipv4Header& header = *rte_pktmbuf_mtod(packet, const Ipv4Header*);
    std::copy(header.source.begin(), header.source.end(), key.source.begin());
    std::copy(header.destination.begin(), header.destination.end(), key.destination.begin());
  } else {
    const Ipv6Header& header = *rte_pktmbuf_mtod(packet, const Ipv6Header*);
    key.source = header.source;
    key.destination = header.destination;
  }
}

struct Ports {  // TCP, UDP and SCTP begin alike
  be16 source;
  be16 destination;
};

struct IcmpKind {
  uint8_t type, code;
};

// The payload's first fields, or null where the packet does not have it.
template <class T>
const T* read_front(const rte_mbuf* packet, const IpPacket& ip, uint32_t offset_bytes, T& copy) noexcept {
  if (offset_bytes + sizeof(T) > ip.total_bytes) return nullptr;
  return static_cast<const T*>(rte_pktmbuf_read(packet, offset_bytes, sizeof(T), &copy));
}

UnknownFields read_ports(const rte_mbuf* packet, const IpPacket& ip, uint32_t offset_bytes, FlowKey& key) noexcept {
  Ports copy;
  const Ports* ports = read_front(packet, ip, offset_bytes, copy);
  if (ports == nullptr) return UnknownFields::kPorts;
  key.source_port = ports->source;
  key.destination_port = ports->destination;
  return UnknownFields::kNone;
}

UnknownFields read_icmp(const rte_mbuf* packet, const IpPacket& ip, uint32_t offset_bytes, FlowKey& key) noexcept {
  IcmpKind copy;
  const IcmpKind* icmp = read_front(packet, ip, offset_bytes, copy);
  if (icmp == nullptr) return UnknownFields::kIcmpType;
  key.source_port = be16::from_host(icmp->type);
  key.destination_port = be16::from_host(icmp->code);
  return UnknownFields::kNone;
}

}  // namespace

bool is_first_fragment(const rte_mbuf* packet, const IpPacket& ip) noexcept {
  if (ip.family == Family::kIpv4) {
    return (rte_pktmbuf_mtod(packet, const Ipv4Header*)->flags_fragment.host() & 0x1fff) == 0;
  }
  // The fragment header is the last that parse_ip took, and begins with the next header field.
  const uint8_t* fragment = rte_pktmbuf_mtod_offset(packet, const uint8_t*, ip.next_header_offset);
  return ((fragment[2] << 8 | fragment[3]) & 0xfff8) == 0;
}

FlowKey flow_key(const rte_mbuf* packet, const IpPacket& ip) noexcept {
  FlowKey key{};
  key.family = ip.family;
  key.protocol = ip.next_header;
  copy_addresses(packet, ip.family, key);
  if (ip.is_fragment && !is_first_fragment(packet, ip)) {
    // What IPv6 names as next may be one more extension header.
    const bool protocol_unknown = ip.family == Family::kIpv6;
    key.unknown = protocol_unknown          ? UnknownFields::kProtocolAndPorts
                  : has_ports(key.protocol) ? UnknownFields::kPorts
                  : is_icmp(key)            ? UnknownFields::kIcmpType
                                            : UnknownFields::kNone;
    return key;
  }
  const uint32_t reachable = std::min<uint32_t>(rte_pktmbuf_data_len(packet), ip.total_bytes);
  const Payload payload = behind_destination_options(packet, ip, reachable);
  key.protocol = payload.protocol;
  if (ip.family == Family::kIpv6 && is_extension_header(payload.protocol)) {
    key.unknown = UnknownFields::kProtocolAndPorts;  // the chain is cut short, by a fragment or by a segment
    return key;
  }
  if (has_ports(payload.protocol)) {
    key.unknown = read_ports(packet, ip, payload.offset_bytes, key);
  } else if (is_icmp(key)) {
    key.unknown = read_icmp(packet, ip, payload.offset_bytes, key);
  }
  return key;
}

FlowKey reversed(const FlowKey& key) noexcept {
  FlowKey other = key;
  std::swap(other.source, other.destination);
  if (!is_icmp(key)) std::swap(other.source_port, other.destination_port);
  return other;
}

IpAddress source_of(const rte_mbuf* packet, Family family) noexcept {
  IpAddress address{family, {}};
  if (family == Family::kIpv4) {
    const Ipv4Header& header = *rte_pktmbuf_mtod(packet, const Ipv4Header*);
    std::copy(header.source.begin(), header.source.end(), address.bytes.begin());
  } else {
    address.bytes = rte_pktmbuf_mtod(packet, const Ipv6Header*)->source;
  }
  return address;
}

IpAddress destination_of(const rte_mbuf* packet, Family family) noexcept {
  IpAddress address{family, {}};
  if (family == Family::kIpv4) {
    const Ipv4Header& header = *rte_pktmbuf_mtod(packet, const Ipv4Header*);
    std::copy(header.destination.begin(), header.destination.end(), address.bytes.begin());
  } else {
    address.bytes = rte_pktmbuf_mtod(packet, const Ipv6Header*)->destination;
  }
  return address;
}

}  // namespace spigrp
