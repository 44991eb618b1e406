// See mac_address.h.
#include "config/mac_address.h"

#include "config/number.h"

namespace spigrp {

std::string text(const MacAddress& mac) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string line;
  for (const uint8_t byte : mac) {
    if (!line.empty()) line += ':';
    line += kDigits[byte >> 4];
    line += kDigits[byte & 15];
  }
  return line;
}

Expected<MacAddress> parse_mac_address(std::string_view text) {
  auto wrong = failure(as_typed(text), "not an Ethernet address", "write it as 02:00:00:00:00:01");
  MacAddress mac{};
  if (text.size() != 3 * mac.size() - 1) return wrong;
  for (size_t i = 0; i < mac.size(); ++i) {
    const auto byte = parse_digits(text.substr(3 * i, 2), 16);
    if (!byte || (i > 0 && text[3 * i - 1] != ':')) return wrong;
    mac[i] = static_cast<uint8_t>(*byte);
  }
  return mac;
}

}  // namespace spigrp
