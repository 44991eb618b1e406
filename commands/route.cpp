// route: the gateway's routes.
#include <array>

#include "commands/address_words.h"
#include "commands/command_row.h"

namespace spigrp {
namespace {

constexpr std::array<Option, 7> kRouteOptions = {{
    {"--add", "", Takes::kNothing},
    {"--replace", "", Takes::kNothing},
    {"--del", "", Takes::kNothing},
    {"--path-mtu", "", Takes::kNothing},
    {"--dst", "NET", Takes::kValue},
    {"--via", "ADDRESS", Takes::kValue},
    {"--dev", "DEVICE", Takes::kValue},
}};

constexpr std::string_view kRouteHelp = R"(spigrpctl route --add|--replace --dst NET [--via ADDRESS] [--dev DEVICE]
spigrpctl route --del --dst NET
spigrpctl route [--path-mtu]

  --add                new; refused where there is one for the same network
  --replace            put it in the place of the old one in one step, or add it
  --del                delete the route of that network
  --dst NET            ADDRESS/bits or ADDRESS/netmask, host bits zero
  --via ADDRESS        the next gateway, of the same family; without it the
                       network is reached directly
  --dev DEVICE         a port, or a protected interface (ipsec0), where packets
                       meet the eroutes; without it the port follows from --via

With neither --via nor --dev, packets to the network are dropped.

Without words it lists the routes. --path-mtu lists the gateways to which less
fits through than the port takes, as routers said (for 10 minutes).

Examples
  spigrpctl route --add --dst 10.2.0.0/24 --via 192.0.2.2 --dev ipsec0
  spigrpctl route --replace --dst 0.0.0.0/0 --via 192.0.2.254 --dev wan
  spigrpctl route --del --dst 10.2.0.0/24
)";

Expected<Action> change(const Words& words, ExistingEntry existing, const CommandWorld& world) {
  const auto destination = read_network(words, "--dst", {}, world);
  if (!destination) return tl::unexpected(destination.error());
  RouteSpec spec{.destination = *destination, .device = std::string(words.value("--dev").value_or(std::string_view()))};
  if (words.has("--via")) {
    const auto via = read_address(words, "--via", destination->address.family, world);
    if (!via) return tl::unexpected(via.error());
    spec.via = *via;
  }
  if (const auto valid = validate(spec); !valid) return tl::unexpected(valid.error());
  return ask(RouteAdd{std::move(spec), existing});
}

Expected<Action> route_action(const Words& words, const CommandWorld& world) {
  const auto mode = words.mode({"--add", "--replace", "--del", "--path-mtu"});
  if (!mode) return tl::unexpected(mode.error());
  if (mode->empty()) return Listing::kRoutes;
  if (*mode == "--path-mtu") {
    return words.fit(*mode, {}).map([]() -> Action { return Listing::kPathMtus; });
  }
  if (*mode == "--add") return change(words, ExistingEntry::kRefuse, world);
  if (*mode == "--replace") return change(words, ExistingEntry::kReplace, world);
  if (const auto fits = words.fit(*mode, {"--dst"}); !fits) return tl::unexpected(fits.error());
  return read_network(words, "--dst", {}, world).map([](const IpPrefix& destination) {
    return ask(RouteDelete{destination});
  });
}

}  // namespace

constinit const CommandRow kRouteCommand{
    {"route", kRouteOptions}, "add, replace, delete and list the gateway's routes", kRouteHelp, route_action};

}  // namespace spigrp
