// See split_bursts.h. Of a burst all packets of one cipher and key size, or of one hash, go together. Where all are of
// one algorithm, as a rule, the same slots serve both bursts.
#include "crypto/split_bursts.h"

#include <algorithm>

#include "crypto/constant_time.h"
#include "crypto/key_schedule_expanded.h"

namespace spigrp {
namespace {

struct BurstCipher {
  IMB_CIPHER_MODE mode;
  IMB_KEY_SIZE_BYTES key_bytes;
};
// By Expanded::cipher_index.
constexpr std::array<BurstCipher, kCipherIndexCount> kBurstCiphers{{{IMB_CIPHER_CBC, IMB_KEY_128_BYTES},
                                                                    {IMB_CIPHER_CBC, IMB_KEY_192_BYTES},
                                                                    {IMB_CIPHER_CBC, IMB_KEY_256_BYTES},
                                                                    {IMB_CIPHER_CNTR, IMB_KEY_128_BYTES},
                                                                    {IMB_CIPHER_CNTR, IMB_KEY_192_BYTES},
                                                                    {IMB_CIPHER_CNTR, IMB_KEY_256_BYTES}}};
// By Expanded::hash_index.
constexpr std::array<IMB_HASH_ALG, kHashIndexCount> kBurstHashes{IMB_AUTH_HMAC_SHA_1, IMB_AUTH_HMAC_SHA_256,
                                                                 IMB_AUTH_HMAC_SHA_384, IMB_AUTH_HMAC_SHA_512};

using Expanded = KeySchedule::Expanded;

uint8_t cipher_index(const CryptoJob& job) noexcept {
  return job.cipher_bytes == 0 ? kNoIndex : Expanded::of(job).cipher_index;
}

uint8_t hash_index(const CryptoJob& job) noexcept {
  return Expanded::of(job).hash_index;
}

// Calls run(index, places) for each index that index_of(job) gives, with the places of the jobs that have it.
template <class IndexOf, class Run>
void for_each_kind(std::span<CryptoJob* const> jobs, IndexOf&& index_of, Run&& run) noexcept {
  uint32_t present = 0;
  for (const CryptoJob* job : jobs) {
    const uint8_t index = index_of(*job);
    if (index != kNoIndex) present |= 1u << index;
  }
  for (; present != 0; present &= present - 1) {
    const auto index = static_cast<uint8_t>(__builtin_ctz(present));
    std::array<uint8_t, 64> places;
    size_t count = 0;
    for (size_t place = 0; place < jobs.size(); ++place) {
      if (index_of(*jobs[place]) == index) places[count++] = static_cast<uint8_t>(place);
    }
    run(index, std::span(places).first(count));
  }
}

// `source`: what the slot's offsets count from.
void put_cipher(IMB_JOB& slot, const CryptoJob& job, const BurstCipher& cipher, const uint8_t* source,
                uint8_t* nonce) noexcept {
  const Expanded& keys = Expanded::of(job);
  slot.src = source;
  slot.dst = job.cipher_start;
  slot.cipher_start_src_offset_in_bytes = static_cast<uint64_t>(job.cipher_start - source);
  slot.msg_len_to_cipher_in_bytes = job.cipher_bytes;
  slot.enc_keys = keys.encrypt_keys;
  slot.dec_keys = keys.decrypt_keys;
  slot.key_len_in_bytes = cipher.key_bytes;
  slot.iv = job.iv;
  slot.iv_len_in_bytes = 16;
  if (cipher.mode == IMB_CIPHER_CNTR) {
    keys.make_nonce(job.iv, nonce);
    slot.iv = nonce;
  }
}

void put_hash(IMB_JOB& slot, const CryptoJob& job, uint8_t* tag) noexcept {
  const Expanded& keys = Expanded::of(job);
  slot.src = job.auth_start;
  slot.hash_start_src_offset_in_bytes = 0;
  slot.msg_len_to_hash_in_bytes = job.auth_bytes;
  slot.u.HMAC._hashed_auth_key_xor_ipad = keys.inner();
  slot.u.HMAC._hashed_auth_key_xor_opad = keys.outer();
  slot.auth_tag_output = tag;
  slot.auth_tag_output_len_in_bytes = keys.icv_bytes;
}

}  // namespace

bool SplitBursts::takes(const Algorithm& algorithm) noexcept {
  const bool has_cipher = algorithm.cipher != nullptr && algorithm.cipher->mode != CipherMode::kNull;
  const bool ciphers = has_cipher && cipher_index_of(algorithm) != kNoIndex;
  const bool hashes = algorithm.authenticator != nullptr && hash_index_of(algorithm) != kNoIndex;
  return (ciphers || !has_cipher) && (hashes || algorithm.authenticator == nullptr) && (ciphers || hashes);
}

void SplitBursts::protect(std::span<CryptoJob* const> jobs) noexcept {
  const bool are_alike = fill_alike(jobs, nullptr);
  if (are_alike) [[likely]] {
    const uint32_t encrypted = submit_ciphers(jobs.size(), cipher_index(*jobs[0]), IMB_DIR_ENCRYPT);
    const uint32_t hashed = submit_hashes(jobs.size(), hash_index(*jobs[0]));
    for (size_t i = 0; i < jobs.size(); ++i) jobs[i]->ok = i < std::min(encrypted, hashed);
    return;
  }
  for (CryptoJob* job : jobs) job->ok = true;
  cipher_all(jobs, IMB_DIR_ENCRYPT);
  hash_all(jobs, nullptr);
}

void SplitBursts::verify(std::span<CryptoJob* const> jobs) noexcept {
  std::array<Tag, kMaxJobs> computed;
  const bool are_alike = fill_alike(jobs, computed.data());
  if (are_alike) [[likely]] {
    const uint32_t hashed = submit_hashes(jobs.size(), hash_index(*jobs[0]));
    for (size_t i = 0; i < jobs.size(); ++i) jobs[i]->ok = i < hashed;
  } else {
    for (CryptoJob* job : jobs) job->ok = true;
    hash_all(jobs, computed.data());
  }
  std::array<CryptoJob*, kMaxJobs> authentic;
  size_t count = 0;
  for (size_t i = 0; i < jobs.size(); ++i) {
    CryptoJob& job = *jobs[i];
    job.ok = job.ok && equal_icv(computed[i].data(), job.icv, Expanded::of(job).icv_bytes);
    authentic[count] = &job;
    count += job.ok;
  }
  if (!are_alike || count < jobs.size()) [[unlikely]]
    return cipher_all(std::span(authentic).first(count), IMB_DIR_DECRYPT);
  const uint32_t decrypted = submit_ciphers(count, cipher_index(*jobs[0]), IMB_DIR_DECRYPT);
  for (size_t i = decrypted; i < count; ++i) jobs[i]->ok = false;
}

// Puts cipher and hash of each job into one slot. False: they are not all of one kind.
bool SplitBursts::fill_alike(std::span<CryptoJob* const> jobs, Tag* tags) noexcept {
  const uint8_t cipher = cipher_index(*jobs[0]), hash = hash_index(*jobs[0]);
  for (size_t i = 0; i < jobs.size(); ++i) {
    CryptoJob& job = *jobs[i];
    if (cipher_index(job) != cipher || hash_index(job) != hash) return false;
    const uint8_t* source = hash == kNoIndex ? job.cipher_start : job.auth_start;
    if (cipher != kNoIndex) put_cipher(jobs_[i], job, kBurstCiphers[cipher], source, nonces_[i].data());
    if (hash != kNoIndex) put_hash(jobs_[i], job, tags == nullptr ? job.icv : tags[i].data());
  }
  return true;
}

// Those of jobs_; returns how many are done. Where there is no cipher all are.
uint32_t SplitBursts::submit_ciphers(size_t count, uint8_t index, IMB_CIPHER_DIRECTION direction) noexcept {
  const auto size = static_cast<uint32_t>(count);
  if (index == kNoIndex) return size;
  const BurstCipher& cipher = kBurstCiphers[index];
  const ManagerKind kind = direction == IMB_DIR_ENCRYPT ? choice_.encrypt[index] : choice_.decrypt[index];
  return IMB_SUBMIT_CIPHER_BURST_NOCHECK(managers_[static_cast<size_t>(kind)].get(), jobs_.data(), size, cipher.mode,
                                         direction, cipher.key_bytes);
}

uint32_t SplitBursts::submit_hashes(size_t count, uint8_t index) noexcept {
  const auto size = static_cast<uint32_t>(count);
  if (index == kNoIndex) return size;
  return IMB_SUBMIT_HASH_BURST_NOCHECK(managers_[static_cast<size_t>(choice_.hash[index])].get(), jobs_.data(), size,
                                       kBurstHashes[index]);
}

void SplitBursts::cipher_all(std::span<CryptoJob* const> jobs, IMB_CIPHER_DIRECTION direction) noexcept {
  for_each_kind(jobs, cipher_index, [&](uint8_t index, std::span<const uint8_t> places) {
    for (size_t i = 0; i < places.size(); ++i) {
      const CryptoJob& job = *jobs[places[i]];
      put_cipher(jobs_[i], job, kBurstCiphers[index], job.cipher_start, nonces_[i].data());
    }
    const uint32_t done = submit_ciphers(places.size(), index, direction);
    for (size_t i = done; i < places.size(); ++i) jobs[places[i]]->ok = false;
  });
}

void SplitBursts::hash_all(std::span<CryptoJob* const> jobs, Tag* tags) noexcept {
  for_each_kind(jobs, hash_index, [&](uint8_t index, std::span<const uint8_t> places) {
    for (size_t i = 0; i < places.size(); ++i) {
      CryptoJob& job = *jobs[places[i]];
      put_hash(jobs_[i], job, tags == nullptr ? job.icv : tags[places[i]].data());
    }
    const uint32_t done = submit_hashes(places.size(), index);
    for (size_t i = done; i < places.size(); ++i) jobs[places[i]]->ok = false;
  });
}

}  // namespace spigrp
