// See probe_packet.h.
#include "engine/probe_packet.h"

#include <algorithm>

#include "engine/icmp.h"
#include "packet/checksum.h"
#include "packet/headers.h"

namespace spigrp {
namespace {

void put_ipv4(const ExplainQuery& query, uint8_t* start) {
  auto& header = *reinterpret_cast<Ipv4Header*>(start);
  header.version_ihl = 0x45;
  header.total_length = be16::from_host(static_cast<uint16_t>(query.total_bytes()));
  header.flags_fragment = be16::from_host(query.dont_fragment ? kIpv4DontFragment : 0);
  header.ttl = query.ttl;
  header.protocol = query.transport_protocol();
  std::copy_n(query.source.bytes.begin(), header.source.size(), header.source.begin());
  std::copy_n(query.destination.bytes.begin(), header.destination.size(), header.destination.begin());
  header.checksum = ipv4_header_checksum(header);
}

void put_ipv6(const ExplainQuery& query, uint8_t* start) {
  auto& header = *reinterpret_cast<Ipv6Header*>(start);
  header.version_class_flow = be32::from_host(6u << 28);
  header.payload_length = be16::from_host(static_cast<uint16_t>(query.total_bytes() - sizeof(Ipv6Header)));
  header.next_header = query.transport_protocol();
  header.hop_limit = query.ttl;
  header.source = query.source.bytes;
  header.destination = query.destination.bytes;
}

struct Ports {  // TCP, UDP and SCTP begin alike
  be16 source, destination;
};

}  // namespace

std::vector<uint8_t> probe_packet(const ExplainQuery& query) {
  std::vector<uint8_t> packet(query.total_bytes());
  const bool is_ipv4 = query.source.family == Family::kIpv4;
  uint8_t* payload = packet.data() + (is_ipv4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header));
  if (is_ipv4) {
    put_ipv4(query, packet.data());
  } else {
    put_ipv6(query, packet.data());
  }
  switch (query.transport_protocol()) {
    case kProtocolTcp:
    case kProtocolUdp:
    case kProtocolSctp:
      *reinterpret_cast<Ports*>(payload) = {be16::from_host(query.source_port),
                                            be16::from_host(query.destination_port)};
      break;
    case kProtocolIcmp:
      *payload = kIcmpEchoRequest;
      break;
    case kProtocolIcmpv6:
      *payload = kIcmpv6EchoRequest;
      break;
    default:
      break;
  }
  return packet;
}

}  // namespace spigrp
