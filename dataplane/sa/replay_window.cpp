// See replay_window.h. Layout of a word: bits 63…32 the tag, bits 31…0 the numbers of one block of 32.
#include "sa/replay_window.h"

#include <algorithm>
#include <bit>

namespace spigrp {
namespace {

// One word more than the window needs, so that a number within the window never shares a word with one beyond it.
uint32_t word_count(uint16_t packets) {
  return std::bit_ceil((packets + 31u) / 32u + 1u);
}

uint32_t tag_of(uint64_t word) noexcept {
  return static_cast<uint32_t>(word >> 32);
}

// Tags wrap after 2^32 rounds of the ring; the newer of two is less than half of that ahead.
bool newer(uint32_t tag, uint32_t than) noexcept {
  return static_cast<int32_t>(tag - than) > 0;
}

}  // namespace

ReplayWindow::ReplayWindow(uint16_t packets, uint64_t highest)
    : packets_(packets),
      word_bits_(static_cast<uint8_t>(std::countr_zero(word_count(packets)))),
      word_mask_(word_count(packets) - 1),
      highest_(highest) {
  if (packets_ == 0) return;
  words_ = std::make_unique<std::atomic<uint64_t>[]>(word_mask_ + 1);
  close_up_to(highest);
}

void ReplayWindow::begin_behind(uint64_t highest) noexcept {
  if (highest <= this->highest()) return;
  highest_.store(highest, std::memory_order_relaxed);
  if (packets_ != 0) close_up_to(highest);
}

// All words, so that nothing of them is left.
void ReplayWindow::close_up_to(uint64_t highest) noexcept {
  const uint64_t newest_block = highest >> kBlockBits;
  for (uint64_t back = 0; back <= std::min<uint64_t>(word_mask_, newest_block); ++back) {
    const Place place = place_of((newest_block - back) << kBlockBits);
    const uint32_t seen = back > 0 ? UINT32_MAX : UINT32_MAX >> (31 - (highest & 31));
    words_[place.word].store(uint64_t{place.tag} << 32 | seen, std::memory_order_relaxed);
  }
}

// Zero is no number; it lies behind every window.
bool ReplayWindow::is_behind(uint64_t sequence) const noexcept {
  const uint64_t newest = highest();
  return sequence == 0 || (sequence <= newest && newest - sequence >= packets_);
}

ReplayVerdict ReplayWindow::check_behind(uint64_t sequence) const noexcept {
  if (packets_ == 0) return ReplayVerdict::kFresh;
  if (is_behind(sequence)) return ReplayVerdict::kOutside;
  const Place place = place_of(sequence);
  const uint64_t word = words_[place.word].load(std::memory_order_relaxed);
  if (newer(tag_of(word), place.tag)) return ReplayVerdict::kOutside;
  return tag_of(word) == place.tag && (word & place.bit) != 0 ? ReplayVerdict::kReplayed : ReplayVerdict::kFresh;
}

ReplayVerdict ReplayWindow::check_and_advance_any(uint64_t sequence, Writers writers) noexcept {
  if (packets_ == 0) {
    raise_highest(sequence, writers);
    return ReplayVerdict::kFresh;
  }
  if (is_behind(sequence)) return ReplayVerdict::kOutside;
  const Place place = place_of(sequence);
  std::atomic<uint64_t>& slot = words_[place.word];
  if (writers == Writers::kMany) prefetch_to_write(&slot);
  uint64_t word = slot.load(std::memory_order_relaxed);
  uint64_t wanted;
  do {
    if (newer(tag_of(word), place.tag)) return ReplayVerdict::kOutside;
    if (tag_of(word) == place.tag) {
      if ((word & place.bit) != 0) return ReplayVerdict::kReplayed;
      wanted = word | place.bit;
    } else {
      wanted = uint64_t{place.tag} << 32 | place.bit;  // the window has moved on: the word begins a new block
    }
  } while (!put_instead(slot, word, wanted, writers));
  raise_highest(sequence, writers);
  return ReplayVerdict::kFresh;
}

uint32_t ReplayWindow::advance_row(uint64_t first, uint32_t count, Writers writers) noexcept {
  const uint64_t end = first + count;
  uint64_t next = first;
  while (next < end && packets_ != 0) {
    const uint64_t of_block = std::min(end - next, 32 - (next & 31));
    const Place place = place_of(next);
    const auto bits = static_cast<uint32_t>(((uint64_t{1} << of_block) - 1) << (next & 31));
    std::atomic<uint64_t>& slot = words_[place.word];
    if (writers == Writers::kMany) prefetch_to_write(&slot);
    uint64_t word = slot.load(std::memory_order_relaxed);
    uint64_t wanted;
    bool is_free;
    do {
      const bool is_begun = tag_of(word) == place.tag;
      is_free = is_begun ? (word & bits) == 0 : !newer(tag_of(word), place.tag);
      wanted = (is_begun ? word : uint64_t{place.tag} << 32) | bits;
    } while (is_free && !put_instead(slot, word, wanted, writers));
    if (!is_free) break;  // another worker has some of them
    next += of_block;
  }
  if (packets_ == 0) next = end;
  if (next > first) raise_highest(next - 1, writers);
  return static_cast<uint32_t>(next - first);
}

uint64_t ReplayWindow::extended(uint32_t low, uint64_t newest) const noexcept {
  const auto newest_low = static_cast<uint32_t>(newest);
  const uint64_t upper = newest >> 32;
  const uint32_t behind = packets_ > 0 ? packets_ - 1u : 0;  // how far the window reaches back
  const uint32_t oldest_low = newest_low - behind;           // of the window, around 2^32
  if (newest_low >= behind) {                                // case A: the window lies within one subspace
    if (low >= oldest_low) return upper << 32 | low;
    return upper == UINT32_MAX ? 0 : (upper + 1) << 32 | low;
  }
  if (low < oldest_low) return upper << 32 | low;  // case B: it begins in the one before
  return upper == 0 ? 0 : (upper - 1) << 32 | low;
}

void ReplayWindow::raise_highest(uint64_t sequence, Writers writers) noexcept {
  if (writers == Writers::kMany) prefetch_to_write(&highest_);
  uint64_t highest = highest_.load(std::memory_order_relaxed);
  while (highest < sequence && !put_instead(highest_, highest, sequence, writers)) {
  }
}

bool ReplayWindow::seen(uint64_t sequence) const noexcept {
  const Place place = place_of(sequence);
  const uint64_t word = words_[place.word].load(std::memory_order_relaxed);
  return tag_of(word) == place.tag && (word & place.bit) != 0;
}

uint64_t ReplayWindow::newest_bits() const noexcept {
  if (packets_ == 0) return 0;
  const uint64_t newest = highest();
  uint64_t bits = 0;
  for (uint64_t distance = 0; distance < 64 && distance < newest; ++distance) {
    if (seen(newest - distance)) bits |= uint64_t{1} << distance;
  }
  return bits;
}

}  // namespace spigrp
