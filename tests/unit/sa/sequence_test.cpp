// Sequence numbers: given out once, by any number of threads, and none after the last.
#include "sa/sequence.h"

#include <atomic>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

namespace spigrp {
namespace {

BOOST_AUTO_TEST_CASE(the_first_number_is_one) {
  Sequence sequence;
  BOOST_TEST(sequence.reserve(3) == 1u);
  BOOST_TEST(sequence.reserve(1) == 4u);
  BOOST_TEST(sequence.sent() == 4u);
}

// HAZARDS 7: after 2^32 − 1 nothing is reserved that may be used, however often one asks.
BOOST_AUTO_TEST_CASE(after_the_last_number_none_is_within_the_limit) {
  Sequence sequence(Sequence::kLast32, Sequence::kLast32 - 2);
  BOOST_TEST(sequence.reserve(1) == 0xfffffffeu);
  BOOST_TEST(sequence.reserve(1) == sequence.last());
  for (int i = 0; i < 1000; ++i) BOOST_TEST(sequence.reserve(64) > sequence.last());
  BOOST_TEST(sequence.sent() == sequence.last());
}

BOOST_AUTO_TEST_CASE(threads_never_share_a_number) {
  constexpr uint64_t kEach = 50'000;
  constexpr int kThreads = 3;
  Sequence sequence;
  std::vector<std::atomic<uint8_t>> given(kEach * kThreads * 2 + 1);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (uint64_t i = 0; i < kEach; ++i) {
        const uint64_t first = sequence.reserve(2);
        given[first].fetch_add(1);
        given[first + 1].fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t number = 1; number < given.size(); ++number) BOOST_REQUIRE(given[number].load() == 1);
}

}  // namespace
}  // namespace spigrp
