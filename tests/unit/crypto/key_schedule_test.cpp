// Keys: which are taken, what is said of those that are not, and that nothing of them is left in freed memory.
#include <algorithm>
#include <cstdlib>
#include <new>
#include <span>

#include <boost/test/unit_test.hpp>

#include "crypto/crypto_vectors.h"

namespace {

// What the memory that is given back looked like: every aligned block that is freed while this is not null is looked
// at. Key schedules are the only aligned blocks of these tests.
size_t* left_bytes = nullptr;
size_t looked_at_bytes = 0;

}  // namespace

void* operator new(size_t bytes, std::align_val_t alignment) {
  void* memory = nullptr;
  if (posix_memalign(&memory, static_cast<size_t>(alignment), bytes) != 0) throw std::bad_alloc();
  return memory;
}

void operator delete(void* memory, std::align_val_t) noexcept {
  if (left_bytes != nullptr) {
    const std::span<const volatile uint8_t> block(static_cast<const volatile uint8_t*>(memory), looked_at_bytes);
    *left_bytes += static_cast<size_t>(std::count_if(block.begin(), block.end(), [](uint8_t byte) { return byte; }));
  }
  std::free(memory);
}

void operator delete(void* memory, size_t, std::align_val_t alignment) noexcept {
  operator delete(memory, alignment);
}

namespace spigrp {
using namespace test;

BOOST_AUTO_TEST_SUITE(key_schedule)

Key key_of(size_t bytes) {
  Bytes key(bytes);
  for (size_t i = 0; i < bytes; ++i) key[i] = static_cast<uint8_t>(0xa1 + 7 * i);
  return Key(key);
}

BOOST_AUTO_TEST_CASE(only_exact_key_sizes_are_taken) {
  for (const AlgorithmRow& row : list_algorithms()) {
    const Algorithm algorithm = row.protocol == "ah" ? find_ah_algorithm(row.name).value()
                                                     : find_esp_algorithm(row.name, row.encryption_key_bytes).value();
    const size_t cipher = row.encryption_key_bytes, auth = row.authentication_key_bytes;
    BOOST_TEST(KeySchedule::create(algorithm, key_of(cipher), key_of(auth)).has_value(), row.name);
    BOOST_TEST(!KeySchedule::create(algorithm, key_of(cipher + 1), key_of(auth)), row.name);
    BOOST_TEST(!KeySchedule::create(algorithm, key_of(cipher), key_of(auth + 1)), row.name);
    if (cipher > 0) BOOST_TEST(!KeySchedule::create(algorithm, key_of(cipher - 1), key_of(auth)), row.name);
    if (cipher > 0) BOOST_TEST(!KeySchedule::create(algorithm, Key(), key_of(auth)), row.name);
    if (auth > 0) BOOST_TEST(!KeySchedule::create(algorithm, key_of(cipher), Key()), row.name);
  }
}

BOOST_AUTO_TEST_CASE(the_error_says_which_size_is_wanted_and_no_key_byte) {
  const auto gcm = find_esp_algorithm("aes128gcm16", 20).value();
  const auto refused = KeySchedule::create(gcm, key_of(16), Key());
  BOOST_REQUIRE(!refused);
  const std::string text = refused.error().text();
  BOOST_TEST(text.find("16 bytes") != std::string::npos);
  BOOST_TEST(text.find("20 bytes") != std::string::npos);
  BOOST_TEST(text.find("salt") != std::string::npos);
  BOOST_TEST(text.find(key_of(16).to_hex().substr(2, 6)) == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_3des_key_with_equal_parts_is_refused) {
  const auto triple = find_esp_algorithm("3des", 24).value();
  Bytes key(24);
  for (size_t i = 0; i < 24; ++i) key[i] = static_cast<uint8_t>(16 + 2 * i);
  BOOST_TEST(KeySchedule::create(triple, Key(key), Key()).has_value());
  for (const size_t part : {0, 16}) {
    Bytes equal = key;
    std::copy_n(equal.begin() + 8, 8, equal.begin() + static_cast<long>(part));
    BOOST_TEST(!KeySchedule::create(triple, Key(equal), Key()));
    equal[part] ^= 1;  // parity is no difference
    BOOST_TEST(!KeySchedule::create(triple, Key(equal), Key()));
  }
}

BOOST_AUTO_TEST_CASE(released_memory_is_wiped) {  // invariant 5
  for (const char* name : {"aes128-sha1-96", "aes256-sha2_512-256", "3des-md5-96", "aes256gcm16"}) {
    const Algorithm algorithm = find_esp_algorithm(name, 0).value();
    size_t left = 0;
    {
      const auto keys = KeySchedule::create(algorithm, key_of(algorithm.encryption_key_bytes()),
                                            key_of(algorithm.authentication_key_bytes()));
      looked_at_bytes = keys->allocated_bytes();
      BOOST_TEST(looked_at_bytes > 100);
      left_bytes = &left;
    }
    left_bytes = nullptr;
    BOOST_TEST(left == 0, name);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
