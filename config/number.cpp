// See number.h.
#include "config/number.h"

#include <charconv>

namespace spigrp {

std::optional<uint64_t> parse_digits(std::string_view text, int base, uint64_t highest) noexcept {
  uint64_t value = 0;
  const char* const end = text.data() + text.size();
  // from_chars takes no sign for an unsigned type, no blanks and no "0x".
  const auto [stop, status] = std::from_chars(text.data(), end, value, base);
  if (text.empty() || status != std::errc() || stop != end || value > highest) return std::nullopt;
  return value;
}

std::optional<uint64_t> parse_number(std::string_view text, uint64_t highest) noexcept {
  if (text.starts_with("0x") || text.starts_with("0X")) return parse_digits(text.substr(2), 16, highest);
  return parse_digits(text, 10, highest);
}

std::optional<uint64_t> parse_c_number(std::string_view text, uint64_t highest) noexcept {
  const bool octal = text.size() > 1 && text[0] == '0' && text[1] != 'x' && text[1] != 'X';
  return octal ? parse_digits(text.substr(1), 8, highest) : parse_number(text, highest);
}

}  // namespace spigrp
