// KeyFingerprint: what an SA's keys are recognised by when they come again, without being kept themselves: half of a
// SHA-256 over both of them. Control thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "config/key.h"

namespace spigrp {

using KeyFingerprint = std::array<uint8_t, 16>;

KeyFingerprint fingerprint_of(const Key& encryption_key, const Key& authentication_key) noexcept;

struct KeyFingerprintHash {
  size_t operator()(const KeyFingerprint& fingerprint) const noexcept {
    size_t hash;
    std::memcpy(&hash, fingerprint.data(), sizeof(hash));
    return hash;
  }
};

}  // namespace spigrp
