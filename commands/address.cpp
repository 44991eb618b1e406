// address: the gateway's own addresses.
#include <array>

#include "commands/address_words.h"
#include "commands/command_row.h"

namespace spigrp {
namespace {

constexpr std::array<Option, 3> kAddressOptions = {{
    {"--add", "ADDRESS/bits", Takes::kValue},
    {"--del", "ADDRESS/bits", Takes::kValue},
    {"--dev", "PORT", Takes::kValue},
}};

constexpr std::string_view kAddressHelp = R"(spigrpctl address --add ADDRESS/bits --dev PORT
spigrpctl address --del ADDRESS/bits --dev PORT
spigrpctl address

The gateway answers to its addresses, and reaches the rest of the prefix directly
through that port. Those of the daemon's configuration are there from the start.

  --add ADDRESS/bits   a new address of the port, with the bits of its network
  --del ADDRESS/bits   take it away
  --dev PORT           the port, by the name that the configuration gives it

Without words it lists the addresses.

Examples
  spigrpctl address --add 10.1.0.99/24 --dev lan
  spigrpctl address --del 10.1.0.99/24 --dev lan
)";

Expected<AddressSpec> read_spec(const Words& words, std::string_view option) {
  const auto address = parse_ip_prefix(*words.value(option), HostBits::kAllowed);
  if (!address) return in_option(option, address.error());
  AddressSpec spec{*address, std::string(words.value("--dev").value_or(std::string_view()))};
  if (const auto valid = validate(spec); !valid) return tl::unexpected(valid.error());
  return spec;
}

Expected<Action> address_action(const Words& words, const CommandWorld& /*world*/) {
  const auto mode = words.mode({"--add", "--del"});
  if (!mode) return tl::unexpected(mode.error());
  if (mode->empty()) return Listing::kAddresses;
  auto spec = read_spec(words, *mode);
  if (!spec) return tl::unexpected(spec.error());
  if (*mode == "--add") return ask(AddressAdd{std::move(*spec)});
  return ask(AddressDelete{std::move(*spec)});
}

}  // namespace

constinit const CommandRow kAddressCommand{
    {"address", kAddressOptions}, "add, delete and list the gateway's own addresses", kAddressHelp, address_action};

}  // namespace spigrp
