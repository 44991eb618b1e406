// Hostile streams: what IPComp inflates. The first two bytes are the limit. What comes out must keep to it, and must be
// the same after it has been compressed again.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "transform/deflate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using spigrp::Deflate;
  static Deflate deflate;
  if (size < 2) return 0;
  const size_t limit_bytes = data[0] * size_t{256} + data[1];
  // Exactly as long as the stream, so that AddressSanitizer sees the first byte that is read beyond it.
  const size_t stream_bytes = size - 2;
  const std::unique_ptr<uint8_t[]> stream(new uint8_t[stream_bytes]);
  std::copy(data + 2, data + size, stream.get());
  const Deflate::Inflated inflated = deflate.inflate({stream.get(), stream_bytes}, limit_bytes);
  if (inflated.outcome != Deflate::Outcome::kWhole || inflated.plain.empty()) return 0;
  if (inflated.plain.size() > limit_bytes) abort();
  const std::vector<uint8_t> plain(inflated.plain.begin(), inflated.plain.end());
  const auto compressed = deflate.compress(plain, Deflate::kMostBytes);
  if (compressed.empty()) return 0;  // too little to gain
  const std::vector<uint8_t> again(compressed.begin(), compressed.end());
  const Deflate::Inflated back = deflate.inflate(again, plain.size());
  if (back.outcome != Deflate::Outcome::kWhole || !std::ranges::equal(back.plain, plain)) abort();
  return 0;
}
