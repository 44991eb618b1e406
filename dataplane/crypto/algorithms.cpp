// See algorithms.h. The two tables and how their names combine; nothing else in the program knows an algorithm's name.
#include "crypto/algorithms.h"

#include <algorithm>
#include <array>

namespace spigrp {
namespace {

// Key, salt, IV, block and ICV sizes: RFC 3602 (AES-CBC), RFC 2451 (3DES-CBC), RFC 2410 (NULL), RFC 3686 (AES-CTR),
// RFC 4106 (AES-GCM), RFC 4543 (AES-GMAC), RFC 4309 (AES-CCM), RFC 7634 (ChaCha20-Poly1305). Requirements: RFC 8221
// section 5.
constexpr Cipher kCiphers[] = {
    {"aes128", CipherMode::kAesCbc, 16, 0, 16, 16, 0, Requirement::kMust},
    {"aes192", CipherMode::kAesCbc, 24, 0, 16, 16, 0, Requirement::kMay},
    {"aes256", CipherMode::kAesCbc, 32, 0, 16, 16, 0, Requirement::kMust},
    {"aes128ctr", CipherMode::kAesCtr, 16, 4, 8, 4, 0, Requirement::kMay},
    {"aes192ctr", CipherMode::kAesCtr, 24, 4, 8, 4, 0, Requirement::kMay},
    {"aes256ctr", CipherMode::kAesCtr, 32, 4, 8, 4, 0, Requirement::kMay},
    {"3des", CipherMode::kTripleDesCbc, 24, 0, 8, 8, 0, Requirement::kShouldNot},
    {"null", CipherMode::kNull, 0, 0, 0, 4, 0, Requirement::kMust},
    {"aes128gcm8", CipherMode::kAesGcm, 16, 4, 8, 4, 8, Requirement::kMay},
    {"aes192gcm8", CipherMode::kAesGcm, 24, 4, 8, 4, 8, Requirement::kMay},
    {"aes256gcm8", CipherMode::kAesGcm, 32, 4, 8, 4, 8, Requirement::kMay},
    {"aes128gcm12", CipherMode::kAesGcm, 16, 4, 8, 4, 12, Requirement::kMay},
    {"aes192gcm12", CipherMode::kAesGcm, 24, 4, 8, 4, 12, Requirement::kMay},
    {"aes256gcm12", CipherMode::kAesGcm, 32, 4, 8, 4, 12, Requirement::kMay},
    {"aes128gcm16", CipherMode::kAesGcm, 16, 4, 8, 4, 16, Requirement::kMust},
    {"aes192gcm16", CipherMode::kAesGcm, 24, 4, 8, 4, 16, Requirement::kMay},
    {"aes256gcm16", CipherMode::kAesGcm, 32, 4, 8, 4, 16, Requirement::kMust},
    {"aes128gmac", CipherMode::kAesGmac, 16, 4, 8, 4, 16, Requirement::kMay},
    {"aes192gmac", CipherMode::kAesGmac, 24, 4, 8, 4, 16, Requirement::kMay},
    {"aes256gmac", CipherMode::kAesGmac, 32, 4, 8, 4, 16, Requirement::kMay},
    // ipsec-mb has no CCM with keys of 192 bits.
    {"aes128ccm8", CipherMode::kAesCcm, 16, 3, 8, 4, 8, Requirement::kShould},
    {"aes256ccm8", CipherMode::kAesCcm, 32, 3, 8, 4, 8, Requirement::kShould},
    {"aes128ccm12", CipherMode::kAesCcm, 16, 3, 8, 4, 12, Requirement::kMay},
    {"aes256ccm12", CipherMode::kAesCcm, 32, 3, 8, 4, 12, Requirement::kMay},
    {"aes128ccm16", CipherMode::kAesCcm, 16, 3, 8, 4, 16, Requirement::kMay},
    {"aes256ccm16", CipherMode::kAesCcm, 32, 3, 8, 4, 16, Requirement::kMay},
    {"chacha20poly1305", CipherMode::kChaCha20Poly1305, 32, 4, 8, 4, 16, Requirement::kShould},
};

// Key and ICV sizes: RFC 2403 (MD5), RFC 2404 (SHA-1), RFC 4868 section 2 (SHA-2), RFC 3566 (XCBC), RFC 4494 (CMAC).
// Requirements: RFC 8221 section 6.
constexpr Authenticator kAuthenticators[] = {
    {"md5-96", AuthMode::kHmacMd5, 16, 12, Requirement::kMustNot},
    {"sha1-96", AuthMode::kHmacSha1, 20, 12, Requirement::kMustMinus},
    {"sha2_256-128", AuthMode::kHmacSha256, 32, 16, Requirement::kMust},
    {"sha2_384-192", AuthMode::kHmacSha384, 48, 24, Requirement::kMay},
    {"sha2_512-256", AuthMode::kHmacSha512, 64, 32, Requirement::kShould},
    {"aes_xcbc-96", AuthMode::kAesXcbc, 16, 12, Requirement::kMay},
    {"aes_cmac-96", AuthMode::kAesCmac, 16, 12, Requirement::kMay},
};

constexpr std::string_view kWhereListed = "spi --algorithms lists what there is";
constexpr std::string_view kBareAes = "aes";  // FreeS/WAN: the key says which
constexpr std::string_view kAhPrefix = "hmac-";

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

uint16_t bytes_with_salt(const Cipher& cipher) noexcept {
  return static_cast<uint16_t>(cipher.key_bytes + cipher.salt_bytes);
}

AlgorithmRow row_of(const Algorithm& algorithm) {
  return {algorithm.name(),
          algorithm.use == AlgorithmUse::kAh ? "ah" : "esp",
          algorithm.encryption_key_bytes(),
          algorithm.authentication_key_bytes(),
          algorithm.icv_bytes(),
          algorithm.requirement(),
          algorithm};
}

}  // namespace

std::string Algorithm::name() const {
  if (cipher == nullptr)
    return std::string(authenticator->is_hmac() ? kAhPrefix : "") + std::string(authenticator->name);
  if (authenticator == nullptr) return std::string(cipher->name);
  return std::string(cipher->name) + '-' + std::string(authenticator->name);
}

uint16_t Algorithm::encryption_key_bytes() const noexcept {
  return cipher == nullptr || use == AlgorithmUse::kAh ? uint16_t{0} : bytes_with_salt(*cipher);
}

uint16_t Algorithm::authentication_key_bytes() const noexcept {
  if (use == AlgorithmUse::kAh && cipher != nullptr) return bytes_with_salt(*cipher);
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

Requirement Algorithm::requirement() const noexcept {
  if (cipher == nullptr) return authenticator->requirement;
  if (cipher->is_combined()) return cipher->requirement;
  if (authenticator == nullptr) return Requirement::kMustNot;  // RFC 8221 section 4
  return std::min(cipher->requirement, authenticator->requirement);
}

std::string_view requirement_text(Requirement requirement) noexcept {
  static constexpr std::array<std::string_view, 6> kTexts{"MUST NOT", "SHOULD NOT", "MAY", "SHOULD", "MUST-", "MUST"};
  return kTexts[static_cast<size_t>(requirement)];
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
  if (cipher->is_combined()) {
    return failure(as_typed(name), "a combined mode authenticates by itself",
                   "leave the authenticator out: " + std::string(cipher->name));
  }
  return Algorithm{cipher, authenticator};
}

Expected<Algorithm> find_ah_algorithm(std::string_view name) {
  if (const Cipher* cipher = find_cipher(name); cipher != nullptr && cipher->mode == CipherMode::kAesGmac) {
    return Algorithm{cipher, nullptr, AlgorithmUse::kAh};
  }
  const bool is_hmac = name.starts_with(kAhPrefix);
  const Authenticator* authenticator = find_authenticator(is_hmac ? name.substr(kAhPrefix.size()) : name);
  if (authenticator == nullptr || authenticator->is_hmac() != is_hmac) return unknown(name, "AH");
  return Algorithm{nullptr, authenticator, AlgorithmUse::kAh};
}

std::vector<AlgorithmRow> list_algorithms() {
  std::vector<AlgorithmRow> rows;
  rows.reserve((std::size(kCiphers) + 1) * (std::size(kAuthenticators) + 1));  // at most
  for (const Authenticator& authenticator : kAuthenticators) {
    rows.push_back(row_of({nullptr, &authenticator, AlgorithmUse::kAh}));
  }
  for (const Cipher& cipher : kCiphers) {
    if (cipher.mode == CipherMode::kAesGmac) rows.push_back(row_of({&cipher, nullptr, AlgorithmUse::kAh}));
  }
  for (const Cipher& cipher : kCiphers) {
    if (cipher.mode != CipherMode::kNull) rows.push_back(row_of({&cipher, nullptr}));
    if (cipher.is_combined()) continue;
    for (const Authenticator& authenticator : kAuthenticators) rows.push_back(row_of({&cipher, &authenticator}));
  }
  return rows;
}

}  // namespace spigrp
