// Numbers as operators write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace spigrp {

// The whole text is digits of the base (2 … 16) and the value is at most `highest`; else nothing.
std::optional<uint64_t> parse_digits(std::string_view text, int base, uint64_t highest = UINT64_MAX) noexcept;

// Decimal, or hexadecimal with "0x".
std::optional<uint64_t> parse_number(std::string_view text, uint64_t highest = UINT64_MAX) noexcept;

// As parse_number, and a leading 0 makes it octal, as in the FreeS/WAN commands' ports and protocols.
std::optional<uint64_t> parse_c_number(std::string_view text, uint64_t highest = UINT64_MAX) noexcept;

}  // namespace spigrp
