// GcmFunctions: what is said to be read of a key table is what is read of it.
#include "crypto/gcm_functions.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <span>
#include <vector>

#include "support/runner.h"

namespace spigrp {
namespace {

constexpr size_t kLineBytes = 64;

// What comes of a packet with a table of which only those lines are left.
std::vector<uint8_t> sealed_with(uint32_t lines, size_t key_bytes, uint32_t bytes) {
  const GcmFunctions& gcm = GcmFunctions::fastest();
  const std::array<uint8_t, 32> key{7, 1, 3};
  gcm_key_data all{}, left{};
  gcm.expand(std::span(key).first(key_bytes), all);
  for (size_t line = 0; line * kLineBytes < sizeof(all); ++line) {
    const auto line_of = [line](gcm_key_data& table) { return reinterpret_cast<uint8_t*>(&table) + line * kLineBytes; };
    const size_t size = std::min(kLineBytes, sizeof(all) - line * kLineBytes);
    if ((lines >> line & 1) != 0) std::memcpy(line_of(left), line_of(all), size);
  }
  alignas(16) std::array<uint8_t, 16> nonce{9};
  std::vector<uint8_t> text(bytes + 16);
  gcm_context_data context;
  gcm.calls(GcmFunctions::index_of(key_bytes))
      .of(bytes)
      .encrypt(&left, &context, text.data(), text.data(), bytes, nonce.data(), nonce.data(), 12, text.data() + bytes,
               16);
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(gcm_functions)

BOOST_AUTO_TEST_CASE(a_packet_needs_the_lines_that_are_said_and_hardly_any_others) {
  for (const size_t key_bytes : {16, 24, 32}) {
    for (const uint32_t bytes : {20u, 82u, 127u, 128u, 383u, 500u, 895u, 896u, 1438u, 9000u}) {
      const auto& said = GcmFunctions::fastest().lines(GcmFunctions::index_of(key_bytes), bytes);
      uint32_t lines = 0;
      for (uint32_t line = 0; line < 32; ++line) lines |= uint32_t{said.has(line)} << line;
      const auto right = sealed_with(UINT32_MAX, key_bytes, bytes);
      BOOST_TEST(std::popcount(lines) >= 3, "round keys alone are three");
      BOOST_TEST(sealed_with(lines, key_bytes, bytes) == right, key_bytes << " bytes of key, " << bytes << " of text");
      unsigned needless = 0;
      for (uint32_t left = lines; left != 0; left &= left - 1) {
        const uint32_t others = lines & ~(left & (0 - left));
        needless += sealed_with(others, key_bytes, bytes) == right;
      }
      // Packets of 128 bytes and their like share what the longest of them needs.
      // Lines between two rows of them are fetched as well: ipsec-mb 2.0 has some, 1.3 none.
      const unsigned most = IMB_VERSION_NUM >= IMB_VERSION(2, 0, 0) ? 5 : 0;
      if ((bytes + 1) % 128 == 0) {
        BOOST_TEST(needless <= most, needless << " of " << key_bytes << " bytes of key, " << bytes << " of text");
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
