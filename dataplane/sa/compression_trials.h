// CompressionTrials: whether it is worth trying to compress an SA's next packet (RFC 3173 section 2.2 asks for such a
// rule). Traffic that is compressed or encrypted already fails again and again; after some failures in a row packets
// are skipped, twice as many after each further failure, up to a limit; the first success ends that.
//
// Workers that send on one SA share it without locked instructions: a count may be lost among them, which moves the
// next trial and nothing else.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace spigrp {

class CompressionTrials {
 public:
  static constexpr uint16_t kFailuresInRow = 4;                      // that are forgiven
  static constexpr uint16_t kFirstSkipped = 8, kMostSkipped = 1024;  // packets

  // Asked once for each packet that could be compressed.
  bool worth_trying() noexcept {
    const uint16_t left = to_skip_.load(std::memory_order_relaxed);
    if (left == 0) return true;
    to_skip_.store(static_cast<uint16_t>(left - 1), std::memory_order_relaxed);
    return false;
  }

  void note_success() noexcept {
    if (failures_.load(std::memory_order_relaxed) != 0) failures_.store(0, std::memory_order_relaxed);
    if (skipped_.load(std::memory_order_relaxed) != 0) skipped_.store(0, std::memory_order_relaxed);
  }

  void note_failure() noexcept {
    const auto failures = static_cast<uint16_t>(failures_.load(std::memory_order_relaxed) + 1);
    if (failures < kFailuresInRow) return failures_.store(failures, std::memory_order_relaxed);
    const uint16_t before = skipped_.load(std::memory_order_relaxed);
    const uint16_t now =
        before == 0 ? kFirstSkipped : std::min<uint16_t>(kMostSkipped, static_cast<uint16_t>(2 * before));
    skipped_.store(now, std::memory_order_relaxed);
    to_skip_.store(now, std::memory_order_relaxed);
  }

 private:
  // worker: rw
  std::atomic<uint16_t> failures_{0};  // in a row, as far as they are forgiven
  std::atomic<uint16_t> skipped_{0};   // after the newest failure; 0: none
  std::atomic<uint16_t> to_skip_{0};   // of these, still to come
};

}  // namespace spigrp
