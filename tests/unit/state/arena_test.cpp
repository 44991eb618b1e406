// Memory of entries that all go at the same time.
#include "state/arena.h"

#include <cstdint>
#include <cstring>
#include <deque>
#include <unordered_map>

#include <boost/test/unit_test.hpp>

namespace spigrp {
namespace {

BOOST_AUTO_TEST_SUITE(arena)

BOOST_AUTO_TEST_CASE(entries_lie_apart_and_aligned) {
  Arena arena;
  std::vector<std::pair<unsigned char*, size_t>> taken;
  for (size_t bytes : {1u, 16u, 17u, 1000u, 1024u, 1025u, 100'000u, 3u}) {
    for (int again = 0; again < 100; ++again) {
      auto* memory = static_cast<unsigned char*>(arena.allocate(bytes));
      BOOST_TEST(reinterpret_cast<uintptr_t>(memory) % alignof(std::max_align_t) == 0u);
      std::memset(memory, static_cast<int>(taken.size() % 251), bytes);
      taken.emplace_back(memory, bytes);
    }
  }
  for (size_t i = 0; i < taken.size(); ++i) {
    const auto [memory, bytes] = taken[i];
    BOOST_TEST((memory[0] == i % 251 && memory[bytes - 1] == i % 251));
    arena.deallocate(memory, bytes);
  }
}

BOOST_AUTO_TEST_CASE(little_takes_little_and_all_goes_back_piece_by_piece) {
  Arena arena;
  size_t steps = 0;
  arena.release([&] { ++steps; });
  BOOST_TEST(steps == 0u);
  {
    std::pmr::unordered_map<uint64_t, uint64_t> map(&arena);
    map[1] = 2;
    BOOST_TEST(arena.piece_count() == 1u);
    for (uint64_t i = 0; i < 100'000; ++i) map[i] = i;
    BOOST_TEST(map.at(99'999) == 99'999u);
  }
  const size_t pieces = arena.piece_count();
  BOOST_TEST((pieces > 20 && pieces < 100));
  arena.release([&] { ++steps; });
  BOOST_TEST(steps == pieces);
  BOOST_TEST(arena.piece_count() == 0u);
  std::pmr::deque<uint64_t> again({1, 2, 3}, &arena);  // and may be used again
  BOOST_TEST(again.back() == 3u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
