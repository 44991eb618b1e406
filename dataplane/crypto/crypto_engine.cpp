// See crypto_engine.h. GCM and GMAC go through ipsec-mb's direct calls, one packet each; all else through cipher and
// hash bursts, or through job managers, which fill the lanes of each algorithm with whatever packets come, from any SA,
// and are flushed before the call ends. Which of these, and of which kind of manager: crypto_choice.cpp.
#include "crypto/crypto_engine.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <utility>

#include <sys/random.h>

#include "crypto/constant_time.h"
#include "crypto/crypto_engine_state.h"

namespace spigrp {
namespace {

constexpr size_t kStreamKeyBytes = 32;

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

using Nonce = std::array<uint8_t, 16>;
constexpr uint8_t kAeadNonceBytes = 12;
constexpr uint8_t kCcmNonceBytes = 11;  // RFC 4309 section 4

void make_nonce(const CryptoJob& job, const KeySchedule::Expanded& keys, uint8_t* nonce) noexcept {
  if (job.keys->algorithm.cipher->mode != CipherMode::kAesCcm) return keys.make_nonce(job.iv, nonce);
  std::memcpy(nonce, keys.around_iv.data(), 3);
  std::memcpy(nonce + 3, job.iv, 8);
}

}  // namespace

void CryptoEngine::State::Share::put_longest_first() noexcept {
  constexpr uint32_t kMuchBytes = 128;  // a difference worth sorting for
  if (count < 2 || longest_bytes - shortest_bytes < kMuchBytes) return;
  std::array<uint64_t, kMaxJobs> order;  // length, then place
  for (size_t place = 0; place < count; ++place) order[place] = uint64_t{bytes_of(*jobs[place])} << 32 | place;
  std::sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(count), std::greater<>());
  const std::array<CryptoJob*, kMaxJobs> before = jobs;
  for (size_t place = 0; place < count; ++place) jobs[place] = before[order[place] & UINT32_MAX];
}

// Those at the beginning that are as the first; returns how many.
size_t CryptoEngine::State::Share::push_alike(std::span<CryptoJob> from) noexcept {
  const uint8_t mode_pair = Expanded::of(from[0]).mode_pair;
  uint32_t longest = longest_bytes, shortest = shortest_bytes;
  size_t pushed = 0;
  do {
    CryptoJob& job = from[pushed];
    jobs[count + pushed] = &job;
    longest = std::max(longest, bytes_of(job));
    shortest = std::min(shortest, bytes_of(job));
  } while (++pushed < from.size() && Expanded::of(from[pushed]).mode_pair == mode_pair);
  count += pushed;
  longest_bytes = longest;
  shortest_bytes = shortest;
  return pushed;
}

// Does the jobs, or puts them into their shares.
template <IMB_CIPHER_DIRECTION direction>
void CryptoEngine::State::begin(std::span<CryptoJob> jobs, Shares& shares) noexcept {
  while (!jobs.empty()) {
    const Expanded& keys = Expanded::of(jobs[0]);
    const Way way = choice.ways[keys.mode_pair];
    size_t begun = 1;
    if (keys.gcm_calls != nullptr) {
      begun = run_gcm<direction>(jobs);
    } else if (way == Way::kGmac) {
      run_gmac<direction>(jobs[0]);
    } else {
      begun = shares[static_cast<size_t>(way)].push_alike(jobs);
    }
    jobs = jobs.subspan(begun);
  }
}

// Those at the beginning that are of AES-GCM; returns how many. All nonces first: the cipher begins with the nonce, so
// that each packet would wait for its own to be made.
template <IMB_CIPHER_DIRECTION direction>
size_t CryptoEngine::State::run_gcm(std::span<CryptoJob> jobs) noexcept {
  constexpr bool encrypts = direction == IMB_DIR_ENCRYPT;
  alignas(16) std::array<Nonce, kMaxJobs> nonces;
  size_t count = 0;
  do {
    Expanded::of(jobs[count]).make_nonce(jobs[count].iv, nonces[count].data());
  } while (++count < jobs.size() && Expanded::of(jobs[count]).gcm_calls != nullptr);
  alignas(16) Tag computed;
  gcm_context_data context;
  for (size_t i = 0; i < count; ++i) {
    CryptoJob& job = jobs[i];
    const Expanded& keys = Expanded::of(job);
    const GcmFunctions::Calls& calls = keys.gcm_calls->of(job.cipher_bytes);
    const aes_gcm_enc_dec_t run = own_library.own(encrypts ? calls.encrypt : calls.decrypt);
    run(static_cast<const gcm_key_data*>(keys.encrypt_keys), &context, job.cipher_start, job.cipher_start,
        job.cipher_bytes, nonces[i].data(), job.auth_start, job.auth_bytes, encrypts ? job.icv : computed.data(),
        keys.icv_bytes);
    job.ok = encrypts || equal_icv(computed.data(), job.icv, keys.icv_bytes);
  }
  return count;
}

// RFC 4543 section 3.3: everything is additional data. Of ESP it comes in two pieces, because ESN's upper half is not
// in the packet.
template <IMB_CIPHER_DIRECTION direction>
void CryptoEngine::State::run_gmac(CryptoJob& job) noexcept {
  const Expanded& keys = Expanded::of(job);
  alignas(16) Nonce nonce;
  keys.make_nonce(job.iv, nonce.data());
  const auto* tables = static_cast<const gcm_key_data*>(keys.encrypt_keys);
  const Cipher& cipher = *keys.algorithm.cipher;
  const IMB_MGR& imb = *library;
  alignas(16) Tag computed;
  uint8_t* tag = direction == IMB_DIR_ENCRYPT ? job.icv : computed.data();
  const auto run = [&](auto begin, auto update, auto finish) {
    gcm_context_data context;
    begin(tables, &context, nonce.data(), kAeadNonceBytes);
    update(tables, &context, job.auth_start, job.auth_bytes);
    if (job.cipher_bytes != 0) update(tables, &context, job.cipher_start, job.cipher_bytes);
    finish(tables, &context, tag, cipher.icv_bytes);
  };
  if (cipher.key_bytes == 16) {
    run(imb.gmac128_init, imb.gmac128_update, imb.gmac128_finalize);
  } else if (cipher.key_bytes == 24) {
    run(imb.gmac192_init, imb.gmac192_update, imb.gmac192_finalize);
  } else {
    run(imb.gmac256_init, imb.gmac256_update, imb.gmac256_finalize);
  }
  job.ok = direction == IMB_DIR_ENCRYPT || equal_icv(tag, job.icv, keys.icv_bytes);
}

// A job over one buffer: `src` is where it begins for the hash, the cipher begins an offset further on. A combined
// mode's begins with the cipher.
template <IMB_CIPHER_DIRECTION direction>
void CryptoEngine::State::fill(IMB_JOB& slot, const CryptoJob& job, uint8_t* nonce, uint8_t* tag) noexcept {
  const Algorithm& algorithm = job.keys->algorithm;
  const Expanded& keys = Expanded::of(job);
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
      make_nonce(job, keys, nonce);
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
  const Expanded& keys = Expanded::of(job);
  slot.hash_start_src_offset_in_bytes = 0;
  slot.msg_len_to_hash_in_bytes = job.auth_bytes;
  switch (job.keys->algorithm.authenticator->mode) {
    case AuthMode::kAesXcbc:
      slot.u.XCBC._k1_expanded = static_cast<const uint32_t*>(keys.mac_round_keys);
      slot.u.XCBC._k2 = keys.inner();
      slot.u.XCBC._k3 = keys.outer();
      return;
    case AuthMode::kAesCmac:
      slot.u.CMAC._key_expanded = keys.mac_round_keys;
      slot.u.CMAC._skey1 = keys.inner();
      slot.u.CMAC._skey2 = keys.outer();
      return;
    default:
      slot.u.HMAC._hashed_auth_key_xor_ipad = keys.inner();
      slot.u.HMAC._hashed_auth_key_xor_opad = keys.outer();
  }
}

template <IMB_CIPHER_DIRECTION direction>
void CryptoEngine::State::fill_combined(IMB_JOB& slot, const CryptoJob& job) noexcept {
  slot.hash_start_src_offset_in_bytes = slot.cipher_start_src_offset_in_bytes;
  slot.msg_len_to_hash_in_bytes = job.cipher_bytes;
  if (job.keys->algorithm.cipher->mode == CipherMode::kAesCcm) {
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
void CryptoEngine::State::run_multi_buffer(IMB_MGR* manager, std::span<CryptoJob* const> jobs) noexcept {
  constexpr bool encrypts = direction == IMB_DIR_ENCRYPT;
  const auto size = static_cast<uint32_t>(jobs.size());
  std::array<IMB_JOB*, kMaxJobs> slots;
  alignas(16) std::array<Nonce, kMaxJobs> nonces;
  std::array<Tag, kMaxJobs> computed;
  // The manager is empty between calls and holds 256 jobs, so that it has room for these.
  const uint32_t got = IMB_GET_NEXT_BURST(manager, size, slots.data());
  for (CryptoJob* job : jobs) job->ok = false;
  for (uint32_t i = 0; i < got; ++i) {
    fill<direction>(*slots[i], *jobs[i], nonces[i].data(), encrypts ? jobs[i]->icv : computed[i].data());
    set_suite(manager, *slots[i]);
    slots[i]->user_data = jobs[i];
  }
  const auto note = [&slots](uint32_t done) {
    for (uint32_t i = 0; i < done; ++i) {
      auto& job = *static_cast<CryptoJob*>(slots[i]->user_data);
      job.ok = slots[i]->status == IMB_STATUS_COMPLETED &&
               (encrypts || equal_icv(slots[i]->auth_tag_output, job.icv, Expanded::of(job).icv_bytes));
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

template void CryptoEngine::State::run_multi_buffer<IMB_DIR_ENCRYPT>(IMB_MGR*, std::span<CryptoJob* const>) noexcept;

template <IMB_CIPHER_DIRECTION direction>
void CryptoEngine::State::run(std::span<CryptoJob> jobs) noexcept {
  Shares shares;
  begin<direction>(jobs.first(std::min(jobs.size(), kMaxJobs)), shares);
  for (size_t way = 0; way < shares.size(); ++way) {
    Share& share = shares[way];
    if (share.count == 0) continue;
    share.put_longest_first();
    if (way < kManagerKindCount) {
      run_multi_buffer<direction>(managers[way].get(), share.all());
    } else if (direction == IMB_DIR_ENCRYPT) {
      split.protect(share.all());
    } else {
      split.verify(share.all());
    }
  }
}

void CryptoEngine::State::protect(std::span<CryptoJob> jobs) noexcept {
  run<IMB_DIR_ENCRYPT>(jobs);
}

void CryptoEngine::State::verify(std::span<CryptoJob> jobs) noexcept {
  run<IMB_DIR_DECRYPT>(jobs);
}

CryptoEngine::CryptoEngine(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
CryptoEngine::~CryptoEngine() = default;

Expected<std::unique_ptr<CryptoEngine>> CryptoEngine::create(Library library) {
  auto state = std::make_unique<State>();
  if (library == Library::kOwn && OwnLibrary::is_wanted()) {
    state->own_library = OwnLibrary::load();
    state->is_slowed_by_others = !state->own_library.is_copy();
  }
  state->library = make_multi_buffer();
  for (size_t kind = 0; kind < kManagerKindCount; ++kind) {
    state->managers[kind] = make_multi_buffer(static_cast<ManagerKind>(kind));
  }
  if (state->library == nullptr || state->managers[static_cast<size_t>(ManagerKind::kSse)] == nullptr) {
    return failure("ipsec-mb", "does not run on this processor");
  }
  static const State::Choice kChoice = [&] {
    state->choose();
    return state->choice;
  }();
  state->choice = kChoice;
  state->split.use(kChoice.split);
  std::array<uint8_t, kStreamKeyBytes> key;
  if (getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) {
    return failure("getrandom", "gives no random bytes for IVs");
  }
  alignas(16) std::array<uint8_t, State::kStreamRoundKeysBytes> decrypt_keys;
  IMB_AES_KEYEXP_256(state->library.get(), key.data(), state->stream_round_keys.data(), decrypt_keys.data());
  wipe(key.data(), key.size());
  wipe(decrypt_keys.data(), decrypt_keys.size());
  return std::unique_ptr<CryptoEngine>(new CryptoEngine(std::move(state)));
}

bool CryptoEngine::is_slowed_by_others() const noexcept {
  return state_->is_slowed_by_others;
}

void CryptoEngine::protect(std::span<CryptoJob> jobs) noexcept {
  state_->protect(jobs);
}

void CryptoEngine::verify(std::span<CryptoJob> jobs) noexcept {
  state_->verify(jobs);
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
