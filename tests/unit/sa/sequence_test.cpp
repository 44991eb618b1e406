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
  BOOST_TEST(sequence.reserve(3).first == 1u);
  BOOST_TEST(sequence.reserve(1).first == 4u);
  BOOST_TEST(sequence.sent() == 4u);
}

// HAZARDS 7: after 2^32 − 1, with extended numbers 2^64 − 1, there is nothing, however often one asks.
BOOST_AUTO_TEST_CASE(after_the_last_number_there_is_none) {
  for (const uint64_t last : {Sequence::kLast32, Sequence::kLast64}) {
    Sequence sequence(last, last - 5);
    BOOST_TEST(sequence.reserve(1).first == last - 4);
    const Sequence::Numbers rest = sequence.reserve(64);
    BOOST_TEST(rest.first == last - 3);
    BOOST_TEST(rest.count == 4u);
    for (int i = 0; i < 1000; ++i) BOOST_TEST(sequence.reserve(64).count == 0u);
    BOOST_TEST(sequence.sent() == last);
  }
}

BOOST_AUTO_TEST_CASE(what_is_closed_gives_out_no_number_behind_its_end) {
  struct Case {
    uint64_t sent, limit;
  };
  for (const Case& at :
       {Case{1000, Sequence::kLast32}, Case{1000, 4000}, Case{Sequence::kLast32 - 100, Sequence::kLast32},
        Case{Sequence::kLast32, Sequence::kLast32}, Case{0, Sequence::kLast32}}) {
    Sequence sequence(Sequence::kLast32, at.sent);
    sequence.set_limit(at.limit);
    const uint64_t end = sequence.close(1u << 17);
    BOOST_TEST(end >= at.sent);
    BOOST_TEST(end <= at.limit);
    uint64_t highest = at.sent;
    for (int burst = 0; burst < 10'000; ++burst) {
      const Sequence::Numbers numbers = sequence.reserve(64);
      if (numbers.count > 0) highest = numbers.first + numbers.count - 1;
    }
    BOOST_TEST(highest <= end);
  }
}

// Looks closely at first, so that both go on in one moment; then gives way, for the other may have no core to come on.
void meet_others(const std::atomic<unsigned>& ready, unsigned wanted) {
  for (unsigned looks = 0; ready.load() < wanted; ++looks) {
    if (looks >= 20'000) std::this_thread::yield();
  }
}

// In the very moment in which the first numbers of all are taken.
BOOST_AUTO_TEST_CASE(what_is_closed_without_a_number_given_out_gives_out_none) {
  unsigned unused = 0;
  for (unsigned round = 0; round < 20'000; ++round) {
    Sequence sequence;
    std::atomic<unsigned> ready{0};
    std::atomic<uint64_t> highest{0};
    const auto work = [&] {
      ready.fetch_add(1);
      meet_others(ready, 2);
      for (unsigned burst = 0; burst < 3; ++burst) {
        const Sequence::Numbers numbers = sequence.reserve(64);
        if (numbers.count > 0) highest.store(numbers.first + numbers.count - 1);
      }
    };
    std::thread worker(work);
    meet_others(ready, 1);
    ready.fetch_add(1);
    for (unsigned wait = round % 64; wait > 0; --wait) std::atomic_signal_fence(std::memory_order_seq_cst);
    const uint64_t end = sequence.close(1u << 13);
    worker.join();
    unused += end == 0 ? 1 : 0;
    BOOST_REQUIRE_LE(highest.load(), end);
  }
  BOOST_TEST_MESSAGE(unused << " were closed unused");
}

BOOST_AUTO_TEST_CASE(the_first_numbers_do_not_ask_for_more) {
  Sequence sequence;
  BOOST_TEST(!sequence.is_far_from_limit());
  BOOST_TEST(!sequence.reserve(64).near);
  BOOST_TEST(sequence.is_far_from_limit());
}

BOOST_AUTO_TEST_CASE(what_begins_behind_its_limit_gives_out_nothing_until_that_is_raised) {
  Sequence sequence;
  sequence.set_limit(1u << 20);
  sequence.begin_behind(2u << 20);
  BOOST_TEST(!sequence.is_far_from_limit());
  BOOST_TEST(sequence.available() == 0u);
  const Sequence::Numbers none = sequence.reserve(64);
  BOOST_TEST(none.count == 0u);
  BOOST_TEST(none.near);
  sequence.raise_limit(3u << 20);
  BOOST_TEST(sequence.reserve(64).first == (2u << 20) + 1);
}

BOOST_AUTO_TEST_CASE(extended_numbers_go_on_behind_32_bits) {
  Sequence sequence(Sequence::kLast64, Sequence::kLast32 - 1);
  const Sequence::Numbers numbers = sequence.reserve(3);
  BOOST_TEST(numbers.first == 0xffffffffu);
  BOOST_TEST(numbers.count == 3u);
  BOOST_TEST(sequence.sent() == 0x100000001u);
}

BOOST_AUTO_TEST_CASE(threads_share_the_last_numbers_without_a_double) {
  constexpr uint64_t kLeft = 100'000;
  Sequence sequence(Sequence::kLast32, Sequence::kLast32 - kLeft);
  std::vector<std::atomic<uint8_t>> given(kLeft + 1);
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (uint64_t i = 0; i < kLeft; ++i) {
        const Sequence::Numbers numbers = sequence.reserve(7);
        for (uint64_t n = 0; n < numbers.count; ++n) given[Sequence::kLast32 - numbers.first - n].fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (uint64_t distance = 0; distance < kLeft; ++distance) BOOST_REQUIRE(given[distance].load() == 1);
}

BOOST_AUTO_TEST_CASE(numbers_beyond_the_limit_are_not_given_out_before_it_is_raised) {
  Sequence sequence;
  sequence.set_limit(100);
  BOOST_TEST(sequence.reserve(64).count == 64u);
  const Sequence::Numbers rest = sequence.reserve(64);
  BOOST_TEST(rest.first == 65u);
  BOOST_TEST(rest.count == 36u);
  BOOST_TEST(rest.near);
  BOOST_TEST(sequence.reserve(1).count == 0u);
  BOOST_TEST(!sequence.is_used_up());
  sequence.raise_limit(50);  // never lower than it is
  BOOST_TEST(sequence.limit() == 100u);
  sequence.raise_limit(2 * Sequence::kNear);
  BOOST_TEST(sequence.reserve(2).first == 101u);
  sequence.raise_limit(UINT64_MAX);
  BOOST_TEST(sequence.limit() == Sequence::kLast32);
}

BOOST_AUTO_TEST_CASE(it_asks_once_for_each_limit_that_comes_near) {
  Sequence sequence;
  sequence.set_limit(2 * Sequence::kNear);
  BOOST_TEST(!sequence.reserve(64).near);
  sequence.reserve(Sequence::kNear);
  BOOST_TEST(sequence.reserve(64).near);
  BOOST_TEST(sequence.asks());
  BOOST_TEST(!sequence.asks());
  sequence.raise_limit(4 * Sequence::kNear);
  BOOST_TEST(!sequence.reserve(64).near);
  BOOST_TEST(sequence.asks());
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
        const uint64_t first = sequence.reserve(2).first;
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
