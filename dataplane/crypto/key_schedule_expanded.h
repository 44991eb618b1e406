// KeySchedule::Expanded: what an ipsec-mb job points to. One allocation: this, and behind it the round keys. For the
// crypto room only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <intel-ipsec-mb.h>

#include "crypto/key_schedule.h"

namespace spigrp {

// Aligned, and so is what follows: gcm_key_data is read with aligned loads.
struct alignas(64) KeySchedule::Expanded {
  void expand_cipher(const Cipher& cipher, std::span<const uint8_t> key_and_salt);
  void expand_authenticator(const Algorithm& algorithm, std::span<const uint8_t> key);

  size_t allocated_bytes;  // of the whole, to be wiped
  // Round keys; 3DES: an array of three pointers; GCM and GMAC: gcm_key_data; ChaCha20: the key; null: none.
  const void* encrypt_keys;
  const void* decrypt_keys;
  const void* mac_round_keys;   // XCBC and CMAC
  std::array<uint8_t, 4> salt;  // begins the nonce; CCM has three bytes of it

  // HMAC: the hash's state after one block of the key with ipad and with opad, in the order of words that ipsec-mb
  // keeps (RFC 2104 section 4). XCBC and CMAC: the two keys for the last block (RFC 3566 section 4, RFC 4493 section
  // 2.3).
  alignas(16) std::array<uint8_t, 64> inner;
  alignas(16) std::array<uint8_t, 64> outer;
};

}  // namespace spigrp
