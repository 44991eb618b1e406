// ReplayWindow: anti-replay (RFC 4303 section 3.4.3) for 0 … 4096 packets, for any number of workers at once, without
// locks. A ring of words holds 32 sequence numbers each, together with a tag that says which block of the number space
// the word stands for; one compare-and-swap sets a bit and claims the word, so a number is accepted exactly once.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "state/prefetch.h"
#include "state/writers.h"

namespace spigrp {

enum class ReplayVerdict : uint8_t { kFresh, kReplayed, kOutside };

class ReplayWindow {
 public:
  // `packets` 0 … 4096; 0 accepts everything. `highest`: begins as if every number up to it had been seen.
  explicit ReplayWindow(uint16_t packets, uint64_t highest = 0);
  // control, before a worker has it: begins behind `highest`, if it did not begin further on.
  void begin_behind(uint64_t highest) noexcept;

  // worker: into the cache; the window itself has been fetched
  void prefetch() const noexcept { prefetch_near(words_.get()); }
  // worker: before decryption: would it be accepted now? Changes nothing.
  ReplayVerdict check(uint64_t sequence) const noexcept {
    return is_ahead(sequence) ? ReplayVerdict::kFresh : check_behind(sequence);
  }
  // worker: after authentication, per packet and in order: accepts a number once and moves the window.
  ReplayVerdict check_and_advance(uint64_t sequence, Writers writers = Writers::kMany) noexcept {
    if (writers == Writers::kOne && is_ahead(sequence) && packets_ != 0) [[likely]] {
      put_ahead(sequence);
      return ReplayVerdict::kFresh;
    }
    return check_and_advance_any(sequence, writers);
  }
  // worker: a number behind which nothing has come yet
  bool is_ahead(uint64_t sequence) const noexcept { return sequence > highest(); }
  // worker: the same for `count` numbers in a row, from one on that was ahead of all others when it was looked at, with
  // one compare-and-swap for each 32 of them. Returns how many it has accepted, from the first on; the next one has to
  // be asked for by itself.
  uint32_t advance_row(uint64_t first, uint32_t count, Writers writers = Writers::kMany) noexcept;

  // worker: the extended number that the low 32 bits on the wire stand for, by where the window is now (RFC 4303
  // appendix A2.2). 0, which is outside of every window, where it would lie before the first. It is right only if the
  // ICV says so.
  uint64_t extended(uint32_t low) const noexcept { return extended(low, highest()); }
  // By where it was when `newest` was the highest().
  uint64_t extended(uint32_t low, uint64_t newest) const noexcept;

  uint16_t packets() const noexcept { return packets_; }
  uint64_t highest() const noexcept { return highest_.load(std::memory_order_relaxed); }
  // control: the newest 64 numbers as bits, lowest bit the highest number (for the listing)
  uint64_t newest_bits() const noexcept;

 private:
  static constexpr uint64_t kBlockBits = 5;  // 32 numbers a word

  struct Place {
    uint32_t word;
    uint32_t tag;
    uint32_t bit;
  };
  Place place_of(uint64_t sequence) const noexcept {
    const uint64_t block = sequence >> kBlockBits;
    return {static_cast<uint32_t>(block) & word_mask_, static_cast<uint32_t>(block >> word_bits_),
            uint32_t{1} << (sequence & 31)};
  }
  // The only writer: a number ahead of all others. Its word is of its block, or of one before.
  void put_ahead(uint64_t sequence) noexcept {
    const Place place = place_of(sequence);
    std::atomic<uint64_t>& slot = words_[place.word];
    const uint64_t word = slot.load(std::memory_order_relaxed);
    const uint64_t begun = word >> 32 == place.tag ? word : uint64_t{place.tag} << 32;
    slot.store(begun | place.bit, std::memory_order_relaxed);
    highest_.store(sequence, std::memory_order_relaxed);
  }
  ReplayVerdict check_and_advance_any(uint64_t sequence, Writers writers) noexcept;
  void close_up_to(uint64_t highest) noexcept;
  void raise_highest(uint64_t sequence, Writers writers) noexcept;
  bool is_behind(uint64_t sequence) const noexcept;
  ReplayVerdict check_behind(uint64_t sequence) const noexcept;
  bool seen(uint64_t sequence) const noexcept;

  uint16_t packets_;
  uint8_t word_bits_;                               // words are a power of two, of this exponent
  uint32_t word_mask_;                              // words − 1
  std::unique_ptr<std::atomic<uint64_t>[]> words_;  // worker: rw; high half the tag, low half 32 numbers
  std::atomic<uint64_t> highest_;                   // worker: rw, control: ro
};

}  // namespace spigrp
