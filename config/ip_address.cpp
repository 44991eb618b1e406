// See ip_address.h.
#include "config/ip_address.h"

#include <algorithm>

#include <arpa/inet.h>

#include "config/number.h"

namespace spigrp {
namespace {

int socket_family(Family family) {
  return family == Family::kIpv4 ? AF_INET : AF_INET6;
}

// The number of leading one bits, or nothing if a one follows a zero.
std::optional<uint8_t> netmask_bits(const IpAddress& mask) {
  uint8_t bits = 0;
  while (bits < mask.max_bits() && (mask.bytes[bits / 8] & (0x80 >> bits % 8)) != 0) ++bits;
  const IpPrefix ones{mask, bits};
  return ones.has_host_bits() ? std::nullopt : std::optional(bits);
}

}  // namespace

std::string_view family_word(Family family) noexcept {
  return family == Family::kIpv4 ? "inet" : "inet6";
}

Expected<Family> parse_family(std::string_view word) {
  if (word == "inet") return Family::kIpv4;
  if (word == "inet6") return Family::kIpv6;
  return failure(as_typed(word), "not an address family", "it is inet or inet6");
}

IpAddress IpAddress::ipv4(uint32_t host_order) noexcept {
  IpAddress address;
  for (unsigned i = 0; i < 4; ++i) address.bytes[i] = static_cast<uint8_t>(host_order >> (24 - 8 * i));
  return address;
}

bool IpAddress::is_unspecified() const noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

std::string IpAddress::text() const {
  char buffer[INET6_ADDRSTRLEN] = "";
  inet_ntop(socket_family(family), bytes.data(), buffer, sizeof(buffer));
  return buffer;
}

Expected<IpAddress> parse_ip_address(std::string_view text) {
  const std::string terminated(text);
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    IpAddress address;
    address.family = family;
    // A NUL inside would end what inet_pton sees before the text ends.
    if (terminated.find('\0') == std::string::npos &&
        inet_pton(socket_family(family), terminated.c_str(), address.bytes.data()) == 1) {
      return address;
    }
  }
  return failure(as_typed(text), "not an IPv4 or IPv6 address");
}

Expected<IpAddress> resolve_numeric(std::string_view text, std::optional<Family> wanted) {
  auto address = parse_ip_address(text);
  if (address && wanted && address->family != *wanted) {
    return failure(as_typed(text), *wanted == Family::kIpv4 ? "not an IPv4 address" : "not an IPv6 address");
  }
  return address;
}

bool IpPrefix::contains(const IpAddress& other) const noexcept {
  return other.family == address.family && IpPrefix{other, bits}.masked().address == masked().address;
}

bool IpPrefix::has_host_bits() const noexcept {
  return masked() != *this;
}

IpPrefix IpPrefix::masked() const noexcept {
  IpPrefix result = *this;
  for (unsigned i = 0; i < address.size(); ++i) {
    const unsigned kept = bits <= 8 * i ? 0 : std::min(8u, bits - 8 * i);
    result.address.bytes[i] = static_cast<uint8_t>(result.address.bytes[i] & (0xff00u >> kept));
  }
  return result;
}

std::string IpPrefix::text() const {
  return address.text() + '/' + std::to_string(bits);
}

Expected<IpPrefix> parse_ip_prefix(std::string_view text, HostBits host_bits) {
  const size_t slash = text.find('/');
  const auto address = parse_ip_address(text.substr(0, slash));
  if (!address) {
    return failure(as_typed(text), "not an address or prefix", "write it as ADDRESS/bits or ADDRESS/netmask");
  }
  IpPrefix prefix{*address, address->max_bits()};
  if (slash != std::string_view::npos) {
    const std::string_view mask = text.substr(slash + 1);
    if (const auto bits = parse_digits(mask, 10, address->max_bits()); bits) {
      prefix.bits = static_cast<uint8_t>(*bits);
    } else if (const auto netmask = parse_ip_address(mask); netmask) {
      const auto ones = netmask->family == address->family ? netmask_bits(*netmask) : std::nullopt;
      if (!ones) return failure(as_typed(text), "its netmask is not ones followed by zeros, or of the other family");
      prefix.bits = *ones;
    } else {
      return failure(as_typed(text),
                     "what follows the slash is neither a netmask nor 0 … " + std::to_string(address->max_bits()));
    }
  }
  if (host_bits == HostBits::kRefused && prefix.has_host_bits()) {
    return failure(as_typed(text), "has host bits set", "the prefix is " + prefix.masked().text());
  }
  return prefix;
}

}  // namespace spigrp
