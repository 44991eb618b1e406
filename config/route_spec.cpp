// See route_spec.h.
#include "config/route_spec.h"

#include <charconv>

namespace spigrp {
namespace {

constexpr unsigned kInterfaceCount = 64;

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
