// How a CryptoEngine does each algorithm's jobs: measured when the first one is made. See crypto_engine_state.h.
#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <utility>
#include <vector>

#include <x86intrin.h>

#include "crypto/crypto_engine_state.h"

namespace spigrp {
namespace {

// GCM and GMAC: one packet at a time is as fast as it gets.
bool goes_direct(const Algorithm& algorithm) noexcept {
  const Cipher* cipher = algorithm.cipher;
  return cipher != nullptr && (cipher->mode == CipherMode::kAesGcm || cipher->mode == CipherMode::kAesGmac);
}

// Packets under one key, to be measured and compared: 8 bytes of header, IV, text, ICV.
class Sample {
 public:
  Sample(const KeySchedule& keys, size_t count, uint32_t text_bytes)
      : Sample(keys, std::vector<uint32_t>(count, text_bytes)) {}
  // More packets than any manager has lanes, of several lengths, each with bytes of its own.
  static Sample mixed(const KeySchedule& keys) {
    std::vector<uint32_t> text_bytes;
    for (uint32_t i = 0; i < 19; ++i) text_bytes.push_back(16 * (1 + i % 3));
    Sample sample(keys, text_bytes);
    uint32_t state = 1;
    for (std::vector<uint8_t>& packet : sample.packets_) {
      for (uint8_t& byte : packet) byte = static_cast<uint8_t>((state = state * 1664525 + 1013904223) >> 24);
    }
    return sample;
  }

  std::span<CryptoJob> jobs() noexcept { return jobs_; }
  // In front of where the ICVs go.
  bool has_text_of(const Sample& other) const noexcept {
    for (size_t i = 0; i < jobs_.size(); ++i) {
      const auto bytes = static_cast<size_t>(jobs_[i].icv - packets_[i].data());
      if (std::memcmp(packets_[i].data(), other.packets_[i].data(), bytes) != 0) return false;
    }
    return true;
  }
  bool operator==(const Sample& other) const { return packets_ == other.packets_; }

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
  Sample(const KeySchedule& keys, const std::vector<uint32_t>& text_bytes)
      : packets_(text_bytes.size()), jobs_(text_bytes.size()) {
    const Algorithm& algorithm = keys.algorithm();
    const uint32_t head_bytes = 8u + algorithm.iv_bytes();
    const bool combined = algorithm.cipher != nullptr && algorithm.cipher->is_combined();
    const bool ciphers = algorithm.cipher != nullptr && algorithm.cipher->mode != CipherMode::kNull;
    for (size_t i = 0; i < jobs_.size(); ++i) {
      packets_[i].resize(head_bytes + text_bytes[i] + kMaxIcvBytes);
      uint8_t* start = packets_[i].data();
      jobs_[i] = {.keys = keys.expanded(),
                  .cipher_start = start + head_bytes,
                  .cipher_bytes = ciphers ? text_bytes[i] : 0,
                  .iv = start + 8,
                  .auth_start = start,
                  .auth_bytes = combined ? 8u : head_bytes + text_bytes[i],
                  .icv = start + head_bytes + text_bytes[i],
                  .ok = false};
    }
  }

  std::vector<std::vector<uint8_t>> packets_;
  std::vector<CryptoJob> jobs_;  // over packets_, whose bytes stay where they are
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

constexpr uint32_t kMeasuredBytes = 512;  // of middling size

}  // namespace

uint64_t CryptoEngine::State::measure_jobs(IMB_MGR* manager, const KeySchedule& keys) {
  return cycles_per_packet(keys, kMeasuredBytes, [&](std::span<CryptoJob> jobs) {
    Share share;
    share.push_alike(jobs);
    run_multi_buffer<IMB_DIR_ENCRYPT>(manager, share.all());
  });
}

uint64_t CryptoEngine::State::measure_split(const KeySchedule& keys, IMB_CIPHER_DIRECTION direction) {
  return cycles_per_packet(keys, kMeasuredBytes, [&](std::span<CryptoJob> jobs) {
    Share share;
    share.push_alike(jobs);
    direction == IMB_DIR_ENCRYPT ? split.protect(share.all()) : split.verify(share.all());
  });
}

void CryptoEngine::State::choose() {
  choose_split();
  choose_ways();
}

// Puts the kind of manager that is fastest into `place` of choice.split, for an algorithm that uses no other place.
void CryptoEngine::State::choose_kind(ManagerKind& place, const KeySchedule& keys, IMB_CIPHER_DIRECTION direction) {
  ManagerKind fastest = ManagerKind::kSse;
  uint64_t best = UINT64_MAX;
  for (size_t kind = 0; kind < managers.size(); ++kind) {
    if (managers[kind] == nullptr) continue;
    place = static_cast<ManagerKind>(kind);
    split.use(choice.split);
    const uint64_t cycles = measure_split(keys, direction);
    if (cycles >= best) continue;
    best = cycles;
    fastest = place;
  }
  place = fastest;
  split.use(choice.split);
}

// By the algorithms that only encrypt, and those that only authenticate.
void CryptoEngine::State::choose_split() {
  for (const AlgorithmRow& row : list_algorithms()) {
    if (!SplitBursts::takes(row.algorithm)) continue;
    const auto keys = KeySchedule::sample(row.algorithm);
    if (!keys) continue;
    const uint8_t cipher = cipher_index_of(row.algorithm), hash = hash_index_of(row.algorithm);
    if (hash == kNoIndex) {
      choose_kind(choice.split.encrypt[cipher], *keys, IMB_DIR_ENCRYPT);
      choose_kind(choice.split.decrypt[cipher], *keys, IMB_DIR_DECRYPT);
    } else if (row.algorithm.cipher == nullptr) {
      choose_kind(choice.split.hash[hash], *keys, IMB_DIR_ENCRYPT);
    }
  }
}

// One algorithm of each pair of modes; the size of its key matters little.
void CryptoEngine::State::choose_ways() {
  std::set<uint8_t> measured;
  for (const AlgorithmRow& row : list_algorithms()) {
    const uint8_t pair = mode_pair_of(row.algorithm);
    if (goes_direct(row.algorithm)) {
      choice.ways[pair] = row.algorithm.cipher->mode == CipherMode::kAesGcm ? Way::kGcm : Way::kGmac;
      continue;
    }
    if (row.protocol == "ah" || !measured.insert(pair).second) continue;
    const auto keys = KeySchedule::sample(row.algorithm);
    if (!keys) continue;
    std::vector<std::pair<uint64_t, Way>> candidates;
    if (SplitBursts::takes(row.algorithm)) {
      candidates.emplace_back(measure_split(*keys, IMB_DIR_ENCRYPT), Way::kSplit);
    }
    for (size_t kind = 0; kind < managers.size(); ++kind) {
      if (managers[kind] == nullptr) continue;
      candidates.emplace_back(measure_jobs(managers[kind].get(), *keys), static_cast<Way>(kind));
    }
    std::sort(candidates.begin(), candidates.end());
    const auto fastest = std::find_if(candidates.begin(), candidates.end(),
                                      [&](const auto& candidate) { return is_right(candidate.second, *keys); });
    if (fastest != candidates.end()) choice.ways[pair] = fastest->second;
  }
}

// Whether it makes of a burst what the simplest way makes of each packet by itself, and takes it back. What does not is
// of no use however fast it is: the 3DES of ipsec-mb 2.0.0 for AVX-512 puts packets into each other's places.
bool CryptoEngine::State::is_right(Way way, const KeySchedule& keys) {
  Way& used = choice.ways[mode_pair_of(keys.algorithm())];
  const Way before = std::exchange(used, Way::kSseJobs);
  Sample wanted = Sample::mixed(keys), sample = Sample::mixed(keys);
  for (CryptoJob& job : wanted.jobs()) protect({&job, 1});
  used = way;
  protect(sample.jobs());
  bool is_right = sample == wanted;
  verify(sample.jobs());
  for (const CryptoJob& job : sample.jobs()) is_right = is_right && job.ok;
  used = before;
  return is_right && sample.has_text_of(Sample::mixed(keys));
}

uint32_t CryptoEngine::cycles_per_kilobyte(const KeySchedule& keys) {
  return static_cast<uint32_t>(cycles_per_packet(keys, 1024, [this](std::span<CryptoJob> jobs) { protect(jobs); }));
}

}  // namespace spigrp
