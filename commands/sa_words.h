// The words that name one SA: --af inet|inet6 --edst ADDRESS --spi SPI --proto PROTO, or --said SAID.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "commands/command.h"
#include "commands/words.h"

namespace spigrp {

// For the option tables of commands that take an SA, and for Words::fit.
inline constexpr Option kFamilyOption{"--af", "inet|inet6", Takes::kValue};
inline constexpr Option kDestinationOption{"--edst", "ADDRESS", Takes::kValue};
inline constexpr Option kSpiOption{"--spi", "SPI", Takes::kValue};
inline constexpr Option kProtocolOption{"--proto", "tun|comp|esp|ah", Takes::kValue};
inline constexpr Option kSaidOption{"--said", "SAID", Takes::kValue};

// What another option says of the SA: `--esp` that it is an esp SA, `--ip6` that it is an IPv6 tunnel. With it --proto
// and --af may be left out, and where they are given they must agree.
struct Implied {
  std::string_view option;
  std::optional<SaProtocol> protocol;
  std::optional<Family> family;
};

// Without --af the family is that of the address. Errors: parts missing or wrong, both forms at once, not as implied.
Expected<SaId> read_sa(const Words& words, const Implied& implied, const CommandWorld& world);

// "inet" or "inet6" of an option that may be left out.
Expected<std::optional<Family>> read_family(const Words& words, std::string_view option);

}  // namespace spigrp
