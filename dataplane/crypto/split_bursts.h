// SplitBursts: encryption and authentication of a burst as two bursts, all packets through the cipher and all through
// the hash, by ipsec-mb's cipher and hash bursts. They bypass its job queue, and cipher and hash can be different
// managers'. For the crypto room.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <intel-ipsec-mb.h>

#include "crypto/crypto_engine.h"
#include "crypto/key_schedule_expanded.h"
#include "crypto/multi_buffer.h"

namespace spigrp {

using Tag = std::array<uint8_t, kMaxIcvBytes>;  // an ICV as it is computed, where one has been received

class SplitBursts {
 public:
  using Managers = std::array<MultiBuffer, kManagerKindCount>;  // null: not on this processor

  // The algorithms that it knows. Not all that ipsec-mb has are there as bursts.
  static bool takes(const Algorithm& algorithm) noexcept;

  // Which managers are measured fastest, by what the keys' Expanded calls cipher_index and hash_index.
  struct Choice {
    std::array<ManagerKind, kCipherIndexCount> encrypt{}, decrypt{};
    std::array<ManagerKind, kHashIndexCount> hash{};
  };

  explicit SplitBursts(const Managers& managers) noexcept : managers_(managers) {}
  void use(const Choice& choice) noexcept { choice_ = choice; }

  // At most 64 jobs. Encrypts all, then computes the ICVs. Says of each job whether it is ok.
  void protect(std::span<CryptoJob* const> jobs) noexcept;
  // Computes and compares the ICVs, and decrypts the packets whose ICV is right; those are ok.
  void verify(std::span<CryptoJob* const> jobs) noexcept;

 private:
  static constexpr size_t kMaxJobs = 64;

  // `tags`: where ICVs are computed to; null: to their places in the packets.
  bool fill_alike(std::span<CryptoJob* const> jobs, Tag* tags) noexcept;
  uint32_t submit_ciphers(size_t count, uint8_t index, IMB_CIPHER_DIRECTION direction) noexcept;
  uint32_t submit_hashes(size_t count, uint8_t index) noexcept;
  void cipher_all(std::span<CryptoJob* const> jobs, IMB_CIPHER_DIRECTION direction) noexcept;
  void hash_all(std::span<CryptoJob* const> jobs, Tag* tags) noexcept;

  const Managers& managers_;
  Choice choice_;
  std::array<IMB_JOB, kMaxJobs> jobs_{};
  alignas(16) std::array<std::array<uint8_t, 16>, kMaxJobs> nonces_{};
};

}  // namespace spigrp
