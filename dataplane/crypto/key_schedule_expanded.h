// KeySchedule::Expanded: what an ipsec-mb job points to. One allocation: this, and behind it the round keys. For the
// crypto room only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include <emmintrin.h>

#include <intel-ipsec-mb.h>

#include "crypto/crypto_engine.h"
#include "crypto/gcm_functions.h"
#include "crypto/key_schedule.h"

namespace spigrp {

// What ipsec-mb's cipher and hash bursts are asked for by: see split_bursts.cpp.
inline constexpr uint8_t kNoIndex = 0xff;
inline constexpr size_t kCipherIndexCount = 6;  // CBC and CTR, with each size of keys
inline constexpr size_t kHashIndexCount = 4;    // HMAC with SHA-1, SHA-256, SHA-384, SHA-512
uint8_t cipher_index_of(const Algorithm& algorithm) noexcept;
uint8_t hash_index_of(const Algorithm& algorithm) noexcept;

// Cipher and authenticator as one number.
inline constexpr size_t kModePairCount = kCipherModeCount * kAuthModeCount;
uint8_t mode_pair_of(const Algorithm& algorithm) noexcept;

// Aligned, and so is what follows: gcm_key_data is read with aligned loads.
struct alignas(64) KeySchedule::Expanded {
  static const Expanded& of(const CryptoJob& job) noexcept { return *job.keys; }

  // 16 bytes, aligned, in one store: the salt, then the IV that the packet carries (RFC 4106 section 4; 3686, 4543 and
  // 7634 likewise); behind it CTR's block counter, 1. Not CCM's.
  void make_nonce(const uint8_t* iv, uint8_t* nonce) const noexcept {
    const __m128i wire_iv = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(iv));
    const __m128i around = _mm_load_si128(reinterpret_cast<const __m128i*>(around_iv.data()));
    _mm_store_si128(reinterpret_cast<__m128i*>(nonce), _mm_or_si128(around, _mm_slli_si128(wire_iv, kSaltBytes)));
  }

  void describe(const Algorithm& of) noexcept;
  void expand_cipher(const Cipher& cipher, std::span<const uint8_t> key_and_salt);
  void expand_authenticator(std::span<const uint8_t> key);

  static constexpr size_t kSaltBytes = 4;

  // What the engine asks for each packet is in the first cache line. A nonce without its IV: the salt, of which CCM has
  // three bytes; 8 zeros; 1.
  alignas(16) std::array<uint8_t, 16> around_iv{};
  // Round keys; 3DES: an array of three pointers; GCM and GMAC: gcm_key_data; ChaCha20: the key; null: none.
  const void* encrypt_keys;
  const void* decrypt_keys;
  const GcmFunctions::CallsBySize* gcm_calls;  // null: no AES-GCM
  const GcmFunctions* gcm;                     // whose tables these are; null as well
  uint32_t allocated_bytes;                    // of the whole, to be wiped
  uint8_t mode_pair;
  uint8_t icv_bytes;
  uint8_t gcm_key_index;  // GcmFunctions
  uint8_t cipher_index, hash_index;
  uint8_t outer_offset;

  // HMAC: the hash's state after one block of the key with ipad and with opad, in the order of words that ipsec-mb
  // keeps (RFC 2104 section 4). XCBC and CMAC: the two keys for the last block (RFC 3566 section 4, RFC 4493 section
  // 2.3). Of all but the longest hashes both are in one cache line.
  const uint8_t* inner() const noexcept { return mac_states.data(); }
  const uint8_t* outer() const noexcept { return mac_states.data() + outer_offset; }
  alignas(64) std::array<uint8_t, 128> mac_states;

  Algorithm algorithm{};
  const void* mac_round_keys;  // XCBC and CMAC
};

}  // namespace spigrp
