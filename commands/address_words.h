// Options whose values are addresses or networks, of several commands: names are looked up through the world.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "commands/command.h"
#include "commands/words.h"

namespace spigrp {

// An error about an option's value, with the option's name before it.
tl::unexpected<Error> in_option(std::string_view option, const Error& error);

// "ADDRESS" of an option that must be there. Errors: it is missing, unknown, not of the wanted family.
Expected<IpAddress> read_address(const Words& words, std::string_view option, std::optional<Family> wanted,
                                 const CommandWorld& world);

// "ADDRESS/bits", "ADDRESS/netmask", or an address alone for that host. Errors: the same, and host bits that are set.
Expected<IpPrefix> read_network(const Words& words, std::string_view option, std::optional<Family> wanted,
                                const CommandWorld& world);

}  // namespace spigrp
