// See key_schedule.h. Expanding is ipsec-mb's; which of its functions, and how much memory, follows from the algorithm.
#include "crypto/key_schedule.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <span>

#include "crypto/gcm_functions.h"
#include "crypto/key_schedule_expanded.h"
#include "crypto/multi_buffer.h"
#include "state/prefetch.h"

namespace spigrp {
namespace {

constexpr size_t kHmacBlockBytes = 64;       // MD5, SHA-1, SHA-256
constexpr size_t kLongHmacBlockBytes = 128;  // SHA-384, SHA-512
constexpr uint8_t kHashStateBytes = 32;      // at most
constexpr uint8_t kLongHashStateBytes = 64;
constexpr size_t kDesKeyBytes = 8;

// AES round keys for CBC, both directions.
struct AesRoundKeys {
  alignas(16) uint8_t encrypt[15 * 16];
  alignas(16) uint8_t decrypt[15 * 16];
};

struct TripleDesKeys {
  alignas(16) uint64_t rounds[3][IMB_DES_KEY_SCHED_SIZE / sizeof(uint64_t)];
  const void* parts[3];
};

constexpr size_t kChaChaKeyBytes = 32;

constexpr size_t cipher_key_bytes(const Algorithm& algorithm) {
  if (algorithm.cipher == nullptr) return 0;
  switch (algorithm.cipher->mode) {
    case CipherMode::kNull:
      return 0;
    case CipherMode::kAesCbc:
    case CipherMode::kAesCtr:
    case CipherMode::kAesCcm:
      return sizeof(AesRoundKeys);
    case CipherMode::kTripleDesCbc:
      return sizeof(TripleDesKeys);
    case CipherMode::kAesGcm:
    case CipherMode::kAesGmac:
      return sizeof(gcm_key_data);
    case CipherMode::kChaCha20Poly1305:
      return kChaChaKeyBytes;
  }
  return 0;
}

// Where those of the authenticator begin: behind the cipher's, aligned.
size_t mac_key_offset(const Algorithm& algorithm) {
  return (cipher_key_bytes(algorithm) + 15) / 16 * 16;
}

size_t mac_key_bytes(const Algorithm& algorithm) {
  return algorithm.authenticator == nullptr || algorithm.authenticator->is_hmac() ? 0 : sizeof(AesRoundKeys);
}

// RFC 2451 section 2.3: equal parts make 3DES single DES. The lowest bit of each byte is parity and no key.
bool equal_parts(std::span<const uint8_t> one, std::span<const uint8_t> other) {
  uint8_t difference = 0;
  for (size_t i = 0; i < kDesKeyBytes; ++i) difference |= static_cast<uint8_t>((one[i] ^ other[i]) & 0xfe);
  return difference == 0;
}

void expand_aes(std::span<const uint8_t> key, AesRoundKeys& out) {
  IMB_MGR* library = shared_multi_buffer();
  if (key.size() == 16) {
    IMB_AES_KEYEXP_128(library, key.data(), out.encrypt, out.decrypt);
  } else if (key.size() == 24) {
    IMB_AES_KEYEXP_192(library, key.data(), out.encrypt, out.decrypt);
  } else {
    IMB_AES_KEYEXP_256(library, key.data(), out.encrypt, out.decrypt);
  }
}

void expand_triple_des(std::span<const uint8_t> key, TripleDesKeys& out) {
  for (size_t part = 0; part < 3; ++part) {
    IMB_DES_KEYSCHED(shared_multi_buffer(), out.rounds[part], key.data() + part * kDesKeyBytes);
    out.parts[part] = out.rounds[part];
  }
}

// For the shared manager's GMAC calls.
void expand_gmac(std::span<const uint8_t> key, gcm_key_data& out) {
  IMB_MGR* library = shared_multi_buffer();
  if (key.size() == 16) {
    IMB_AES128_GCM_PRE(library, key.data(), &out);
  } else if (key.size() == 24) {
    IMB_AES192_GCM_PRE(library, key.data(), &out);
  } else {
    IMB_AES256_GCM_PRE(library, key.data(), &out);
  }
}

constexpr bool is_long_hash(AuthMode mode) noexcept {
  return mode == AuthMode::kHmacSha384 || mode == AuthMode::kHmacSha512;
}

void hash_block(AuthMode mode, const uint8_t* block, uint8_t* state) {
  IMB_MGR* library = shared_multi_buffer();
  switch (mode) {
    case AuthMode::kNone:
    case AuthMode::kAesXcbc:
    case AuthMode::kAesCmac:
      return;
    case AuthMode::kHmacMd5:
      return IMB_MD5_ONE_BLOCK(library, block, state);
    case AuthMode::kHmacSha1:
      return IMB_SHA1_ONE_BLOCK(library, block, state);
    case AuthMode::kHmacSha256:
      return IMB_SHA256_ONE_BLOCK(library, block, state);
    case AuthMode::kHmacSha384:
      return IMB_SHA384_ONE_BLOCK(library, block, state);
    case AuthMode::kHmacSha512:
      return IMB_SHA512_ONE_BLOCK(library, block, state);
  }
}

// One half of HMAC's key: RFC 2104 section 2, K xor ipad (0x36) or opad (0x5c). No key here is longer than a block.
void hash_padded_key(AuthMode mode, std::span<const uint8_t> key, uint8_t pad, uint8_t* state) {
  const bool is_long = is_long_hash(mode);
  std::array<uint8_t, kLongHmacBlockBytes> block;
  std::memset(block.data(), pad, is_long ? kLongHmacBlockBytes : kHmacBlockBytes);
  for (size_t i = 0; i < key.size(); ++i) block[i] ^= key[i];
  hash_block(mode, block.data(), state);
  wipe(block.data(), block.size());
}

Expected<void> check_size(const char* which, const Algorithm& algorithm, size_t wanted_bytes, size_t got_bytes) {
  if (wanted_bytes == got_bytes) return {};
  if (wanted_bytes == 0) return failure(algorithm.name(), "takes no " + std::string(which) + " key");
  const std::string wanted = std::to_string(wanted_bytes) + " bytes";
  if (got_bytes == 0) return failure(algorithm.name(), "needs an " + std::string(which) + " key of " + wanted);
  return failure(algorithm.name(), "the " + std::string(which) + " key has " + std::to_string(got_bytes) + " bytes",
                 "it must have exactly " + wanted +
                     (algorithm.cipher != nullptr && algorithm.cipher->salt_bytes != 0
                          ? ", the salt of " + std::to_string(algorithm.cipher->salt_bytes) + " included"
                          : ""));
}

Expected<void> check_keys(const Algorithm& algorithm, const Key& encryption_key, const Key& authentication_key) {
  if (auto fits = check_size("encryption", algorithm, algorithm.encryption_key_bytes(), encryption_key.size()); !fits) {
    return fits;
  }
  if (auto fits =
          check_size("authentication", algorithm, algorithm.authentication_key_bytes(), authentication_key.size());
      !fits) {
    return fits;
  }
  if (algorithm.cipher != nullptr && algorithm.cipher->mode == CipherMode::kTripleDesCbc) {
    const auto key = encryption_key.bytes();
    const auto first = key.subspan(0, kDesKeyBytes), second = key.subspan(kDesKeyBytes, kDesKeyBytes);
    if (equal_parts(first, second) || equal_parts(second, key.subspan(2 * kDesKeyBytes))) {
      return failure(algorithm.name(), "two parts of the 3DES key are equal, which makes it single DES",
                     "give three different parts of 8 bytes (RFC 2451 section 2.3)");
    }
  }
  return {};
}

}  // namespace

uint8_t cipher_index_of(const Algorithm& algorithm) noexcept {
  if (algorithm.cipher == nullptr) return kNoIndex;
  const int of_size = algorithm.cipher->key_bytes / 8 - 2;
  if (algorithm.cipher->mode == CipherMode::kAesCbc) return static_cast<uint8_t>(of_size);
  return algorithm.cipher->mode == CipherMode::kAesCtr ? static_cast<uint8_t>(3 + of_size) : kNoIndex;
}

uint8_t hash_index_of(const Algorithm& algorithm) noexcept {
  switch (algorithm.authenticator == nullptr ? AuthMode::kNone : algorithm.authenticator->mode) {
    case AuthMode::kHmacSha1:
      return 0;
    case AuthMode::kHmacSha256:
      return 1;
    case AuthMode::kHmacSha384:
      return 2;
    case AuthMode::kHmacSha512:
      return 3;
    default:
      return kNoIndex;
  }
}

uint8_t mode_pair_of(const Algorithm& algorithm) noexcept {
  const CipherMode cipher = algorithm.cipher == nullptr ? CipherMode::kNull : algorithm.cipher->mode;
  const AuthMode auth = algorithm.authenticator == nullptr ? AuthMode::kNone : algorithm.authenticator->mode;
  return static_cast<uint8_t>(static_cast<size_t>(cipher) * kAuthModeCount + static_cast<size_t>(auth));
}

void KeySchedule::Expanded::describe(const Algorithm& of) noexcept {
  algorithm = of;
  const bool is_gcm = algorithm.cipher != nullptr && algorithm.cipher->mode == CipherMode::kAesGcm;
  mode_pair = mode_pair_of(algorithm);
  icv_bytes = algorithm.icv_bytes();
  gcm_key_index = algorithm.cipher == nullptr ? uint8_t{0} : GcmFunctions::index_of(algorithm.cipher->key_bytes);
  cipher_index = cipher_index_of(algorithm);
  hash_index = hash_index_of(algorithm);
  outer_offset = algorithm.authenticator != nullptr && is_long_hash(algorithm.authenticator->mode) ? kLongHashStateBytes
                                                                                                   : kHashStateBytes;
  gcm = is_gcm ? &GcmFunctions::fastest() : nullptr;
  gcm_calls = is_gcm ? &gcm->calls(gcm_key_index) : nullptr;
}

Expected<KeySchedule> KeySchedule::create(const Algorithm& algorithm, const Key& encryption_key,
                                          const Key& authentication_key) {
  if (const auto fit = check_keys(algorithm, encryption_key, authentication_key); !fit) {
    return tl::unexpected(fit.error());
  }
  if (shared_multi_buffer() == nullptr) return failure("ipsec-mb", "does not run on this processor");

  const auto bytes = static_cast<uint32_t>(sizeof(Expanded) + mac_key_offset(algorithm) + mac_key_bytes(algorithm));
  void* memory = operator new (bytes, std::align_val_t{alignof(Expanded)});
  KeySchedule schedule;
  schedule.algorithm_ = algorithm;
  schedule.expanded_.reset(new (memory) Expanded{.allocated_bytes = bytes});
  schedule.expanded_->describe(algorithm);
  if (const Cipher* cipher = algorithm.cipher; cipher != nullptr && cipher->mode != CipherMode::kNull) {
    const Key& key = algorithm.use == AlgorithmUse::kAh ? authentication_key : encryption_key;
    schedule.expanded_->expand_cipher(*cipher, key.bytes());
  }
  if (algorithm.authenticator != nullptr) {
    schedule.expanded_->expand_authenticator(authentication_key.bytes());
  }
  return schedule;
}

Expected<KeySchedule> KeySchedule::sample(const Algorithm& algorithm) {
  std::array<uint8_t, kMaxKeyBytes> bytes;
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 37 + 1);
  const auto key = [&](size_t size) { return Key(std::span(bytes).first(size)); };
  return create(algorithm, key(algorithm.encryption_key_bytes()), key(algorithm.authentication_key_bytes()));
}

void KeySchedule::Expanded::expand_cipher(const Cipher& cipher, std::span<const uint8_t> key_and_salt) {
  const auto key = key_and_salt.first(cipher.key_bytes);
  std::copy_n(key_and_salt.begin() + cipher.key_bytes, cipher.salt_bytes, around_iv.begin());
  around_iv.back() = 1;
  void* round_keys = this + 1;
  encrypt_keys = decrypt_keys = round_keys;
  switch (cipher.mode) {
    case CipherMode::kAesCbc:
    case CipherMode::kAesCtr:
    case CipherMode::kAesCcm: {
      auto* aes = new (round_keys) AesRoundKeys;
      expand_aes(key, *aes);
      encrypt_keys = aes->encrypt;
      decrypt_keys = aes->decrypt;
      return;
    }
    case CipherMode::kTripleDesCbc: {
      auto* des = new (round_keys) TripleDesKeys;
      expand_triple_des(key, *des);
      encrypt_keys = decrypt_keys = des->parts;
      return;
    }
    case CipherMode::kAesGcm:
      return gcm->expand(key, *new (round_keys) gcm_key_data);
    case CipherMode::kAesGmac:
      return expand_gmac(key, *new (round_keys) gcm_key_data);
    case CipherMode::kChaCha20Poly1305:
      std::memcpy(round_keys, key.data(), kChaChaKeyBytes);
      return;
    case CipherMode::kNull:
      return;
  }
}

void KeySchedule::Expanded::expand_authenticator(std::span<const uint8_t> key) {
  const AuthMode mode = algorithm.authenticator->mode;
  uint8_t* inner_state = mac_states.data();
  uint8_t* outer_state = inner_state + outer_offset;
  if (algorithm.authenticator->is_hmac()) {
    hash_padded_key(mode, key, 0x36, inner_state);
    hash_padded_key(mode, key, 0x5c, outer_state);
    return;
  }
  IMB_MGR* library = shared_multi_buffer();
  uint8_t* behind = reinterpret_cast<uint8_t*>(this + 1) + mac_key_offset(algorithm);
  auto* aes = new (behind) AesRoundKeys;  // NOLINT(clang-analyzer-cplusplus.PlacementNew): allocated with this
  mac_round_keys = aes->encrypt;
  if (mode == AuthMode::kAesXcbc) {
    IMB_AES_XCBC_KEYEXP(library, key.data(), aes->encrypt, inner_state, outer_state);
  } else {
    expand_aes(key, *aes);
    IMB_AES_CMAC_SUBKEY_GEN_128(library, aes->encrypt, inner_state, outer_state);
  }
}

KeySchedule::KeySchedule(KeySchedule&&) noexcept = default;
KeySchedule& KeySchedule::operator=(KeySchedule&&) noexcept = default;
KeySchedule::~KeySchedule() = default;

void KeySchedule::prefetch(const Expanded& keys, uint32_t bytes) noexcept {
  const auto* round_keys = reinterpret_cast<const uint8_t*>(&keys + 1);
  if (keys.gcm != nullptr) [[likely]] {
    return keys.gcm->lines(keys.gcm_key_index, bytes).prefetch(round_keys);
  }
  for (size_t at = kCacheLineBytes; at < keys.allocated_bytes; at += kCacheLineBytes) {
    prefetch_near(reinterpret_cast<const uint8_t*>(&keys) + at);
  }
}

size_t KeySchedule::allocated_bytes() const noexcept {
  return expanded_ == nullptr ? 0 : expanded_->allocated_bytes;
}

void KeySchedule::Wipe::operator()(Expanded* expanded) const noexcept {
  wipe(expanded, expanded->allocated_bytes);
  operator delete (expanded, std::align_val_t{alignof(Expanded)});
}

}  // namespace spigrp
