// See crypto_engine.h. GCM goes through ipsec-mb's direct calls, one packet each; all else through its job manager,
// which fills the lanes of each algorithm with whatever packets come, from any SA, and is flushed before the call ends.
#include "crypto/crypto_engine.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <sys/random.h>

#include "crypto/key_schedule_expanded.h"
#include "crypto/multi_buffer.h"

namespace spigrp {
namespace {

constexpr size_t kMaxJobs = 64;
constexpr size_t kStreamKeyBytes = 32;

// Takes as long for any bytes of one length (invariant 7).
bool equal_icv(const uint8_t* one, const uint8_t* other, size_t bytes) noexcept {
  uint8_t difference = 0;
  for (size_t i = 0; i < bytes; ++i) difference |= static_cast<uint8_t>(one[i] ^ other[i]);
  asm volatile("" : "+r"(difference));  // the loop may not end at the first difference
  return difference == 0;
}

IMB_CIPHER_MODE library_mode(CipherMode mode) noexcept {
  switch (mode) {
    case CipherMode::kAesCbc:
      return IMB_CIPHER_CBC;
    case CipherMode::kTripleDesCbc:
      return IMB_CIPHER_DES3;
    case CipherMode::kNull:
    case CipherMode::kAesGcm:
      break;
  }
  return IMB_CIPHER_NULL;
}

IMB_HASH_ALG library_hash(AuthMode mode) noexcept {
  switch (mode) {
    case AuthMode::kHmacMd5:
      return IMB_AUTH_MD5;
    case AuthMode::kHmacSha1:
      return IMB_AUTH_HMAC_SHA_1;
    case AuthMode::kHmacSha256:
      return IMB_AUTH_HMAC_SHA_256;
    case AuthMode::kHmacSha384:
      return IMB_AUTH_HMAC_SHA_384;
    case AuthMode::kHmacSha512:
      return IMB_AUTH_HMAC_SHA_512;
    case AuthMode::kNone:
      break;
  }
  return IMB_AUTH_NULL;
}

bool is_gcm(const CryptoJob& job) noexcept {
  const Cipher* cipher = job.keys->algorithm().cipher;
  return cipher != nullptr && cipher->mode == CipherMode::kAesGcm;
}

}  // namespace

struct CryptoEngine::State {
  using Expanded = KeySchedule::Expanded;
  using Tags = std::array<std::array<uint8_t, kMaxIcvBytes>, kMaxJobs>;

  ~State() { wipe(&stream_round_keys, sizeof(stream_round_keys)); }

  static const Expanded& expanded(const CryptoJob& job) noexcept { return *job.keys->expanded_; }

  template <IMB_CIPHER_DIRECTION direction>
  void run_gcm(const CryptoJob& job, uint8_t* tag) noexcept;
  template <IMB_CIPHER_DIRECTION direction>
  void fill(IMB_JOB& slot, const CryptoJob& job, uint8_t* tag) noexcept;
  template <IMB_CIPHER_DIRECTION direction>
  void run_multi_buffer(CryptoJob* const* jobs, uint8_t* const* tags, size_t count) noexcept;

  MultiBuffer library;
  alignas(16) std::array<uint8_t, 15 * 16> stream_round_keys;  // of random_ivs
  uint64_t stream_position = 0;                                // calls so far
};

// RFC 4106 section 4: the nonce is the salt, then the IV that the packet carries.
template <IMB_CIPHER_DIRECTION direction>
void CryptoEngine::State::run_gcm(const CryptoJob& job, uint8_t* tag) noexcept {
  const Expanded& keys = expanded(job);
  alignas(16) uint8_t nonce[16];
  std::memcpy(nonce, keys.salt.data(), 4);
  std::memcpy(nonce + 4, job.iv, 8);
  const IMB_MGR& imb = *library;
  const uint8_t key_bytes = job.keys->algorithm().cipher->key_bytes;
  constexpr bool kEncrypts = direction == IMB_DIR_ENCRYPT;
  const auto run = key_bytes == 16   ? (kEncrypts ? imb.gcm128_enc : imb.gcm128_dec)
                   : key_bytes == 24 ? (kEncrypts ? imb.gcm192_enc : imb.gcm192_dec)
                                     : (kEncrypts ? imb.gcm256_enc : imb.gcm256_dec);
  gcm_context_data context;
  run(static_cast<const gcm_key_data*>(keys.encrypt_keys), &context, job.cipher_start, job.cipher_start,
      job.cipher_bytes, nonce, job.auth_start, job.auth_bytes, tag, 16);
}

// A job over one buffer: `src` is where it begins for the hash, the cipher begins an offset further on.
template <IMB_CIPHER_DIRECTION direction>
void CryptoEngine::State::fill(IMB_JOB& slot, const CryptoJob& job, uint8_t* tag) noexcept {
  const Algorithm& algorithm = job.keys->algorithm();
  const Expanded& keys = expanded(job);
  const bool ciphers = job.cipher_bytes != 0;
  const bool hashes = algorithm.authenticator != nullptr;
  slot.cipher_direction = direction;
  slot.chain_order = direction == IMB_DIR_ENCRYPT ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
  slot.src = hashes ? job.auth_start : job.cipher_start;
  slot.cipher_mode = ciphers ? library_mode(algorithm.cipher->mode) : IMB_CIPHER_NULL;
  slot.hash_alg = hashes ? library_hash(algorithm.authenticator->mode) : IMB_AUTH_NULL;
  if (ciphers) {
    slot.enc_keys = keys.encrypt_keys;
    slot.dec_keys = keys.decrypt_keys;
    slot.key_len_in_bytes = algorithm.cipher->key_bytes;
    slot.dst = job.cipher_start;
    slot.cipher_start_src_offset_in_bytes = static_cast<uint64_t>(job.cipher_start - slot.src);
    slot.msg_len_to_cipher_in_bytes = job.cipher_bytes;
    slot.iv = job.iv;
    slot.iv_len_in_bytes = algorithm.cipher->iv_bytes;
  }
  if (hashes) {
    slot.hash_start_src_offset_in_bytes = 0;
    slot.msg_len_to_hash_in_bytes = job.auth_bytes;
    slot.auth_tag_output = tag;
    slot.auth_tag_output_len_in_bytes = algorithm.authenticator->icv_bytes;
    slot.u.HMAC._hashed_auth_key_xor_ipad = keys.inner.data();
    slot.u.HMAC._hashed_auth_key_xor_opad = keys.outer.data();
  }
}

template <IMB_CIPHER_DIRECTION direction>
void CryptoEngine::State::run_multi_buffer(CryptoJob* const* jobs, uint8_t* const* tags, size_t count) noexcept {
  const auto size = static_cast<uint32_t>(count);
  std::array<IMB_JOB*, kMaxJobs> slots;
  // The manager is empty between calls and holds 256 jobs, so that it has room for these.
  const uint32_t got = IMB_GET_NEXT_BURST(library.get(), size, slots.data());
  for (uint32_t i = 0; i < got; ++i) {
    fill<direction>(*slots[i], *jobs[i], tags[i]);
    slots[i]->user_data = jobs[i];
  }
  const auto note = [&slots](uint32_t done) {
    for (uint32_t i = 0; i < done; ++i) {
      static_cast<CryptoJob*>(slots[i]->user_data)->ok = slots[i]->status == IMB_STATUS_COMPLETED;
    }
    return done;
  };
  uint32_t done = note(IMB_SUBMIT_BURST_NOCHECK(library.get(), got, slots.data()));
  while (done < got) {
    const uint32_t flushed = note(IMB_FLUSH_BURST(library.get(), got - done, slots.data()));
    if (flushed == 0) return;
    done += flushed;
  }
}

CryptoEngine::CryptoEngine(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
CryptoEngine::~CryptoEngine() = default;

Expected<std::unique_ptr<CryptoEngine>> CryptoEngine::create() {
  auto state = std::make_unique<State>();
  state->library = make_multi_buffer();
  if (state->library == nullptr) return failure("ipsec-mb", "does not run on this processor");
  std::array<uint8_t, kStreamKeyBytes> key;
  if (getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) {
    return failure("getrandom", "gives no random bytes for IVs");
  }
  alignas(16) std::array<uint8_t, 15 * 16> decrypt_keys;
  IMB_AES_KEYEXP_256(state->library.get(), key.data(), state->stream_round_keys.data(), decrypt_keys.data());
  wipe(key.data(), key.size());
  wipe(decrypt_keys.data(), decrypt_keys.size());
  return std::unique_ptr<CryptoEngine>(new CryptoEngine(std::move(state)));
}

void CryptoEngine::protect(std::span<CryptoJob> jobs) noexcept {
  std::array<CryptoJob*, kMaxJobs> others;
  std::array<uint8_t*, kMaxJobs> tags;
  size_t count = 0;
  for (CryptoJob& job : jobs.first(std::min(jobs.size(), kMaxJobs))) {
    job.ok = false;
    if (is_gcm(job)) {
      state_->run_gcm<IMB_DIR_ENCRYPT>(job, job.icv);
      job.ok = true;
    } else {
      others[count] = &job;
      tags[count++] = job.icv;
    }
  }
  if (count > 0) state_->run_multi_buffer<IMB_DIR_ENCRYPT>(others.data(), tags.data(), count);
}

void CryptoEngine::verify(std::span<CryptoJob> jobs) noexcept {
  State::Tags computed;
  std::array<CryptoJob*, kMaxJobs> others;
  std::array<uint8_t*, kMaxJobs> tags;
  size_t count = 0;
  for (CryptoJob& job : jobs.first(std::min(jobs.size(), kMaxJobs))) {
    job.ok = false;
    uint8_t* tag = computed[static_cast<size_t>(&job - jobs.data())].data();
    if (is_gcm(job)) {
      state_->run_gcm<IMB_DIR_DECRYPT>(job, tag);
      job.ok = equal_icv(tag, job.icv, job.keys->algorithm().icv_bytes());
    } else {
      others[count] = &job;
      tags[count++] = tag;
    }
  }
  if (count == 0) return;
  state_->run_multi_buffer<IMB_DIR_DECRYPT>(others.data(), tags.data(), count);
  for (size_t i = 0; i < count; ++i) {
    const uint8_t icv_bytes = others[i]->keys->algorithm().icv_bytes();
    if (!equal_icv(tags[i], others[i]->icv, icv_bytes)) others[i]->ok = false;
  }
}

void CryptoEngine::random_ivs(uint8_t* out, size_t count) noexcept {
  // Counter blocks: 8 bytes that count the calls, 8 that count within one; no block comes twice under the key.
  alignas(16) std::array<uint8_t, 16> counter{};
  const uint64_t position = ++state_->stream_position;
  std::memcpy(counter.data(), &position, sizeof(position));
  std::memset(out, 0, count * 16);
  IMB_JOB job{};
  job.enc_keys = state_->stream_round_keys.data();
  job.key_len_in_bytes = kStreamKeyBytes;
  job.src = out;
  job.dst = out;
  job.msg_len_to_cipher_in_bytes = count * 16;
  job.iv = counter.data();
  job.iv_len_in_bytes = counter.size();
  IMB_SUBMIT_CIPHER_BURST_NOCHECK(state_->library.get(), &job, 1, IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT, IMB_KEY_256_BYTES);
}

}  // namespace spigrp
