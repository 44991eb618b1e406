// See route_spec.h.
#include "config/route_spec.h"

#include <array>
#include <charconv>

namespace spigrp {
namespace {

constexpr unsigned kInterfaceCount = 64;

// Of nobody's port: groups (RFC 5771, RFC 4291 section 2.7), loopback, and IPv4's reserved end with its broadcast.
bool is_multicast(const IpAddress& address) noexcept {
  return address.family == Family::kIpv4 ? (address.bytes[0] & 0xf0) == 0xe0 : address.bytes[0] == 0xff;
}

bool is_loopback(const IpAddress& address) noexcept {
  if (address.family == Family::kIpv4) return address.bytes[0] == 127;
  constexpr std::array<uint8_t, 16> kLoopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return address.bytes == kLoopback;
}

bool is_reserved(const IpAddress& address) noexcept {
  return address.family == Family::kIpv4 && (address.bytes[0] & 0xf0) == 0xf0;
}

}  // namespace

Expected<void> validate(const RouteSpec& spec) {
  const std::string object = "route " + spec.destination.text();
  if (spec.destination.bits > spec.destination.address.max_bits()) return failure(object, "has too many prefix bits");
  if (spec.destination.has_host_bits()) {
    return failure(object, "has host bits set", "write " + spec.destination.masked().text());
  }
  if (!spec.via) return {};
  if (spec.via->family != spec.destination.address.family) {
    return failure(object, "its gateway is of another address family");
  }
  if (spec.via->is_unspecified()) return failure(object, "its gateway is the unspecified address");
  return {};
}

Expected<void> validate(const AddressSpec& spec) {
  const std::string object = "address " + spec.address.text();
  if (spec.address.bits > spec.address.address.max_bits()) return failure(object, "has too many prefix bits");
  if (spec.address.address.is_unspecified()) return failure(object, "is the unspecified address");
  if (is_multicast(spec.address.address)) return failure(object, "is a group's address");
  if (is_loopback(spec.address.address)) return failure(object, "is a loopback address");
  if (is_reserved(spec.address.address)) return failure(object, "is a reserved address");
  if (spec.device.empty()) return failure(object, "names no port", "add --dev PORT");
  return {};
}

Expected<uint16_t> parse_interface_name(std::string_view name) {
  constexpr std::string_view kPrefix = "ipsec";
  if (name.starts_with(kPrefix) && name.size() > kPrefix.size()) {
    const std::string_view digits = name.substr(kPrefix.size());
    unsigned number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    const bool canonical = digits.size() == 1 || digits[0] != '0';
    if (error == std::errc{} && end == digits.data() + digits.size() && number < kInterfaceCount && canonical) {
      return static_cast<uint16_t>(number);
    }
  }
  return failure(as_typed(name), "is no protected interface", "write ipsec0 … ipsec63");
}

}  // namespace spigrp
