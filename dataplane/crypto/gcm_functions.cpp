// See gcm_functions.h. A table holds powers of the hash key, each kind of manager its own selection; what the SSE kind
// writes has all that the AVX2 kind reads. Whether one kind's calls work with another's tables is tried, not believed,
// and so is which part of a table a packet needs.
#include "crypto/gcm_functions.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include <x86intrin.h>

#include "crypto/multi_buffer.h"
#include "state/prefetch.h"

namespace spigrp {

// What one kind of manager has.
struct GcmFunctions::Kind {
  std::array<Calls, kKeySizes> calls;
  std::array<KeyTables, kKeySizes> tables;

  explicit Kind(const IMB_MGR& manager)
      : calls{{{manager.gcm128_enc, manager.gcm128_dec},
               {manager.gcm192_enc, manager.gcm192_dec},
               {manager.gcm256_enc, manager.gcm256_dec}}},
        tables{manager.gcm128_pre, manager.gcm192_pre, manager.gcm256_pre} {}
};

namespace {

constexpr std::array<uint8_t, 32> kSampleKey{1, 2, 3, 4, 5, 6, 7, 8, 9};
constexpr size_t kSamplePackets = 16, kSampleStride = 2048, kTagBytes = 16;

// Packets to be encrypted, all with the same nonce, for measurements only.
class GcmSample {
 public:
  GcmSample() : bytes_(kSamplePackets * kSampleStride) {}

  // Encrypts `bytes` of each; returns TSC cycles, the least of a few tries, for the machine may be busy.
  uint64_t cycles(aes_gcm_enc_dec_t encrypt, const gcm_key_data& keys, uint32_t bytes) {
    constexpr int kTries = 12;
    uint64_t least = UINT64_MAX;
    for (int attempt = 0; attempt < kTries; ++attempt) {
      const uint64_t start = __rdtsc();
      for (size_t i = 0; i < kSamplePackets; ++i) run(encrypt, keys, bytes, &bytes_[i * kSampleStride]);
      least = std::min<uint64_t>(least, __rdtsc() - start);
    }
    return least;
  }

  // What comes of zeros, with the tag.
  std::vector<uint8_t> encrypted(aes_gcm_enc_dec_t encrypt, const gcm_key_data& keys, uint32_t bytes) {
    std::fill(bytes_.begin(), bytes_.end(), uint8_t{0});
    run(encrypt, keys, bytes, bytes_.data());
    return {bytes_.begin(), bytes_.begin() + bytes + kTagBytes};
  }

 private:
  static void run(aes_gcm_enc_dec_t encrypt, const gcm_key_data& keys, uint32_t bytes, uint8_t* text) {
    alignas(16) static constexpr std::array<uint8_t, 16> kNonce{7};
    gcm_context_data context;
    encrypt(&keys, &context, text, text, bytes, kNonce.data(), kNonce.data(), 8, text + bytes, kTagBytes);
  }

  std::vector<uint8_t> bytes_;
};

}  // namespace

// Whose tables, and whose calls for each size of packets.
struct GcmFunctions::Choice {
  size_t tables = 0;
  std::array<size_t, kClasses> calls{};
  uint64_t cycles = UINT64_MAX;  // of all sizes together

  // The best with these tables.
  static Choice with_tables(size_t maker, const std::vector<Kind>& kinds) {
    Choice choice{.tables = maker, .cycles = 0};
    GcmSample sample;
    gcm_key_data keys{}, own_keys{};
    kinds[maker].tables[0](kSampleKey.data(), &keys);
    for (size_t size_class = 0; size_class < kClasses; ++size_class) {
      const uint32_t bytes = kClassSamples[size_class];
      uint64_t best = UINT64_MAX;
      for (size_t kind = 0; kind < kinds.size(); ++kind) {
        const aes_gcm_enc_dec_t encrypt = kinds[kind].calls[0].encrypt;
        kinds[kind].tables[0](kSampleKey.data(), &own_keys);
        if (sample.encrypted(encrypt, keys, bytes) != sample.encrypted(encrypt, own_keys, bytes)) continue;
        const uint64_t cycles = sample.cycles(encrypt, keys, bytes);
        if (cycles >= best) continue;
        best = cycles;
        choice.calls[size_class] = kind;
      }
      choice.cycles += best;
    }
    return choice;
  }
};

GcmFunctions::GcmFunctions() {
  std::vector<Kind> kinds;
  for (size_t kind = 0; kind < kManagerKindCount; ++kind) {
    const MultiBuffer manager = make_multi_buffer(static_cast<ManagerKind>(kind));
    if (manager != nullptr) kinds.emplace_back(*manager);
  }
  if (kinds.empty()) kinds.emplace_back(*shared_multi_buffer());
  Choice best;
  for (size_t maker = 0; maker < kinds.size(); ++maker) {
    const Choice choice = Choice::with_tables(maker, kinds);
    if (choice.cycles < best.cycles) best = choice;
  }
  tables_ = kinds[best.tables].tables;
  for (size_t size_class = 0; size_class < kClasses; ++size_class) {
    static_assert(kClassBytes.back() / CallsBySize::kStep < CallsBySize::kSteps);
    for (size_t step = kClassBytes[size_class] / CallsBySize::kStep; step < CallsBySize::kSteps; ++step) {
      for (size_t key = 0; key < kKeySizes; ++key) {
        calls_[key].steps_[step] = kinds[best.calls[size_class]].calls[key];
      }
    }
  }
  find_lines();
}

// In rising order. What stands apart from the first row is all in the second, and what is between, too.
void GcmFunctions::Lines::add(size_t line) noexcept {
  const auto begin = static_cast<uint16_t>(line * kCacheLineBytes);
  const auto end = static_cast<uint16_t>(begin + kCacheLineBytes);
  const bool continues = rows_[0].end == 0 || (rows_[1].end == 0 && rows_[0].end == begin);
  Row& row = rows_[continues ? 0 : 1];
  if (row.end == 0) row.begin = begin;
  row.end = end;
}

bool GcmFunctions::Lines::has(size_t line) const noexcept {
  const size_t at = line * kCacheLineBytes;
  return std::any_of(rows_.begin(), rows_.end(), [at](const Row& row) { return row.begin <= at && at < row.end; });
}

// A line that is read is one without which something else comes out.
void GcmFunctions::find_lines() {
  constexpr size_t kLines = (sizeof(gcm_key_data) + kCacheLineBytes - 1) / kCacheLineBytes;
  GcmSample sample;
  for (size_t step = 0; step < kLineSteps; ++step) {
    const auto bytes = static_cast<uint32_t>((step + 1) * kLineStep - 1);
    for (size_t key = 0; key < kKeySizes; ++key) {
      gcm_key_data keys{};
      tables_[key](kSampleKey.data(), &keys);
      const auto right = sample.encrypted(calls(key).of(bytes).encrypt, keys, bytes);
      for (size_t line = 0; line < kLines; ++line) {
        gcm_key_data spoilt = keys;
        auto* start = reinterpret_cast<uint8_t*>(&spoilt) + line * kCacheLineBytes;
        const size_t size = std::min(kCacheLineBytes, sizeof(spoilt) - line * kCacheLineBytes);
        std::for_each(start, start + size, [](uint8_t& byte) { byte = static_cast<uint8_t>(~byte); });
        if (sample.encrypted(calls(key).of(bytes).encrypt, spoilt, bytes) != right) lines_[step][key].add(line);
      }
    }
  }
}

const GcmFunctions& GcmFunctions::fastest() {
  static const GcmFunctions kFastest;
  return kFastest;
}

void GcmFunctions::expand(std::span<const uint8_t> key, gcm_key_data& out) const noexcept {
  tables_[index_of(key.size())](key.data(), &out);
}

}  // namespace spigrp
