// Deflate: raw DEFLATE (RFC 1951) of one payload at a time, as IPComp has it (RFC 2394): each stream begins anew and is
// whole. One thread's own. All its memory is taken when it is made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace spigrp {

class Deflate {
 public:
  static constexpr size_t kMostBytes = 65535;  // that are compressed or inflated at once

  Deflate();
  ~Deflate();
  Deflate(const Deflate&) = delete;
  Deflate& operator=(const Deflate&) = delete;

  // What it returns lies in this object until the next call.

  // The stream of 1 … kMostBytes bytes, or nothing where it would be longer than `limit_bytes`.
  std::span<const uint8_t> compress(std::span<const uint8_t> plain, size_t limit_bytes) noexcept;

  enum class Outcome : uint8_t {
    kWhole,
    kCorrupt,  // not DEFLATE, cut short, or followed by something
    kTooLong,  // for the limit; how long is not looked for
  };
  struct Inflated {
    Outcome outcome;
    std::span<const uint8_t> plain;  // kWhole only
  };
  // What exactly this one stream holds; at most limit_bytes (up to kMostBytes) are made of it, whatever it says.
  Inflated inflate(std::span<const uint8_t> stream, size_t limit_bytes) noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace spigrp
