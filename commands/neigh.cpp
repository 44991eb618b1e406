// neigh: static neighbours.
#include <array>

#include "commands/address_words.h"
#include "commands/command_row.h"

namespace spigrp {
namespace {

constexpr std::array<Option, 5> kNeighOptions = {{
    {"--add", "", Takes::kNothing},
    {"--del", "", Takes::kNothing},
    {"--dst", "ADDRESS", Takes::kValue},
    {"--mac", "MAC", Takes::kValue},
    {"--dev", "PORT", Takes::kValue},
}};

constexpr std::string_view kNeighHelp = R"(spigrpctl neigh --add --dst ADDRESS --mac MAC --dev PORT
spigrpctl neigh --del --dst ADDRESS --dev PORT
spigrpctl neigh

A static neighbour has the Ethernet address that is given here; all others are
asked for by ARP and by neighbour discovery.

  --add                add it, in the place of what was known of that address
  --del                forget it
  --dst ADDRESS        the neighbour's IP address
  --mac MAC            its Ethernet address: 02:00:00:00:00:01
  --dev PORT           the port that it is reached through

Without words it lists the neighbours.

Examples
  spigrpctl neigh --add --dst 192.0.2.2 --mac 02:00:00:00:00:02 --dev wan
  spigrpctl neigh --del --dst 192.0.2.2 --dev wan
)";

Expected<Action> neigh_action(const Words& words, const CommandWorld& world) {
  const auto mode = words.mode({"--add", "--del"});
  if (!mode) return tl::unexpected(mode.error());
  if (mode->empty()) return Listing::kNeighbours;
  const bool add = *mode == "--add";
  if (!add) {
    if (const auto fits = words.fit(*mode, {"--dst", "--dev"}); !fits) return tl::unexpected(fits.error());
  }
  const auto device = words.required("--dev");
  if (!device) return tl::unexpected(device.error());
  NeighbourSpec spec{.device = std::string(*device)};
  if (add) {
    const auto word = words.required("--mac");
    if (!word) return tl::unexpected(word.error());
    const auto mac = parse_mac_address(*word);
    if (!mac) return in_option("--mac", mac.error());
    spec.mac = *mac;
  }
  const auto address = read_address(words, "--dst", {}, world);
  if (!address) return tl::unexpected(address.error());
  spec.address = *address;
  if (add) return ask(NeighbourSet{std::move(spec)});
  return ask(NeighbourDelete{spec.address, std::move(spec.device)});
}

}  // namespace

constinit const CommandRow kNeighCommand{
    {"neigh", kNeighOptions}, "add, delete and list neighbours", kNeighHelp, neigh_action};

}  // namespace spigrp
