// See crypto_engine.h. GCM and GMAC go through ipsec-mb's direct calls, one packet each; all else through job managers,
// which fill the lanes of each algorithm with whatever packets come, from any SA, and are flushed before the call ends.
// Which kind of manager an algorithm's jobs go to is measured when the first engine is made.
#include "crypto/crypto_engine.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <vector>

#include <sys/random.h>
#include <x86intrin.h>

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
    case CipherMode::kAesCtr:
      return IMB_CIPHER_CNTR;
    case CipherMode::kAesCcm:
      return IMB_CIPHER_CCM;
    case CipherMode::kChaCha20Poly1305:
      return IMB_CIPHER_CHACHA20_POLY1305;
    case CipherMode::kNull:
    case CipherMode::kAesGcm:
    case CipherMode::kAesGmac:
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
    case AuthMode::kAesXcbc:
      return IMB_AUTH_AES_XCBC;
    case AuthMode::kAesCmac:
      return IMB_AUTH_AES_CMAC;
    case AuthMode::kNone:
      break;
  }
  return IMB_AUTH_NULL;
}

// By cipher and authenticator, the kind of manager that is the fastest here.
using ManagerChoice = std::array<std::array<ManagerKind, kAuthModeCount>, kCipherModeCount>;

ManagerKind& chosen(ManagerChoice& choice, const Algorithm& algorithm) noexcept {
  const CipherMode cipher = algorithm.cipher == nullptr ? CipherMode::kNull : algorithm.cipher->mode;
  const AuthMode auth = algorithm.authenticator == nullptr ? AuthMode::kNone : algorithm.authenticator->mode;
  return choice[static_cast<size_t>(cipher)][static_cast<size_t>(auth)];
}

// GCM and GMAC: one packet at a time is as fast as it gets.
bool goes_direct(const Algorithm& algorithm) noexcept {
  const Cipher* cipher = algorithm.cipher;
  return cipher != nullptr && (cipher->mode == CipherMode::kAesGcm || cipher->mode == CipherMode::kAesGmac);
}

using Nonce = std::array<uint8_t, 16>;
constexpr uint8_t kAeadNonceBytes = 12;
constexpr uint8_t kCcmNonceBytes = 11;  // RFC 4309 section 4

// The salt, then the IV that the packet carries (RFC 4106 section 4; 4309, 4543 and 7634 likewise). Behind it the block
// counter of CTR: 1 (RFC 3686 section 4).
void make_nonce(const CryptoJob& job, const std::array<uint8_t, 4>& salt, uint8_t* nonce) noexcept {
  const Cipher& cipher = *job.keys->algorithm().cipher;
  std::memset(nonce + kAeadNonceBytes, 0, 3);
  nonce[15] = 1;
  std::memcpy(nonce, salt.data(), 4);
  std::memcpy(nonce + cipher.salt_bytes, job.iv, 8);
}

}  // namespace

struct CryptoEngine::State {
  using Expanded = KeySchedule::Expanded;
  using Tags = std::array<std::array<uint8_t, kMaxIcvBytes>, kMaxJobs>;

  ~State() { wipe(&stream_round_keys, sizeof(stream_round_keys)); }

  static const Expanded& expanded(const CryptoJob& job) noexcept { return *job.keys->expanded_; }

  template <IMB_CIPHER_DIRECTION direction>
  void run_direct(const CryptoJob& job, uint8_t* tag) noexcept;
  void run_gmac(const CryptoJob& job, const uint8_t* nonce, uint8_t* tag) noexcept;
  template <IMB_CIPHER_DIRECTION direction>
  static void fill(IMB_JOB& slot, const CryptoJob& job, uint8_t* nonce, uint8_t* tag) noexcept;
  static void fill_hash(IMB_JOB& slot, const CryptoJob& job) noexcept;
  template <IMB_CIPHER_DIRECTION direction>
  static void fill_combined(IMB_JOB& slot, const CryptoJob& job) noexcept;
  // Jobs that go to one manager.
  struct Share {
    std::array<CryptoJob*, kMaxJobs> jobs;
    std::array<uint8_t*, kMaxJobs> tags;
    size_t count = 0;

    void push(CryptoJob& job, uint8_t* tag) noexcept {
      jobs[count] = &job;
      tags[count++] = tag;
    }
  };
  using Shares = std::array<Share, kManagerKindCount>;

  Share& share_of(Shares& shares, const CryptoJob& job) noexcept {
    return shares[static_cast<size_t>(chosen(choice, job.keys->algorithm()))];
  }
  template <IMB_CIPHER_DIRECTION direction>
  void run_multi_buffer(IMB_MGR* manager, const Share& share) noexcept;
  template <IMB_CIPHER_DIRECTION direction>
  void run_shares(const Shares& shares) noexcept;

  void choose_managers();
  uint64_t measure(IMB_MGR* manager, const KeySchedule& keys);

  MultiBuffer library;                                  // GCM, whose key tables depend on the kind, and random_ivs
  std::array<MultiBuffer, kManagerKindCount> managers;  // for jobs; null: not on this processor
  ManagerChoice choice{};
  alignas(16) std::array<uint8_t, 15 * 16> stream_round_keys;  // of random_ivs
  uint64_t stream_position = 0;                                // calls so far
};

template <IMB_CIPHER_DIRECTION direction>
void CryptoEngine::State::run_direct(const CryptoJob& job, uint8_t* tag) noexcept {
  const Expanded& keys = expanded(job);
  const Cipher& cipher = *job.keys->algorithm().cipher;
  alignas(16) Nonce nonce;
  make_nonce(job, keys.salt, nonce.data());
  if (cipher.mode == CipherMode::kAesGmac) return run_gmac(job, nonce.data(), tag);
  const IMB_MGR& imb = *library;
  constexpr bool kEncrypts = direction == IMB_DIR_ENCRYPT;
  const auto run = cipher.key_bytes == 16   ? (kEncrypts ? imb.gcm128_enc : imb.gcm128_dec)
                   : cipher.key_bytes == 24 ? (kEncrypts ? imb.gcm192_enc : imb.gcm192_dec)
                                            : (kEncrypts ? imb.gcm256_enc : imb.gcm256_dec);
  gcm_context_data context;
  run(static_cast<const gcm_key_data*>(keys.encrypt_keys), &context, job.cipher_start, job.cipher_start,
      job.cipher_bytes, nonce.data(), job.auth_start, job.auth_bytes, tag, cipher.icv_bytes);
}

// RFC 4543 section 3.3: everything is additional data. Of ESP it comes in two pieces, because ESN's upper half is not
// in the packet.
void CryptoEngine::State::run_gmac(const CryptoJob& job, const uint8_t* nonce, uint8_t* tag) noexcept {
  const auto* keys = static_cast<const gcm_key_data*>(expanded(job).encrypt_keys);
  const Cipher& cipher = *job.keys->algorithm().cipher;
  const IMB_MGR& imb = *library;
  const auto run = [&](auto begin, auto update, auto finish) {
    gcm_context_data context;
    begin(keys, &context, nonce, kAeadNonceBytes);
    update(keys, &context, job.auth_start, job.auth_bytes);
    if (job.cipher_bytes != 0) update(keys, &context, job.cipher_start, job.cipher_bytes);
    finish(keys, &context, tag, cipher.icv_bytes);
  };
  if (cipher.key_bytes == 16) return run(imb.gmac128_init, imb.gmac128_update, imb.gmac128_finalize);
  if (cipher.key_bytes == 24) return run(imb.gmac192_init, imb.gmac192_update, imb.gmac192_finalize);
  run(imb.gmac256_init, imb.gmac256_update, imb.gmac256_finalize);
}

// A job over one buffer: `src` is where it begins for the hash, the cipher begins an offset further on. A combined
// mode's begins with the cipher.
template <IMB_CIPHER_DIRECTION direction>
void CryptoEngine::State::fill(IMB_JOB& slot, const CryptoJob& job, uint8_t* nonce, uint8_t* tag) noexcept {
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
    if (algorithm.cipher->salt_bytes != 0) {
      make_nonce(job, keys.salt, nonce);
      slot.iv = nonce;
      slot.iv_len_in_bytes = sizeof(Nonce);
    }
  }
  slot.auth_tag_output = tag;
  slot.auth_tag_output_len_in_bytes = algorithm.icv_bytes();
  if (hashes) {
    fill_hash(slot, job);
  } else if (ciphers && algorithm.cipher->is_combined()) {
    fill_combined<direction>(slot, job);
  }
}

void CryptoEngine::State::fill_hash(IMB_JOB& slot, const CryptoJob& job) noexcept {
  const Expanded& keys = expanded(job);
  slot.hash_start_src_offset_in_bytes = 0;
  slot.msg_len_to_hash_in_bytes = job.auth_bytes;
  switch (job.keys->algorithm().authenticator->mode) {
    case AuthMode::kAesXcbc:
      slot.u.XCBC._k1_expanded = static_cast<const uint32_t*>(keys.mac_round_keys);
      slot.u.XCBC._k2 = keys.inner.data();
      slot.u.XCBC._k3 = keys.outer.data();
      return;
    case AuthMode::kAesCmac:
      slot.u.CMAC._key_expanded = keys.mac_round_keys;
      slot.u.CMAC._skey1 = keys.inner.data();
      slot.u.CMAC._skey2 = keys.outer.data();
      return;
    default:
      slot.u.HMAC._hashed_auth_key_xor_ipad = keys.inner.data();
      slot.u.HMAC._hashed_auth_key_xor_opad = keys.outer.data();
  }
}

template <IMB_CIPHER_DIRECTION direction>
void CryptoEngine::State::fill_combined(IMB_JOB& slot, const CryptoJob& job) noexcept {
  slot.hash_start_src_offset_in_bytes = slot.cipher_start_src_offset_in_bytes;
  slot.msg_len_to_hash_in_bytes = job.cipher_bytes;
  if (job.keys->algorithm().cipher->mode == CipherMode::kAesCcm) {
    slot.hash_alg = IMB_AUTH_AES_CCM;
    slot.iv_len_in_bytes = kCcmNonceBytes;
    // CCM authenticates what is in the clear (RFC 3610 section 2.2).
    slot.chain_order = direction == IMB_DIR_ENCRYPT ? IMB_ORDER_HASH_CIPHER : IMB_ORDER_CIPHER_HASH;
    slot.u.CCM.aad = job.auth_start;
    slot.u.CCM.aad_len_in_bytes = job.auth_bytes;
  } else {
    slot.hash_alg = IMB_AUTH_CHACHA20_POLY1305;
    slot.iv_len_in_bytes = kAeadNonceBytes;
    slot.u.CHACHA20_POLY1305.aad = job.auth_start;
    slot.u.CHACHA20_POLY1305.aad_len_in_bytes = job.auth_bytes;
  }
}

template <IMB_CIPHER_DIRECTION direction>
void CryptoEngine::State::run_multi_buffer(IMB_MGR* manager, const Share& share) noexcept {
  const auto size = static_cast<uint32_t>(share.count);
  std::array<IMB_JOB*, kMaxJobs> slots;
  alignas(16) std::array<Nonce, kMaxJobs> nonces;
  // The manager is empty between calls and holds 256 jobs, so that it has room for these.
  const uint32_t got = IMB_GET_NEXT_BURST(manager, size, slots.data());
  for (uint32_t i = 0; i < got; ++i) {
    fill<direction>(*slots[i], *share.jobs[i], nonces[i].data(), share.tags[i]);
    slots[i]->user_data = share.jobs[i];
  }
  const auto note = [&slots](uint32_t done) {
    for (uint32_t i = 0; i < done; ++i) {
      static_cast<CryptoJob*>(slots[i]->user_data)->ok = slots[i]->status == IMB_STATUS_COMPLETED;
    }
    return done;
  };
  uint32_t done = note(IMB_SUBMIT_BURST_NOCHECK(manager, got, slots.data()));
  while (done < got) {
    const uint32_t flushed = note(IMB_FLUSH_BURST(manager, got - done, slots.data()));
    if (flushed == 0) return;
    done += flushed;
  }
}

template <IMB_CIPHER_DIRECTION direction>
void CryptoEngine::State::run_shares(const Shares& shares) noexcept {
  for (size_t kind = 0; kind < shares.size(); ++kind) {
    if (shares[kind].count > 0) run_multi_buffer<direction>(managers[kind].get(), shares[kind]);
  }
}

namespace {

// Packets under one key, to be measured: 8 bytes of header, IV, text, ICV.
class Sample {
 public:
  Sample(const KeySchedule& keys, size_t count, uint32_t text_bytes) : packets_(count), jobs_(count) {
    const Algorithm& algorithm = keys.algorithm();
    const uint32_t head_bytes = 8u + algorithm.iv_bytes();
    const bool combined = algorithm.cipher != nullptr && algorithm.cipher->is_combined();
    const bool ciphers = algorithm.cipher != nullptr && algorithm.cipher->mode != CipherMode::kNull;
    for (size_t i = 0; i < count; ++i) {
      packets_[i].resize(head_bytes + text_bytes + kMaxIcvBytes);
      uint8_t* start = packets_[i].data();
      jobs_[i] = {.keys = &keys,
                  .cipher_start = start + head_bytes,
                  .cipher_bytes = ciphers ? text_bytes : 0,
                  .iv = start + 8,
                  .auth_start = start,
                  .auth_bytes = combined ? 8u : head_bytes + text_bytes,
                  .icv = start + head_bytes + text_bytes,
                  .ok = false};
    }
  }

  // TSC cycles of run(jobs); the least of a few tries, for the machine may be busy.
  uint64_t cycles(int tries, auto&& run) {
    uint64_t least = UINT64_MAX;
    for (int attempt = 0; attempt < tries; ++attempt) {
      const uint64_t start = __rdtsc();
      run(std::span(jobs_));
      least = std::min(least, static_cast<uint64_t>(__rdtsc() - start));
    }
    return least;
  }

 private:
  std::vector<std::vector<uint8_t>> packets_;
  std::vector<CryptoJob> jobs_;
};

// TSC cycles of run(jobs) for a packet of a full burst. What is slow is measured on one short packet only: 3DES takes
// ipsec-mb ten thousand cycles a byte where there is no AVX-512.
uint64_t cycles_per_packet(const KeySchedule& keys, uint32_t text_bytes, auto&& run) {
  constexpr uint32_t kProbeBytes = 64;
  constexpr uint64_t kSlowCycles = 100'000;
  const uint64_t probed = Sample(keys, 1, kProbeBytes).cycles(2, run);
  if (probed > kSlowCycles) return probed * text_bytes / kProbeBytes;
  return Sample(keys, kMaxJobs, text_bytes).cycles(4, run) / kMaxJobs;
}

}  // namespace

uint64_t CryptoEngine::State::measure(IMB_MGR* manager, const KeySchedule& keys) {
  constexpr uint32_t kTextBytes = 512;  // of middling size
  return cycles_per_packet(keys, kTextBytes, [&](std::span<CryptoJob> jobs) {
    Share share;
    for (CryptoJob& job : jobs) share.push(job, job.icv);
    run_multi_buffer<IMB_DIR_ENCRYPT>(manager, share);
  });
}

// One algorithm of each pair of modes; the size of its key matters little.
void CryptoEngine::State::choose_managers() {
  std::set<ManagerKind*> measured;
  for (const AlgorithmRow& row : list_algorithms()) {
    ManagerKind& choice_of_row = chosen(choice, row.algorithm);
    if (row.protocol == "ah" || goes_direct(row.algorithm) || !measured.insert(&choice_of_row).second) continue;
    const auto keys = KeySchedule::sample(row.algorithm);
    if (!keys) continue;
    uint64_t best = UINT64_MAX;
    for (size_t kind = 0; kind < managers.size(); ++kind) {
      const uint64_t cycles = managers[kind] == nullptr ? UINT64_MAX : measure(managers[kind].get(), *keys);
      if (cycles >= best) continue;
      best = cycles;
      choice_of_row = static_cast<ManagerKind>(kind);
    }
  }
}

uint32_t CryptoEngine::cycles_per_kilobyte(const KeySchedule& keys) {
  return static_cast<uint32_t>(cycles_per_packet(keys, 1024, [this](std::span<CryptoJob> jobs) { protect(jobs); }));
}

CryptoEngine::CryptoEngine(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
CryptoEngine::~CryptoEngine() = default;

Expected<std::unique_ptr<CryptoEngine>> CryptoEngine::create() {
  auto state = std::make_unique<State>();
  state->library = make_multi_buffer();
  for (size_t kind = 0; kind < kManagerKindCount; ++kind) {
    state->managers[kind] = make_multi_buffer(static_cast<ManagerKind>(kind));
  }
  if (state->library == nullptr || state->managers[static_cast<size_t>(ManagerKind::kSse)] == nullptr) {
    return failure("ipsec-mb", "does not run on this processor");
  }
  static const ManagerChoice kChoice = [&] {
    state->choose_managers();
    return state->choice;
  }();
  state->choice = kChoice;
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
  State::Shares shares;
  for (CryptoJob& job : jobs.first(std::min(jobs.size(), kMaxJobs))) {
    job.ok = false;
    if (goes_direct(job.keys->algorithm())) {
      state_->run_direct<IMB_DIR_ENCRYPT>(job, job.icv);
      job.ok = true;
    } else {
      state_->share_of(shares, job).push(job, job.icv);
    }
  }
  state_->run_shares<IMB_DIR_ENCRYPT>(shares);
}

void CryptoEngine::verify(std::span<CryptoJob> jobs) noexcept {
  State::Tags computed;
  State::Shares shares;
  for (CryptoJob& job : jobs.first(std::min(jobs.size(), kMaxJobs))) {
    job.ok = false;
    uint8_t* tag = computed[static_cast<size_t>(&job - jobs.data())].data();
    if (goes_direct(job.keys->algorithm())) {
      state_->run_direct<IMB_DIR_DECRYPT>(job, tag);
      job.ok = equal_icv(tag, job.icv, job.keys->algorithm().icv_bytes());
    } else {
      state_->share_of(shares, job).push(job, tag);
    }
  }
  state_->run_shares<IMB_DIR_DECRYPT>(shares);
  for (const State::Share& share : shares) {
    for (size_t i = 0; i < share.count; ++i) {
      CryptoJob& job = *share.jobs[i];
      if (!equal_icv(share.tags[i], job.icv, job.keys->algorithm().icv_bytes())) job.ok = false;
    }
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
