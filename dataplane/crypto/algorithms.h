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

enum class CipherMode : uint8_t { kNull, kAesCbc, kTripleDesCbc, kAesGcm };
enum class AuthMode : uint8_t { kNone, kHmacMd5, kHmacSha1, kHmacSha256, kHmacSha384, kHmacSha512 };

struct Cipher {
  std::string_view name;  // "aes128", "3des", "null", "aes128gcm16"
  CipherMode mode;
  uint8_t key_bytes;    // without the salt
  uint8_t salt_bytes;   // ends the key (RFC 4106 section 8.1)
  uint8_t iv_bytes;     // as carried in the packet
  uint8_t block_bytes;  // to which payload and trailer are padded, at least 4 (RFC 4303 section 2.4)
  uint8_t icv_bytes;    // of a combined mode, else 0
};

struct Authenticator {
  std::string_view name;  // "sha1-96", "sha2_256-128"
  AuthMode mode;
  uint8_t key_bytes;
  uint8_t icv_bytes;
};

// What one SA uses. Both rows point into tables that live as long as the process.
struct Algorithm {
  const Cipher* cipher;                // null for AH
  const Authenticator* authenticator;  // null for a combined mode or no authentication
  std::string name() const;            // canonical: "aes128-sha1-96", "hmac-sha1-96" for AH

  uint16_t encryption_key_bytes() const noexcept;  // salt included
  uint16_t authentication_key_bytes() const noexcept;
  uint8_t iv_bytes() const noexcept;
  uint8_t block_bytes() const noexcept;
  uint8_t icv_bytes() const noexcept;  // 0: nothing is authenticated
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
};
std::vector<AlgorithmRow> list_algorithms();

}  // namespace spigrp
