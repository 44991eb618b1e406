// The replay window against a model that remembers every number, at every distance, and from several threads.
#include "sa/replay_window.h"

#include <algorithm>
#include <atomic>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

namespace spigrp {
namespace {

// RFC 4303 section 3.4.3, word for word.
class Model {
 public:
  explicit Model(uint16_t packets) : packets_(packets) {}

  ReplayVerdict check_and_advance(uint64_t sequence) {
    if (sequence == 0 || sequence + packets_ <= highest_) return ReplayVerdict::kOutside;
    if (!seen_.insert(sequence).second) return ReplayVerdict::kReplayed;
    highest_ = std::max(highest_, sequence);
    return ReplayVerdict::kFresh;
  }

 private:
  uint64_t packets_;
  uint64_t highest_ = 0;
  std::set<uint64_t> seen_;
};

const std::vector<uint16_t> kSizes{1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 500, 1024, 4095, 4096};

// HAZARDS 3: a window over 32 packets, built with shifts that are too narrow, forgets or mixes up numbers.
BOOST_AUTO_TEST_CASE(every_distance_behind_the_highest_is_judged_right_for_every_window_size) {
  for (const uint16_t packets : kSizes) {
    for (uint64_t distance = 0; distance <= uint64_t{packets} + 70; ++distance) {
      ReplayWindow window(packets);
      const uint64_t highest = 100'000 + packets;
      BOOST_REQUIRE(window.check_and_advance(highest) == ReplayVerdict::kFresh);
      const uint64_t sequence = highest - distance;
      const ReplayVerdict expected = distance == 0         ? ReplayVerdict::kReplayed
                                     : distance >= packets ? ReplayVerdict::kOutside
                                                           : ReplayVerdict::kFresh;
      BOOST_REQUIRE(window.check(sequence) == expected);
      BOOST_REQUIRE(window.check_and_advance(sequence) == expected);
      if (expected != ReplayVerdict::kFresh) continue;
      BOOST_REQUIRE(window.check(sequence) == ReplayVerdict::kReplayed);
      BOOST_REQUIRE(window.check_and_advance(sequence) == ReplayVerdict::kReplayed);
      BOOST_REQUIRE(window.highest() == highest);
    }
  }
}

BOOST_AUTO_TEST_CASE(random_traffic_is_judged_as_the_model_judges_it) {
  std::mt19937_64 random(1);
  for (const uint16_t packets : kSizes) {
    ReplayWindow window(packets);
    Model model(packets);
    uint64_t around = 1;
    for (int i = 0; i < 20'000; ++i) {
      around += random() % 3;
      if (random() % 500 == 0) around += random() % (3u * packets);  // a gap
      const uint64_t back = random() % (2u * packets + 40);
      const uint64_t sequence = around > back ? around - back : 0;
      const ReplayVerdict expected = model.check_and_advance(sequence);
      BOOST_REQUIRE(window.check(sequence) == expected);
      BOOST_REQUIRE(window.check_and_advance(sequence) == expected);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_row_of_numbers_is_judged_as_each_of_them_would_be) {
  std::mt19937_64 random(2);
  for (const uint16_t packets : kSizes) {
    ReplayWindow window(packets);
    Model model(packets);
    for (int i = 0; i < 3'000; ++i) {
      const uint64_t first = window.highest() + 1 + (random() % 4 == 0 ? random() % (2u * packets) : 0);
      const auto count = static_cast<uint32_t>(1 + random() % 64);
      BOOST_REQUIRE(window.is_ahead(first));
      BOOST_REQUIRE(window.advance_row(first, count) == count);
      for (uint64_t number = first; number < first + count; ++number) {
        BOOST_REQUIRE(model.check_and_advance(number) == ReplayVerdict::kFresh);
      }
      BOOST_REQUIRE(window.highest() == first + count - 1);
      const uint64_t back = random() % (packets + 100u);
      const uint64_t other = window.highest() > back ? window.highest() - back : 0;
      BOOST_REQUIRE(window.check_and_advance(other) == model.check_and_advance(other));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_row_may_end_with_the_last_number_of_all) {
  ReplayWindow window(64, UINT64_MAX - 40);
  BOOST_TEST(window.advance_row(UINT64_MAX - 39, 39) == 39u);
  BOOST_TEST(window.highest() == UINT64_MAX - 1);
  BOOST_TEST((window.check_and_advance(UINT64_MAX - 39) == ReplayVerdict::kReplayed));
  BOOST_TEST((window.check_and_advance(UINT64_MAX) == ReplayVerdict::kFresh));
}

BOOST_AUTO_TEST_CASE(a_window_of_no_packets_takes_every_row) {
  ReplayWindow window(0);
  BOOST_TEST(window.advance_row(7, 64) == 64u);
  BOOST_TEST(window.highest() == 70u);
}

// Each thread takes rows of all numbers, or one where it takes none; together they may accept none twice.
BOOST_AUTO_TEST_CASE(rows_that_several_workers_take_at_once_are_accepted_once) {
  constexpr uint64_t kNumbers = 300'000;
  constexpr uint32_t kRow = 48;
  ReplayWindow window(4096);
  std::vector<std::atomic<uint8_t>> accepted(kNumbers + kRow + 1);
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 3; ++worker) {
    workers.emplace_back([&] {
      for (uint64_t number = 1; number <= kNumbers;) {
        uint32_t taken = window.is_ahead(number) ? window.advance_row(number, kRow) : 0;
        if (taken == 0) taken = window.check_and_advance(number) == ReplayVerdict::kFresh ? 1 : 0;
        for (uint32_t i = 0; i < taken; ++i) accepted[number + i].fetch_add(1);
        number += std::max(taken, 1u);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  for (const auto& times : accepted) BOOST_REQUIRE(times.load() <= 1);
}

BOOST_AUTO_TEST_CASE(number_zero_is_never_accepted) {
  ReplayWindow window(64);
  BOOST_TEST((window.check(0) == ReplayVerdict::kOutside));
  BOOST_TEST((window.check_and_advance(0) == ReplayVerdict::kOutside));
}

BOOST_AUTO_TEST_CASE(the_last_numbers_of_32_bits_are_judged_like_others) {
  ReplayWindow window(64);
  BOOST_TEST((window.check_and_advance(0xffffffff) == ReplayVerdict::kFresh));
  BOOST_TEST((window.check_and_advance(0xffffffff) == ReplayVerdict::kReplayed));
  BOOST_TEST((window.check_and_advance(0xfffffffe) == ReplayVerdict::kFresh));
  BOOST_TEST((window.check_and_advance(0xffffffff - 64) == ReplayVerdict::kOutside));
}

BOOST_AUTO_TEST_CASE(a_leap_over_the_whole_ring_forgets_the_old_numbers_only) {
  ReplayWindow window(64);
  for (uint64_t sequence = 1; sequence <= 200; ++sequence) window.check_and_advance(sequence);
  const uint64_t far = 200 + 32ull * 1'000'000;
  BOOST_TEST((window.check_and_advance(far) == ReplayVerdict::kFresh));
  for (uint64_t distance = 1; distance < 64; ++distance) {
    BOOST_TEST((window.check_and_advance(far - distance) == ReplayVerdict::kFresh));
  }
  BOOST_TEST(window.newest_bits() == ~uint64_t{0});
}

// RFC 4303 appendix A2.2, at the edges of both of its cases.
BOOST_AUTO_TEST_CASE(the_upper_half_follows_from_where_the_window_is) {
  struct Case {
    uint64_t highest;
    uint32_t low;
    uint64_t wanted;
  };
  constexpr uint64_t kHalf = uint64_t{1} << 32;
  for (const Case& c : {Case{0, 1, 1},
                        Case{0, 0xffffffff, 0},  // before the first number: nothing
                        Case{100, 37, 37},
                        Case{100, 36, kHalf + 36},  // oldest of the window, one before it
                        Case{62, 0xffffffff, 0},
                        Case{62, 0, 0},  // the window begins before number 0
                        Case{63, 0xffffffff, 0xffffffff},
                        Case{63, 0, 0},
                        Case{kHalf - 1, 0xffffffff, kHalf - 1},
                        Case{kHalf - 1, 0, kHalf},
                        Case{kHalf - 1, 0xffffffc0, 0xffffffc0},
                        Case{kHalf - 1, 0xffffffbf, kHalf + 0xffffffbf},
                        Case{kHalf + 10, 0xffffffff, kHalf - 1},
                        Case{kHalf + 10, 0xffffffcb, kHalf - 53},
                        Case{kHalf + 10, 0xffffffca, kHalf + 0xffffffca},
                        Case{kHalf + 10, 11, kHalf + 11},
                        Case{5 * kHalf + 63, 0, 5 * kHalf},
                        Case{5 * kHalf + 62, 0xffffffff, 5 * kHalf - 1},
                        Case{UINT64_MAX, 0xffffffff, UINT64_MAX},
                        Case{UINT64_MAX, 0xffffffc0, UINT64_MAX - 63},
                        Case{UINT64_MAX, 0, 0}}) {
    const ReplayWindow window(64, c.highest);
    BOOST_TEST(window.extended(c.low) == c.wanted, "highest " << c.highest << " low " << c.low);
  }
}

// Whatever comes within reach of the window gets its own number back.
BOOST_AUTO_TEST_CASE(numbers_near_the_window_are_told_from_their_lower_half) {
  for (const uint16_t packets : std::initializer_list<uint16_t>{1, 32, 64, 1000, 4096}) {
    for (const uint64_t highest :
         {uint64_t{5000}, (uint64_t{1} << 32) - 2, (uint64_t{1} << 32) + 3, uint64_t{7} << 40}) {
      const ReplayWindow window(packets, highest);
      for (uint64_t behind = 0; behind < packets; ++behind) {
        BOOST_REQUIRE(window.extended(static_cast<uint32_t>(highest - behind)) == highest - behind);
      }
      for (uint64_t ahead = 1; ahead < 100'000; ahead += 997) {
        BOOST_REQUIRE(window.extended(static_cast<uint32_t>(highest + ahead)) == highest + ahead);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_window_that_begins_at_a_mark_is_closed_up_to_it) {
  for (const uint16_t packets : std::initializer_list<uint16_t>{1, 31, 32, 64, 100, 4096}) {
    for (const uint64_t mark : {uint64_t{0}, uint64_t{1}, uint64_t{31}, uint64_t{32}, uint64_t{0xffffffff},
                                uint64_t{7} << 50, UINT64_MAX - 1}) {
      ReplayWindow window(packets, mark);
      for (uint64_t number = mark; number > 0 && mark - number < 5000; --number) {
        BOOST_REQUIRE((window.check_and_advance(number) != ReplayVerdict::kFresh));
      }
      BOOST_REQUIRE((window.check_and_advance(mark + 1) == ReplayVerdict::kFresh));
      BOOST_REQUIRE((window.check_and_advance(mark + 1) == ReplayVerdict::kReplayed));
      if (mark > 100'000) continue;
      BOOST_REQUIRE((window.check_and_advance(mark + 90) == ReplayVerdict::kFresh));
      BOOST_REQUIRE((window.check_and_advance(mark + 90 - 1) == ReplayVerdict::kFresh) == (packets > 1));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_window_of_zero_accepts_everything) {
  ReplayWindow window(0);
  for (const uint64_t sequence : {5u, 5u, 1u, 0u}) {
    BOOST_TEST((window.check(sequence) == ReplayVerdict::kFresh));
    BOOST_TEST((window.check_and_advance(sequence) == ReplayVerdict::kFresh));
  }
}

BOOST_AUTO_TEST_CASE(the_listing_shows_the_newest_numbers) {
  ReplayWindow window(64);
  for (const uint64_t sequence : {1u, 2u, 4u, 7u}) window.check_and_advance(sequence);
  BOOST_TEST(window.highest() == 7u);
  BOOST_TEST(window.newest_bits() == 0b1101001u);
}

// Several workers receive on one SA: each number is accepted by exactly one of them, or by none once it is too old.
BOOST_AUTO_TEST_CASE(a_number_is_accepted_once_by_all_threads_together) {
  constexpr uint64_t kNumbers = 200'000;
  constexpr int kThreads = 3;
  ReplayWindow window(4096);
  std::vector<std::atomic<uint8_t>> accepted(kNumbers + 1);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (uint64_t sequence = 1; sequence <= kNumbers; ++sequence) {
        if (window.check_and_advance(sequence) == ReplayVerdict::kFresh) accepted[sequence].fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  uint64_t never = 0;
  for (uint64_t sequence = 1; sequence <= kNumbers; ++sequence) {
    BOOST_REQUIRE(accepted[sequence].load() <= 1);
    never += accepted[sequence].load() == 0;
  }
  BOOST_TEST(never == 0u);  // the first thread to come by always finds its number within the window
  BOOST_TEST(window.highest() == kNumbers);
}

BOOST_AUTO_TEST_CASE(a_window_that_begins_behind_a_number_is_as_one_that_was_made_so) {
  for (const uint64_t highest : {5ull, 31ull, 32ull, 100ull, 4095ull, 4096ull, 0x1'0000'0007ull}) {
    ReplayWindow window(64, 3), wanted(64, highest);
    window.begin_behind(highest);
    window.begin_behind(2);  // it is further on
    BOOST_TEST(window.highest() == highest);
    for (uint64_t number = highest > 200 ? highest - 200 : 1; number < highest + 5000; ++number) {
      BOOST_REQUIRE((window.check(number) == wanted.check(number)));
      if (number % 3 == 0) BOOST_REQUIRE((window.check_and_advance(number) == wanted.check_and_advance(number)));
    }
  }
}

}  // namespace
}  // namespace spigrp
