// CryptoEngine::State: what a CryptoEngine has, and the ways in which it does its jobs. For the crypto room only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <intel-ipsec-mb.h>

#include "crypto/crypto_engine.h"
#include "crypto/gcm_functions.h"
#include "crypto/key_schedule_expanded.h"
#include "crypto/multi_buffer.h"
#include "crypto/own_library.h"
#include "crypto/split_bursts.h"

namespace spigrp {

inline constexpr size_t kMaxJobs = 64;  // of a call

struct CryptoEngine::State {
  static constexpr size_t kStreamRoundKeysBytes = 240;  // 15 of a block each
  using Expanded = KeySchedule::Expanded;

  ~State() { wipe(&stream_round_keys, sizeof(stream_round_keys)); }

  // How an algorithm's jobs are done: by the job manager of a kind (the same number), or otherwise.
  enum class Way : uint8_t { kSseJobs, kAvx2Jobs, kAvx512Jobs, kSplit, kGcm, kGmac };
  static constexpr size_t kJobWayCount = kManagerKindCount;
  // What is measured when the first engine is made.
  struct Choice {
    std::array<Way, kModePairCount> ways{};  // by Expanded::mode_pair
    SplitBursts::Choice split;
  };

  // Jobs that are done the same way.
  struct Share {
    std::array<CryptoJob*, kMaxJobs> jobs;
    size_t count = 0;
    uint32_t longest_bytes = 0, shortest_bytes = UINT32_MAX;

    size_t push_alike(std::span<CryptoJob> from) noexcept;
    std::span<CryptoJob* const> all() const noexcept { return std::span(jobs).first(count); }
    static uint32_t bytes_of(const CryptoJob& job) noexcept { return job.cipher_bytes + job.auth_bytes; }
    // Where their lengths differ: lanes whose packets are done wait for the last one, so the longest are to begin.
    void put_longest_first() noexcept;
  };
  // Of what is not done at once; by Way.
  using Shares = std::array<Share, kJobWayCount + 1>;

  template <IMB_CIPHER_DIRECTION direction>
  void begin(std::span<CryptoJob> jobs, Shares& shares) noexcept;
  template <IMB_CIPHER_DIRECTION direction>
  size_t run_gcm(std::span<CryptoJob> jobs) noexcept;
  template <IMB_CIPHER_DIRECTION direction>
  void run_gmac(CryptoJob& job) noexcept;
  template <IMB_CIPHER_DIRECTION direction>
  static void fill(IMB_JOB& slot, const CryptoJob& job, uint8_t* nonce, uint8_t* tag) noexcept;
  static void fill_hash(IMB_JOB& slot, const CryptoJob& job) noexcept;
  template <IMB_CIPHER_DIRECTION direction>
  static void fill_combined(IMB_JOB& slot, const CryptoJob& job) noexcept;
  template <IMB_CIPHER_DIRECTION direction>
  void run_multi_buffer(IMB_MGR* manager, std::span<CryptoJob* const> jobs) noexcept;
  template <IMB_CIPHER_DIRECTION direction>
  void run(std::span<CryptoJob> jobs) noexcept;

  void protect(std::span<CryptoJob> jobs) noexcept;
  void verify(std::span<CryptoJob> jobs) noexcept;

  // crypto_choice.cpp
  void choose();
  void choose_ways();
  void choose_split();
  bool is_right(Way way, const KeySchedule& keys);
  uint64_t measure_jobs(IMB_MGR* manager, const KeySchedule& keys);
  uint64_t measure_split(const KeySchedule& keys, IMB_CIPHER_DIRECTION direction);
  void choose_kind(ManagerKind& place, const KeySchedule& keys, IMB_CIPHER_DIRECTION direction);

  OwnLibrary own_library;
  bool is_slowed_by_others = false;
  MultiBuffer library;             // GMAC, whose key tables depend on the kind, and random_ivs
  SplitBursts::Managers managers;  // null: not on this processor
  SplitBursts split{managers};
  Choice choice;
  alignas(16) std::array<uint8_t, kStreamRoundKeysBytes> stream_round_keys;  // of random_ivs
  uint64_t stream_position = 0;                                              // calls so far
};

}  // namespace spigrp
