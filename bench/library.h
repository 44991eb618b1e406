// Library: ipsec-mb with one of its managers, chosen by hand, and the keys of all SAs of a case in the form that this
// manager wants (GCM's differ from manager to manager).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "crypto/multi_buffer.h"

namespace spigrp::bench {

inline constexpr size_t kAesKeyBytes = 16;
inline constexpr size_t kHmacKeyBytes = 32;

// Key bytes of an SA, the same wherever it is measured.
std::array<uint8_t, kAesKeyBytes> aes_key(size_t sa) noexcept;
enum class HmacOf : uint8_t { kEsp, kAh };
std::array<uint8_t, kHmacKeyBytes> hmac_key(size_t sa, HmacOf user) noexcept;

struct alignas(16) AesKeys {
  std::array<uint8_t, 11 * 16> encrypt, decrypt;  // AES-128: 11 round keys
};
struct alignas(16) HmacKeys {
  std::array<uint8_t, 32> inner, outer;  // SHA-256's state after the padded key
};

struct Library {
  std::string_view name;  // of the manager: "AVX2"
  MultiBuffer manager;
  std::vector<gcm_key_data> gcm;  // by SA, as all
  std::vector<AesKeys> cbc;
  std::vector<HmacKeys> esp_hmac, ah_hmac;
};

// All managers that this processor can run, each with the keys of `sas` SAs.
std::vector<Library> make_libraries(size_t sas);

}  // namespace spigrp::bench
