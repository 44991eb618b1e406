// See mutable_fields.h.
#include "transform/mutable_fields.h"

#include <algorithm>
#include <cstring>

namespace spigrp {
namespace {

// IPv4 options by their type byte: copy flag, class, number.
constexpr uint8_t kOptionEnd = 0;
constexpr uint8_t kOptionNoOperation = 1;
constexpr uint8_t kOptionLooseSourceRoute = 131;
constexpr uint8_t kOptionStrictSourceRoute = 137;

// RFC 4302 appendix A.1. Options that are in neither of its lists are zeroed, as section 3.3.3.1.1.2 says.
bool is_immutable_ipv4_option(uint8_t type) noexcept {
  switch (type) {
    case 130:  // security
    case 133:  // extended security
    case 134:  // commercial security
    case 148:  // router alert
    case 149:  // sender directed multi-destination delivery
      return true;
    default:
      return false;
  }
}

// A source route: type, length, pointer (from 1, to the next address), addresses. It is finished when the pointer is
// beyond the length (RFC 791 section 3.1); then the destination is the last one already.
Verdict predict_destination(const uint8_t* option, uint8_t option_bytes, Direction direction,
                            Ipv4Header& header) noexcept {
  constexpr uint8_t kFixedBytes = 3;
  if (option_bytes < kFixedBytes) return DropReason::malformed;
  const uint8_t pointer = option[2];
  if (pointer > option_bytes) return Verdict::keep();
  if (direction == Direction::kInbound) return DropReason::unsupported;  // not yet where the route leads
  if (option_bytes < kFixedBytes + header.destination.size()) return DropReason::malformed;
  std::copy_n(option + option_bytes - header.destination.size(), header.destination.size(), header.destination.begin());
  return Verdict::keep();
}

Verdict zero_ipv4_options(uint8_t* packet, uint16_t header_bytes, Direction direction) noexcept {
  for (uint32_t offset = sizeof(Ipv4Header); offset < header_bytes;) {
    uint8_t* option = packet + offset;
    if (option[0] == kOptionEnd) break;
    if (option[0] == kOptionNoOperation) {
      ++offset;
      continue;
    }
    const uint32_t left = header_bytes - offset;
    if (left < 2 || option[1] < 2 || option[1] > left) return DropReason::malformed;
    const uint8_t option_bytes = option[1];
    if (option[0] == kOptionLooseSourceRoute || option[0] == kOptionStrictSourceRoute) {
      const Verdict verdict =
          predict_destination(option, option_bytes, direction, *reinterpret_cast<Ipv4Header*>(packet));
      if (!verdict.kept()) return verdict;
    }
    if (!is_immutable_ipv4_option(option[0])) std::memset(option, 0, option_bytes);
    offset += option_bytes;
  }
  return Verdict::keep();
}

Verdict zero_ipv4(uint8_t* packet, uint16_t header_bytes, Direction direction) noexcept {
  auto& header = *reinterpret_cast<Ipv4Header*>(packet);
  header.tos = 0;
  header.flags_fragment = {};
  header.ttl = 0;
  header.checksum = {};
  return header_bytes == sizeof(Ipv4Header) ? Verdict::keep() : zero_ipv4_options(packet, header_bytes, direction);
}

// Type, length, data, but Pad1 is one byte; the third bit of the type says that the data may change (RFC 8200
// section 4.2).
Verdict zero_ipv6_options(uint8_t* options, uint32_t bytes) noexcept {
  constexpr uint8_t kPad1 = 0, kMayChange = 0x20;
  for (uint32_t offset = 0; offset < bytes;) {
    uint8_t* option = options + offset;
    if (option[0] == kPad1) {
      ++offset;
      continue;
    }
    if (bytes - offset < 2 || option[1] > bytes - offset - 2) return DropReason::malformed;
    if ((option[0] & kMayChange) != 0) std::memset(option + 2, 0, option[1]);
    offset += 2u + option[1];
  }
  return Verdict::keep();
}

// parse_ip has followed these headers: they end where ip.header_bytes says.
Verdict zero_ipv6(uint8_t* packet, uint16_t header_bytes) noexcept {
  auto& header = *reinterpret_cast<Ipv6Header*>(packet);
  header.version_class_flow = be32::from_host(0x60000000);
  header.hop_limit = 0;
  uint8_t kind = header.next_header;
  for (uint32_t offset = sizeof(Ipv6Header); offset < header_bytes;) {
    uint8_t* extension = packet + offset;
    const uint32_t bytes = (extension[1] + 1u) * 8;
    if (kind == kProtocolFragment) return DropReason::unsupported;
    if (kind == kProtocolRouting) {
      if (extension[3] != 0) return DropReason::unsupported;  // segments left
    } else if (const Verdict verdict = zero_ipv6_options(extension + 2, bytes - 2); !verdict.kept()) {
      return verdict;
    }
    kind = extension[0];
    offset += bytes;
  }
  return Verdict::keep();
}

}  // namespace

Verdict zero_mutable_fields(uint8_t* packet, const IpPacket& ip, Direction direction) noexcept {
  return ip.family == Family::kIpv4 ? zero_ipv4(packet, ip.header_bytes, direction)
                                    : zero_ipv6(packet, ip.header_bytes);
}

}  // namespace spigrp
