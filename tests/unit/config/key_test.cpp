// Keys: the two ways to write them, what is refused without being repeated, and that their memory is wiped.
#include "config/key.h"

#include <array>
#include <cstdlib>
#include <new>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "error_text.h"

namespace spigrp {

using test::error_text;
using test::holds;

BOOST_AUTO_TEST_SUITE(key)

// RFC 4648 section 10 has the base64 of "f", "fo" … "foobar".
BOOST_AUTO_TEST_CASE(keys_are_hexadecimal_or_base64) {
  const struct {
    std::string_view typed, hex;
  } cases[] = {
      {"0x00", "0x00"},
      {"0X0aF9", "0x0af9"},
      {"0x0123_4567_89ab", "0x0123456789ab"},
      {"0x0_1", "0x01"},
      {"0sZg==", "0x66"},
      {"0sZg", "0x66"},
      {"0sZm8=", "0x666f"},
      {"0sZm8", "0x666f"},
      {"0sZm9v", "0x666f6f"},
      {"0SZm9vYg==", "0x666f6f62"},
      {"0sZm9vYmE=", "0x666f6f6261"},
      {"0sZm9vYmFy", "0x666f6f626172"},
      {"0s+/+/", "0xfbffbf"},
      {"0sAAAA", "0x000000"},
  };
  for (const auto& [typed, hex] : cases) {
    const auto key = parse_key(typed);
    BOOST_REQUIRE_MESSAGE(key.has_value(), typed << ": " << error_text(key));
    BOOST_TEST(key->to_hex() == hex);
    BOOST_TEST(key->size() == (hex.size() - 2) / 2);
    BOOST_TEST((parse_key(hex).value() == *key));
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_key_is_refused_with_the_reason) {
  const struct {
    std::string_view typed, reason;
  } cases[] = {
      {"", "begins with neither 0x nor 0s"},
      {"deadbeef", "begins with neither 0x nor 0s"},
      {" 0xdeadbeef", "begins with neither 0x nor 0s"},
      {"0x", "has no digits"},
      {"0xdea", "odd number"},
      {"0xdeadbeeg", "other than hexadecimal"},
      {"0xdead beef", "other than hexadecimal"},
      {"0x_dead", "other than hexadecimal"},
      {"0xde__ad", "other than hexadecimal"},
      {"0xdead_", "ends in '_'"},
      {"0xdeadbeef\n", "other than hexadecimal"},
      {"0s", "has no digits"},
      {"0s====", "other than base64"},
      {"0sZ", "cut short"},
      {"0sZ===", "other than base64"},
      {"0sZh==", "cut short"},  // bits left over that are not zero
      {"0sZm9=", "cut short"},
      {"0sZg=", "other than base64"},
      {"0sZm9v=", "other than base64"},
      {"0sZm9vYg==Zg==", "other than base64"},
      {"0sZm9-", "other than base64"},
      {"0sZm 9v", "other than base64"},
  };
  for (const auto& [typed, reason] : cases) {
    const auto key = parse_key(typed);
    BOOST_REQUIRE_MESSAGE(!key.has_value(), typed << " was taken");
    BOOST_TEST(holds(error_text(key), reason), typed << ": " << error_text(key));
  }
}

BOOST_AUTO_TEST_CASE(keys_up_to_256_bytes_are_taken) {
  BOOST_TEST(parse_key("0x" + std::string(512, 'a'))->size() == kMaxKeyBytes);
  BOOST_TEST(error_text(parse_key("0x" + std::string(514, 'a'))) == "key: longer than 256 bytes");
  BOOST_TEST(parse_key("0s" + std::string(340, 'A') + "AA==")->size() == kMaxKeyBytes);
  BOOST_TEST(error_text(parse_key("0s" + std::string(344, 'A'))) == "key: longer than 256 bytes");
}

BOOST_AUTO_TEST_CASE(an_error_never_repeats_the_key) {
  for (const std::string_view typed : {"deadbeef", "0xdeadbeefx", "0xdeadbee", "0sdeadbeef*", "0sdeadb"}) {
    const auto key = parse_key(typed);
    BOOST_REQUIRE(!key.has_value());
    BOOST_TEST(!holds(error_text(key), "dead"));
  }
}

BOOST_AUTO_TEST_CASE(keys_are_equal_when_all_bytes_are) {
  const Key key = parse_key("0x00112233445566778899aabbccddeeff").value();
  BOOST_TEST((key == parse_key("0sABEiM0RVZneImaq7zN3u/w==").value()));
  // Wherever the one wrong byte is, and whatever is wrong with it.
  for (size_t i = 0; i < key.size(); ++i) {
    for (const unsigned wrong : {0x01u, 0x80u, 0xffu}) {
      std::vector<uint8_t> bytes(key.bytes().begin(), key.bytes().end());
      bytes[i] = static_cast<uint8_t>(bytes[i] ^ wrong);
      BOOST_TEST(!(key == Key(bytes)));
    }
  }
  // Two wrong bytes do not make up for each other.
  std::vector<uint8_t> bytes(key.bytes().begin(), key.bytes().end());
  bytes[0] ^= 1;
  bytes[1] ^= 1;
  BOOST_TEST(!(key == Key(bytes)));
  BOOST_TEST(!(key == Key(key.bytes().first(15))));
  BOOST_TEST((Key() == Key()));
  BOOST_TEST(!(Key() == key));
}

BOOST_AUTO_TEST_CASE(moving_leaves_nothing_behind) {
  Key from = parse_key("0xdeadbeef").value();
  const Key to = std::move(from);
  BOOST_TEST(from.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
  BOOST_TEST(to.to_hex() == "0xdeadbeef");
  Key copy;
  copy = to;
  copy = *&copy;
  BOOST_TEST((copy == to));
  copy = Key();
  BOOST_TEST(copy.empty());
}

BOOST_AUTO_TEST_CASE(wipe_overwrites_what_it_is_given_and_no_more) {
  std::array<uint8_t, 8> memory{1, 2, 3, 4, 5, 6, 7, 8};
  wipe(memory.data() + 2, 4);
  BOOST_TEST((memory == std::array<uint8_t, 8>{1, 2, 0, 0, 0, 0, 7, 8}));
  wipe(memory.data(), 0);
  wipe(nullptr, 0);
  BOOST_TEST(memory[0] == 1);
}

// A key's memory is looked at in the moment in which it is given back: watching_delete below sees it first.
const uint8_t* watched = nullptr;
size_t watched_bytes = 0, nonzero_bytes = 0;
bool watched_freed = false;

void watch(const Key& key) {
  watched = key.bytes().data();
  watched_bytes = key.size();
  nonzero_bytes = 0;
  watched_freed = false;
}

BOOST_AUTO_TEST_CASE(a_keys_memory_is_wiped_before_it_is_freed) {
  {
    const Key key = parse_key("0x0102030405060708").value();
    watch(key);
  }
  BOOST_TEST(watched_freed);
  BOOST_TEST(nonzero_bytes == 0u);

  Key assigned_over = parse_key("0x0102030405060708").value();
  watch(assigned_over);
  assigned_over = parse_key("0x1111").value();
  BOOST_TEST(watched_freed);
  BOOST_TEST(nonzero_bytes == 0u);

  const Key other = parse_key("0x2222").value();
  Key copied_over = parse_key("0x0102030405060708").value();
  watch(copied_over);
  copied_over = other;
  BOOST_TEST(watched_freed);
  BOOST_TEST(nonzero_bytes == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

// Called by the operators below, which are the whole test program's.
void look_at_freed(const void* memory) noexcept {
  if (memory == nullptr || memory != key::watched) return;
  key::watched_freed = true;
  for (size_t i = 0; i < key::watched_bytes; ++i) key::nonzero_bytes += key::watched[i] != 0;
  key::watched = nullptr;
}

}  // namespace spigrp

void* operator new(size_t bytes) {
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}

void operator delete(void* memory) noexcept {
  spigrp::look_at_freed(memory);
  std::free(memory);
}

void operator delete(void* memory, size_t) noexcept {
  ::operator delete(memory);
}
