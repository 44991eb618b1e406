// Ethernet addresses as values.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/error.h"

namespace spigrp {

using MacAddress = std::array<uint8_t, 6>;

std::string text(const MacAddress& mac);  // "02:00:00:00:00:01"
Expected<MacAddress> parse_mac_address(std::string_view text);

}  // namespace spigrp
