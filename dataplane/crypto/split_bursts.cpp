// See split_bursts.h. Of a burst all packets of one cipher and key size, or of one hash, go together.
#include "crypto/split_bursts.h"

#include <cstring>

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

// Calls run(index, jobs) for each index that index_of(job) gives, with the jobs that have it.
template <class IndexOf, class Run>
void for_each_kind(std::span<const TaggedJob> jobs, IndexOf&& index_of, Run&& run) noexcept {
  uint32_t present = 0;
  for (const TaggedJob& tagged : jobs) {
    const uint8_t index = index_of(tagged);
    if (index != kNoIndex) present |= 1u << index;
  }
  for (; present != 0; present &= present - 1) {
    const auto index = static_cast<uint8_t>(__builtin_ctz(present));
    std::array<TaggedJob, 64> alike;
    size_t count = 0;
    for (const TaggedJob& tagged : jobs) {
      if (index_of(tagged) == index) alike[count++] = tagged;
    }
    run(index, std::span(alike).first(count));
  }
}

}  // namespace

bool SplitBursts::takes(const Algorithm& algorithm) noexcept {
  const bool has_cipher = algorithm.cipher != nullptr && algorithm.cipher->mode != CipherMode::kNull;
  const bool ciphers = has_cipher && cipher_index_of(algorithm) != kNoIndex;
  const bool hashes = algorithm.authenticator != nullptr && hash_index_of(algorithm) != kNoIndex;
  return (ciphers || !has_cipher) && (hashes || algorithm.authenticator == nullptr) && (ciphers || hashes);
}

void SplitBursts::protect(std::span<const TaggedJob> jobs) noexcept {
  for (const TaggedJob& tagged : jobs) tagged.job->ok = true;
  cipher_all(jobs, IMB_DIR_ENCRYPT);
  hash_all(jobs);
}

void SplitBursts::verify(std::span<const TaggedJob> jobs) noexcept {
  for (const TaggedJob& tagged : jobs) tagged.job->ok = true;
  hash_all(jobs);
  std::array<TaggedJob, kMaxJobs> authentic;
  size_t count = 0;
  for (const TaggedJob& tagged : jobs) {
    CryptoJob& job = *tagged.job;
    job.ok = job.ok && equal_icv(tagged.tag, job.icv, KeySchedule::Expanded::of(job).icv_bytes);
    if (job.ok) authentic[count++] = tagged;
  }
  cipher_all(std::span(authentic).first(count), IMB_DIR_DECRYPT);
}

void SplitBursts::cipher_all(std::span<const TaggedJob> jobs, IMB_CIPHER_DIRECTION direction) noexcept {
  const auto index_of = [](const TaggedJob& tagged) {
    return tagged.job->cipher_bytes == 0 ? kNoIndex : KeySchedule::Expanded::of(*tagged.job).cipher_index;
  };
  for_each_kind(jobs, index_of,
                [&](uint8_t index, std::span<const TaggedJob> alike) { cipher_alike(alike, index, direction); });
}

void SplitBursts::cipher_alike(std::span<const TaggedJob> jobs, uint8_t index,
                               IMB_CIPHER_DIRECTION direction) noexcept {
  const BurstCipher& cipher = kBurstCiphers[index];
  alignas(16) std::array<std::array<uint8_t, 16>, kMaxJobs> nonces;
  for (size_t i = 0; i < jobs.size(); ++i) {
    const CryptoJob& job = *jobs[i].job;
    const KeySchedule::Expanded& keys = KeySchedule::Expanded::of(job);
    IMB_JOB& slot = jobs_[i];
    slot.src = job.cipher_start;
    slot.dst = job.cipher_start;
    slot.cipher_start_src_offset_in_bytes = 0;
    slot.msg_len_to_cipher_in_bytes = job.cipher_bytes;
    slot.enc_keys = keys.encrypt_keys;
    slot.dec_keys = keys.decrypt_keys;
    slot.key_len_in_bytes = cipher.key_bytes;
    slot.iv = job.iv;
    slot.iv_len_in_bytes = 16;
    if (cipher.mode == IMB_CIPHER_CNTR) {
      keys.make_nonce(job.iv, nonces[i].data());
      slot.iv = nonces[i].data();
    }
  }
  const auto count = static_cast<uint32_t>(jobs.size());
  const ManagerKind kind = direction == IMB_DIR_ENCRYPT ? choice_.encrypt[index] : choice_.decrypt[index];
  const uint32_t done = IMB_SUBMIT_CIPHER_BURST_NOCHECK(managers_[static_cast<size_t>(kind)].get(), jobs_.data(), count,
                                                        cipher.mode, direction, cipher.key_bytes);
  for (size_t i = done; i < jobs.size(); ++i) jobs[i].job->ok = false;
}

void SplitBursts::hash_all(std::span<const TaggedJob> jobs) noexcept {
  const auto index_of = [](const TaggedJob& tagged) { return KeySchedule::Expanded::of(*tagged.job).hash_index; };
  for_each_kind(jobs, index_of, [&](uint8_t index, std::span<const TaggedJob> alike) { hash_alike(alike, index); });
}

void SplitBursts::hash_alike(std::span<const TaggedJob> jobs, uint8_t index) noexcept {
  for (size_t i = 0; i < jobs.size(); ++i) {
    const CryptoJob& job = *jobs[i].job;
    const KeySchedule::Expanded& keys = KeySchedule::Expanded::of(job);
    IMB_JOB& slot = jobs_[i];
    slot.src = job.auth_start;
    slot.hash_start_src_offset_in_bytes = 0;
    slot.msg_len_to_hash_in_bytes = job.auth_bytes;
    slot.u.HMAC._hashed_auth_key_xor_ipad = keys.inner.data();
    slot.u.HMAC._hashed_auth_key_xor_opad = keys.outer.data();
    slot.auth_tag_output = jobs[i].tag;
    slot.auth_tag_output_len_in_bytes = keys.icv_bytes;
  }
  const auto count = static_cast<uint32_t>(jobs.size());
  const uint32_t done = IMB_SUBMIT_HASH_BURST_NOCHECK(managers_[static_cast<size_t>(choice_.hash[index])].get(),
                                                      jobs_.data(), count, kBurstHashes[index]);
  for (size_t i = done; i < jobs.size(); ++i) jobs[i].job->ok = false;
}

}  // namespace spigrp
