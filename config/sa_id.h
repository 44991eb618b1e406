// SaId names one Security Association: protocol, SPI and destination (RFC 4301 section 4.1). One parser and one printer
// serve the commands, the logs, the JSON and the tests.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/ip_address.h"

namespace spigrp {

enum class SaProtocol : uint8_t { kTunnel, kComp, kEsp, kAh };
inline constexpr size_t kSaProtocolCount = 4;

// "tun", "comp", "esp", "ah".
std::string_view protocol_word(SaProtocol protocol) noexcept;
Expected<SaProtocol> parse_protocol(std::string_view word);

inline constexpr uint32_t kLowestSpi = 0x100;  // 0 … 0xff are reserved (RFC 4303 section 2.1)

struct SaId {
  SaProtocol protocol = SaProtocol::kEsp;
  uint32_t spi = 0;
  IpAddress destination;

  // "<proto><af><spi>@<address>", af '.' or ':', SPI in hexadecimal: "tun.113@192.0.2.1", "esp:235@3049:1::1".
  std::string text() const;

  friend auto operator<=>(const SaId&, const SaId&) = default;  // NOLINT(modernize-use-nullptr)
};

// Hexadecimal with 0x, or decimal. Errors: not a number, reserved (below 0x100, but comp may be 2, the well-known CPI
// of DEFLATE, RFC 3173 section 3.3), too large (16 bits for comp).
// esp and ah have sequence numbers.
inline bool is_numbered(const SaId& id) noexcept {
  return id.protocol == SaProtocol::kEsp || id.protocol == SaProtocol::kAh;
}

Expected<uint32_t> parse_spi(std::string_view text, SaProtocol protocol);
// The same check of a number that is one already.
Expected<void> validate_spi(uint32_t spi, SaProtocol protocol);

// The printed form, and "tun0x113@gw2" and decimal "tun275@gw2" whose family follows from the address.
Expected<SaId> parse_sa_id(std::string_view text, const AddressResolver& resolve = resolve_numeric);

struct SaIdHash {
  size_t operator()(const SaId& id) const noexcept;
};

}  // namespace spigrp
