// Transport protocols and ports by number or name. Names come from /etc/protocols and /etc/services; those of the most
// common ones are known where these files are not there.
#pragma once

#include <cstdint>
#include <string_view>

#include "config/error.h"

namespace spigrp {

// Decimal, 0x hexadecimal, octal with a leading 0, or a name; 0 is all protocols.
Expected<uint8_t> parse_transport_protocol(std::string_view text);

// The same for a port. A name means the port that it has with that protocol. Error: no such port; a name with a
// protocol that has no ports.
Expected<uint16_t> parse_port(std::string_view text, uint8_t protocol);

}  // namespace spigrp
