// GcmFunctions: ipsec-mb's direct GCM calls, those of the manager that is the fastest here for packets of each size,
// and the key tables that they share. Small packets and large ones need not be the same manager's. For the crypto room.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <intel-ipsec-mb.h>

#include "state/prefetch.h"

namespace spigrp {

class GcmFunctions {
 public:
  // Measured when it is first asked for, which takes some milliseconds. The library runs on this processor.
  static const GcmFunctions& fastest();

  struct Calls {
    aes_gcm_enc_dec_t encrypt, decrypt;
  };
  // Those for keys of one size.
  class CallsBySize {
   public:
    // `bytes`: to be encrypted.
    const Calls& of(uint32_t bytes) const noexcept { return steps_[std::min<size_t>(bytes / kStep, kSteps - 1)]; }

   private:
    friend class GcmFunctions;
    static constexpr size_t kStep = 64, kSteps = 16;  // bytes of a packet; the last step is without end
    std::array<Calls, kSteps> steps_{};
  };
  // `key_index`: index_of() its size.
  const CallsBySize& calls(size_t key_index) const noexcept { return calls_[key_index]; }
  // Which cache lines of a table they read then.
  class Lines {
   public:
    void add(size_t line) noexcept;
    void prefetch(const uint8_t* table) const noexcept {
      for (const Row& row : rows_) {
        for (size_t at = row.begin; at < row.end; at += kCacheLineBytes) prefetch_near(table + at);
      }
    }
    bool has(size_t line) const noexcept;

   private:
    // Bytes from the table's beginning. Round keys stand together, and so do the powers of the hash key.
    struct Row {
      uint16_t begin, end;
    };
    std::array<Row, 2> rows_{};
  };
  const Lines& lines(size_t key_index, uint32_t bytes) const noexcept {
    return lines_[std::min<size_t>(bytes / kLineStep, kLineSteps - 1)][key_index];
  }
  // 16, 24 or 32 bytes.
  static constexpr uint8_t index_of(size_t key_bytes) noexcept { return static_cast<uint8_t>(key_bytes / 8 - 2); }

  // The tables that all calls take.
  void expand(std::span<const uint8_t> key, gcm_key_data& out) const noexcept;

 private:
  static constexpr size_t kClasses = 4, kKeySizes = 3;
  static constexpr std::array<uint32_t, kClasses> kClassBytes{0, 128, 320, 896};      // from where on each is
  static constexpr std::array<uint32_t, kClasses> kClassSamples{68, 196, 516, 1424};  // what is measured for each
  // Every block of a packet has a power of the hash key, up to 48 of them.
  static constexpr size_t kLineStep = 128, kLineSteps = 8;  // bytes of a packet; the last step is without end

  using KeyTables = aes_gcm_pre_t;
  struct Kind;
  struct Choice;

  GcmFunctions();
  void find_lines();

  std::array<CallsBySize, kKeySizes> calls_{};
  std::array<std::array<Lines, kKeySizes>, kLineSteps> lines_{};
  std::array<KeyTables, kKeySizes> tables_{};
};

}  // namespace spigrp
