// Fingerprints of keys as the files of the state have them.
#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "config/key.h"
#include "crypto/key_fingerprint.h"

namespace spigrp {

inline std::string hex_of(const KeyFingerprint& fingerprint) {
  return Key(fingerprint).to_hex().substr(2);  // behind 0x
}

inline std::optional<KeyFingerprint> fingerprint_from(std::string_view hex) {
  constexpr char kHexDigits[] = "0123456789abcdef";
  KeyFingerprint fingerprint{};
  if (hex.size() != 2 * fingerprint.size()) return std::nullopt;
  for (size_t i = 0; i < hex.size(); ++i) {
    const char* digit = std::strchr(kHexDigits, hex[i]);
    if (digit == nullptr || *digit == '\0') return std::nullopt;
    fingerprint[i / 2] = static_cast<uint8_t>(fingerprint[i / 2] << 4 | (digit - kHexDigits));
  }
  return fingerprint;
}

}  // namespace spigrp
