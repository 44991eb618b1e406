// SaTally: the SAs that one burst holds, each once, in a table on the worker's stack. What every packet of an SA needs
// from a field that workers share, numbers and counters, is taken and given back with one atomic add an SA and burst,
// however the SAs' packets are mixed.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "packet/burst.h"
#include "sa/sa.h"
#include "transform/worker_context.h"

namespace spigrp {

class SaTally {
 public:
  struct Row {
    Sa* sa;
    uint32_t admitted;  // packets that the step has begun with
    uint32_t packets;   // of these, that it has finished
    uint64_t bytes;     // of the packets finished
    uint64_t admitted_bytes;
    uint64_t next_sequence;  // the first number reserved that no packet has yet
    uint64_t numbers_left;
    bool charged;  // all of it has been taken from the SA's lifetime, or that is without end
    uint16_t next_identification;
    uint64_t compressed_bytes;  // comp: of the packets finished, on the compressed side
  };

  SaTally() noexcept { places_.fill(kNoRow); }

  // The number of the SA's row; at most kBurstCapacity different SAs.
  uint8_t row_of(Sa* sa) noexcept {
    if (count_ > 0 && rows_[last_].sa == sa) return last_;  // packets of one flow come in runs
    size_t place = hash(sa);
    while (places_[place] != kNoRow && rows_[places_[place]].sa != sa) place = (place + 1) % places_.size();
    if (places_[place] == kNoRow) {
      places_[place] = count_;
      rows_[count_++] = {.sa = sa};
    }
    return last_ = places_[place];
  }

  Row& row(uint8_t number) noexcept { return rows_[number]; }
  Row* begin() noexcept { return rows_.data(); }
  Row* end() noexcept { return rows_.data() + count_; }

  // Adds what has been finished to the SAs' counters.
  void note_uses(const WorkerContext& context) noexcept {
    for (const Row& row : *this) {
      if (row.packets == 0) continue;
      context.note_use(*row.sa, row.packets, row.bytes, row.sa->lifetime != nullptr);
    }
  }

 private:
  static constexpr uint8_t kNoRow = 0xff;
  static constexpr size_t kPlaces = 128;  // as many as hash() has values
  static_assert(kPlaces / 2 == kBurstCapacity);

  static size_t hash(const Sa* sa) noexcept {
    return reinterpret_cast<uintptr_t>(sa) * 0x9e3779b97f4a7c15u >> 57;  // 7 bits
  }

  std::array<uint8_t, kPlaces> places_;  // open addressing: row numbers
  std::array<Row, kBurstCapacity> rows_;
  uint8_t count_ = 0;
  uint8_t last_ = 0;
};

}  // namespace spigrp
