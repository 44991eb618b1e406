// IPv4 and IPv6 addresses and prefixes as values: parsed, printed, compared. Names are not looked up here.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "config/error.h"

namespace spigrp {

enum class Family : uint8_t { kIpv4 = 4, kIpv6 = 6 };

// "inet" or "inet6", the commands' words for a family.
std::string_view family_word(Family family) noexcept;
Expected<Family> parse_family(std::string_view word);

struct IpAddress {
  Family family = Family::kIpv4;
  // Network byte order; IPv4 uses the first 4 bytes and leaves the rest zero.
  std::array<uint8_t, 16> bytes{};

  static IpAddress ipv4(uint32_t host_order) noexcept;
  uint8_t size() const noexcept { return family == Family::kIpv4 ? 4 : 16; }
  uint8_t max_bits() const noexcept { return family == Family::kIpv4 ? 32 : 128; }
  bool is_unspecified() const noexcept;
  std::string text() const;  // dotted quad, or RFC 5952 lower-case hexadecimal

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;  // NOLINT(modernize-use-nullptr)
};

// Numeric addresses only; error: not an IPv4 or IPv6 address.
Expected<IpAddress> parse_ip_address(std::string_view text);

// Turns a destination as typed into an address, of the wanted family where one is given. The commands pass one that
// asks the DNS, the daemon one that takes numeric addresses only.
using AddressResolver = std::function<Expected<IpAddress>(std::string_view name, std::optional<Family> wanted)>;

// The resolver that looks nothing up. Errors: as parse_ip_address; not of the wanted family.
Expected<IpAddress> resolve_numeric(std::string_view text, std::optional<Family> wanted);

struct IpPrefix {
  IpAddress address;  // host bits are zero unless the object is an interface address
  uint8_t bits = 0;

  bool contains(const IpAddress& other) const noexcept;
  bool has_host_bits() const noexcept;
  IpPrefix masked() const noexcept;  // the same prefix with its host bits cleared
  std::string text() const;          // "192.0.2.0/24"

  friend auto operator<=>(const IpPrefix&, const IpPrefix&) = default;  // NOLINT(modernize-use-nullptr)
};

enum class HostBits : uint8_t { kRefused, kAllowed };

// "ADDR/bits" or "ADDR/netmask"; a bare address is a host prefix. Errors: not a prefix, netmask with holes, too many
// bits, host bits set where they are refused.
Expected<IpPrefix> parse_ip_prefix(std::string_view text, HostBits host_bits = HostBits::kRefused);

}  // namespace spigrp
