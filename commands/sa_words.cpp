// See sa_words.h.
#include "commands/sa_words.h"

#include <string>

#include "commands/address_words.h"

namespace spigrp {
namespace {

constexpr std::string_view kForms =
    "an SA is --af inet|inet6 --edst ADDRESS --spi SPI --proto tun|comp|esp|ah, or --said SAID";

Expected<void> check_implied(const SaId& id, const Implied& implied) {
  if (implied.protocol && *implied.protocol != id.protocol) {
    return failure(
        id.text(),
        "is no " + std::string(protocol_word(*implied.protocol)) + " SA, as " + std::string(implied.option) + " says",
        "give --proto " + std::string(protocol_word(*implied.protocol)));
  }
  if (implied.family && *implied.family != id.destination.family) {
    return failure(id.text(), std::string(implied.option) + " makes an outer header of the other address family",
                   id.destination.family == Family::kIpv4 ? "give --ip4" : "give --ip6");
  }
  return {};
}

Expected<SaId> read_said(const Words& words, const CommandWorld& world) {
  for (const Option& option : {kFamilyOption, kDestinationOption, kSpiOption, kProtocolOption}) {
    if (words.has(option.name)) {
      return failure("--said and " + std::string(option.name), "do not go together", std::string(kForms));
    }
  }
  auto id = parse_sa_id(*words.value("--said"), world.resolve);
  if (!id) return in_option("--said", id.error());
  return id;
}

Expected<SaProtocol> read_protocol(const Words& words, const Implied& implied) {
  const auto word = words.value("--proto");
  if (!word && implied.protocol) return *implied.protocol;
  if (!word) return failure("--proto", "is missing", std::string(kForms));
  auto protocol = parse_protocol(*word);
  if (!protocol) return in_option("--proto", protocol.error());
  return protocol;
}

}  // namespace

Expected<std::optional<Family>> read_family(const Words& words, std::string_view option) {
  const auto word = words.value(option);
  if (!word) return std::optional<Family>();
  const auto family = parse_family(*word);
  if (!family) return in_option(option, family.error());
  return std::optional(*family);
}

Expected<SaId> read_sa(const Words& words, const Implied& implied, const CommandWorld& world) {
  Expected<SaId> id;
  if (words.has("--said")) {
    id = read_said(words, world);
    if (!id) return id;
  } else {
    for (const Option& option : {kDestinationOption, kSpiOption}) {
      if (!words.has(option.name)) return failure(std::string(option.name), "is missing", std::string(kForms));
    }
    const auto family = read_family(words, "--af");
    if (!family) return tl::unexpected(family.error());
    const auto protocol = read_protocol(words, implied);
    if (!protocol) return tl::unexpected(protocol.error());
    const auto spi = parse_spi(*words.value("--spi"), *protocol);
    if (!spi) return tl::unexpected(spi.error());
    const auto destination = read_address(words, "--edst", *family ? *family : implied.family, world);
    if (!destination) return tl::unexpected(destination.error());
    id = SaId{*protocol, *spi, *destination};
  }
  if (const auto agrees = check_implied(*id, implied); !agrees) return tl::unexpected(agrees.error());
  return id;
}

}  // namespace spigrp
