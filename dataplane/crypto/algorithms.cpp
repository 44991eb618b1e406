// See algorithms.h. The two tables and how their names combine; nothing else in the program knows an algorithm's name.
#include "crypto/algorithms.h"

#include <array>

namespace spigrp {
namespace {

// Key, IV and block sizes: RFC 3602 (AES-CBC), RFC 2451 (3DES-CBC), RFC 2410 (NULL), RFC 4106 (AES-GCM).
constexpr std::array kCiphers = {
    Cipher{"aes128", CipherMode::kAesCbc, 16, 0, 16, 16, 0},
    Cipher{"aes192", CipherMode::kAesCbc, 24, 0, 16, 16, 0},
    Cipher{"aes256", CipherMode::kAesCbc, 32, 0, 16, 16, 0},
    Cipher{"3des", CipherMode::kTripleDesCbc, 24, 0, 8, 8, 0},
    Cipher{"null", CipherMode::kNull, 0, 0, 0, 4, 0},
    Cipher{"aes128gcm16", CipherMode::kAesGcm, 16, 4, 8, 4, 16},
    Cipher{"aes192gcm16", CipherMode::kAesGcm, 24, 4, 8, 4, 16},
    Cipher{"aes256gcm16", CipherMode::kAesGcm, 32, 4, 8, 4, 16},
};

// Key and ICV sizes: RFC 2403 (MD5), RFC 2404 (SHA-1), RFC 4868 section 2 (SHA-2).
constexpr std::array kAuthenticators = {
    Authenticator{"md5-96", AuthMode::kHmacMd5, 16, 12},
    Authenticator{"sha1-96", AuthMode::kHmacSha1, 20, 12},
    Authenticator{"sha2_256-128", AuthMode::kHmacSha256, 32, 16},
    Authenticator{"sha2_384-192", AuthMode::kHmacSha384, 48, 24},
    Authenticator{"sha2_512-256", AuthMode::kHmacSha512, 64, 32},
};

constexpr std::string_view kWhereListed = "spi --algorithms lists what there is";
constexpr std::string_view kBareAes = "aes";  // FreeS/WAN: the key says which
constexpr std::string_view kAhPrefix = "hmac-";

bool is_combined(const Cipher& cipher) {
  return cipher.icv_bytes != 0;
}

const Cipher* find_cipher(std::string_view name) {
  for (const Cipher& cipher : kCiphers) {
    if (cipher.name == name) return &cipher;
  }
  return nullptr;
}

const Authenticator* find_authenticator(std::string_view name) {
  for (const Authenticator& authenticator : kAuthenticators) {
    if (authenticator.name == name) return &authenticator;
  }
  return nullptr;
}

Expected<const Cipher*> find_aes(size_t key_bytes) {
  for (const Cipher& cipher : kCiphers) {
    if (cipher.mode == CipherMode::kAesCbc && cipher.key_bytes == key_bytes) return &cipher;
  }
  return failure(std::string(kBareAes), "no AES has an encryption key of " + std::to_string(key_bytes) + " bytes",
                 "give 16, 24 or 32 bytes");
}

tl::unexpected<Error> unknown(std::string_view name, std::string_view protocol) {
  return failure(as_typed(name), "no such algorithm for " + std::string(protocol), std::string(kWhereListed));
}

AlgorithmRow row_of(const Algorithm& algorithm) {
  return {algorithm.name(), algorithm.cipher == nullptr ? "ah" : "esp", algorithm.encryption_key_bytes(),
          algorithm.authentication_key_bytes(), algorithm.icv_bytes()};
}

}  // namespace

std::string Algorithm::name() const {
  if (cipher == nullptr) return std::string(kAhPrefix) + std::string(authenticator->name);
  if (authenticator == nullptr) return std::string(cipher->name);
  return std::string(cipher->name) + '-' + std::string(authenticator->name);
}

uint16_t Algorithm::encryption_key_bytes() const noexcept {
  return cipher == nullptr ? uint16_t{0} : static_cast<uint16_t>(cipher->key_bytes + cipher->salt_bytes);
}

uint16_t Algorithm::authentication_key_bytes() const noexcept {
  return authenticator == nullptr ? uint16_t{0} : authenticator->key_bytes;
}

uint8_t Algorithm::iv_bytes() const noexcept {
  return cipher == nullptr ? uint8_t{0} : cipher->iv_bytes;
}

uint8_t Algorithm::block_bytes() const noexcept {
  return cipher == nullptr ? uint8_t{1} : cipher->block_bytes;
}

uint8_t Algorithm::icv_bytes() const noexcept {
  if (authenticator != nullptr) return authenticator->icv_bytes;
  return cipher == nullptr ? uint8_t{0} : cipher->icv_bytes;
}

Expected<Algorithm> find_esp_algorithm(std::string_view name, size_t encryption_key_bytes) {
  const size_t hyphen = name.find('-');
  const std::string_view cipher_name = name.substr(0, hyphen);
  const Cipher* cipher = find_cipher(cipher_name);
  if (cipher_name == kBareAes) {
    const auto aes = find_aes(encryption_key_bytes);
    if (!aes) return tl::unexpected(aes.error());
    cipher = *aes;
  }
  if (cipher == nullptr) return unknown(name, "ESP");
  if (hyphen == std::string_view::npos) {
    if (cipher->mode == CipherMode::kNull) {
      return failure(as_typed(name), "neither encrypts nor authenticates (RFC 4303 section 1 forbids it)",
                     "name an authenticator too: null-sha2_256-128");
    }
    return Algorithm{cipher, nullptr};
  }
  const Authenticator* authenticator = find_authenticator(name.substr(hyphen + 1));
  if (authenticator == nullptr) return unknown(name, "ESP");
  if (is_combined(*cipher)) {
    return failure(as_typed(name), "a combined mode authenticates by itself",
                   "leave the authenticator out: " + std::string(cipher->name));
  }
  return Algorithm{cipher, authenticator};
}

Expected<Algorithm> find_ah_algorithm(std::string_view name) {
  if (!name.starts_with(kAhPrefix)) return unknown(name, "AH");
  const Authenticator* authenticator = find_authenticator(name.substr(kAhPrefix.size()));
  if (authenticator == nullptr) return unknown(name, "AH");
  return Algorithm{nullptr, authenticator};
}

std::vector<AlgorithmRow> list_algorithms() {
  std::vector<AlgorithmRow> rows;
  for (const Authenticator& authenticator : kAuthenticators) rows.push_back(row_of({nullptr, &authenticator}));
  for (const Cipher& cipher : kCiphers) {
    if (cipher.mode != CipherMode::kNull) rows.push_back(row_of({&cipher, nullptr}));
    if (is_combined(cipher)) continue;
    for (const Authenticator& authenticator : kAuthenticators) rows.push_back(row_of({&cipher, &authenticator}));
  }
  return rows;
}

}  // namespace spigrp
