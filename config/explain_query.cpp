// What can be asked of `explain`, in explanation.h.
#include "config/explanation.h"

namespace spigrp {
namespace {

constexpr uint8_t kIcmpNumber = 1, kTcpNumber = 6, kUdpNumber = 17, kIcmpv6Number = 58, kSctpNumber = 132;
constexpr uint32_t kUsualPayloadBytes = 64;  // of an echo request, its header included
constexpr uint32_t kMostBytes = 65535;       // of what a length field can say

bool carries_ports(uint8_t protocol) noexcept {
  return protocol == kTcpNumber || protocol == kUdpNumber || protocol == kSctpNumber;
}

uint32_t ip_header_bytes(Family family) noexcept {
  return family == Family::kIpv4 ? 20 : 40;
}

uint32_t transport_header_bytes(uint8_t protocol) noexcept {
  switch (protocol) {
    case kTcpNumber:
      return 20;
    case kSctpNumber:
      return 12;
    case kUdpNumber:
    case kIcmpNumber:
    case kIcmpv6Number:
      return 8;
    default:
      return 0;
  }
}

bool is_extension_header(uint8_t protocol) noexcept {
  return protocol == 0 || protocol == 43 || protocol == 44 || protocol == 60;
}

}  // namespace

uint8_t ExplainQuery::transport_protocol() const noexcept {
  if (protocol != 0) return protocol;
  return source.family == Family::kIpv4 ? kIcmpNumber : kIcmpv6Number;
}

uint32_t ExplainQuery::total_bytes() const noexcept {
  return bytes != 0 ? bytes : ip_header_bytes(source.family) + kUsualPayloadBytes;
}

Expected<void> validate(const ExplainQuery& query) {
  const std::string packet = "packet " + query.source.text() + " -> " + query.destination.text();
  if (query.source.family != query.destination.family) {
    return failure(packet, "source and destination are of different address families");
  }
  const bool is_ipv4 = query.source.family == Family::kIpv4;
  const uint8_t protocol = query.transport_protocol();
  if ((query.source_port != 0 || query.destination_port != 0) && !carries_ports(protocol)) {
    return failure(packet, "only TCP, UDP and SCTP have ports", "name one of them as protocol, or no port");
  }
  if (!is_ipv4 && is_extension_header(protocol)) {
    return failure(packet, "protocol " + std::to_string(protocol) + " is an extension header of IPv6",
                   "name the protocol of the payload");
  }
  const uint32_t least = ip_header_bytes(query.source.family) + transport_header_bytes(protocol);
  const uint32_t most = is_ipv4 ? kMostBytes : kMostBytes + ip_header_bytes(Family::kIpv6);
  if (query.total_bytes() < least || query.total_bytes() > most) {
    return failure(packet, "cannot be " + std::to_string(query.bytes) + " bytes long",
                   "headers included, use " + std::to_string(least) + " … " + std::to_string(most));
  }
  return {};
}

}  // namespace spigrp
