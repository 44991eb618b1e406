// The algorithms: two short tables, ciphers and authenticators, whose pairs make the names that operators write
// ("aes256-sha2_256-128", "3des-md5-96", "aes128gcm16"). A new algorithm over a known cipher mode is a row here.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/error.h"

namespace spigrp {

enum class CipherMode : uint8_t {
  kNull,
  kAesCbc,
  kTripleDesCbc,
  kAesCtr,
  kAesGcm,
  kAesGmac,  // encrypts nothing (RFC 4543)
  kAesCcm,
  kChaCha20Poly1305
};
inline constexpr size_t kCipherModeCount = 8;
enum class AuthMode : uint8_t { kNone, kHmacMd5, kHmacSha1, kHmacSha256, kHmacSha384, kHmacSha512, kAesXcbc, kAesCmac };
inline constexpr size_t kAuthModeCount = 8;

// What RFC 8221 asks of an implementation, the weakest first. An algorithm that it does not name is kMay.
enum class Requirement : uint8_t { kMustNot, kShouldNot, kMay, kShould, kMustMinus, kMust };
std::string_view requirement_text(Requirement requirement) noexcept;  // "MUST NOT"

struct Cipher {
  std::string_view name;  // "aes128", "3des", "null", "aes128gcm16"
  CipherMode mode;
  uint8_t key_bytes;    // without the salt
  uint8_t salt_bytes;   // ends the key (RFC 4106 section 8.1; RFC 3686 calls it nonce)
  uint8_t iv_bytes;     // as carried in the packet
  uint8_t block_bytes;  // to which payload and trailer are padded, at least 4 (RFC 4303 section 2.4)
  uint8_t icv_bytes;    // of a combined mode, else 0
  Requirement requirement;

  // Authenticates by itself, over additional data (RFC 5116).
  bool is_combined() const noexcept { return icv_bytes != 0; }
  // CBC's IV must be unpredictable (RFC 3602 section 3); the others' must only never come twice.
  bool takes_random_iv() const noexcept { return mode == CipherMode::kAesCbc || mode == CipherMode::kTripleDesCbc; }
};

struct Authenticator {
  std::string_view name;  // "sha1-96", "sha2_256-128", "aes_cmac-96"
  AuthMode mode;
  uint8_t key_bytes;
  uint8_t icv_bytes;
  Requirement requirement;

  bool is_hmac() const noexcept { return mode != AuthMode::kAesXcbc && mode != AuthMode::kAesCmac; }
};

enum class AlgorithmUse : uint8_t { kEsp, kAh };

// What one SA uses. Both rows point into tables that live as long as the process.
struct Algorithm {
  const Cipher* cipher;                // null for AH, but of AES-GMAC (RFC 4543 section 4)
  const Authenticator* authenticator;  // null for a combined mode or no authentication
  AlgorithmUse use = AlgorithmUse::kEsp;

  std::string name() const;  // canonical: "aes128-sha1-96"; for AH "hmac-sha1-96", "aes_cmac-96"

  // Salt included; of AH all of it is the authentication key's.
  uint16_t encryption_key_bytes() const noexcept;
  uint16_t authentication_key_bytes() const noexcept;
  uint8_t iv_bytes() const noexcept;
  uint8_t block_bytes() const noexcept;
  uint8_t icv_bytes() const noexcept;        // 0: nothing is authenticated
  Requirement requirement() const noexcept;  // the weaker of its two parts; encryption alone is MUST NOT
};

// `encryption_key_bytes` gives a bare "aes" its size. Errors: unknown name (the remedy names the command that lists
// them), no AES of that key size.
Expected<Algorithm> find_esp_algorithm(std::string_view name, size_t encryption_key_bytes);
Expected<Algorithm> find_ah_algorithm(std::string_view name);

struct AlgorithmRow {  // for `spi --algorithms`
  std::string name;
  std::string protocol;  // "esp" or "ah"
  uint16_t encryption_key_bytes;
  uint16_t authentication_key_bytes;
  uint16_t icv_bytes;
  Requirement requirement;
  Algorithm algorithm;
};
std::vector<AlgorithmRow> list_algorithms();

}  // namespace spigrp
