// DeferredUses: nothing of what is counted aside is lost, whoever it was that had to make room.
#include "sa/deferred_uses.h"

#include <memory>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tables_fixture.h"

namespace spigrp {
using namespace test;

namespace {

std::vector<std::unique_ptr<Sa>> made_sas(unsigned count) {
  std::vector<std::unique_ptr<Sa>> sas;
  for (unsigned number = 0; number < count; ++number) {
    auto made = Sa::create(spec("esp." + std::to_string(1000 + number) + "@192.0.2.2"));
    BOOST_REQUIRE(made.has_value());
    sas.push_back(std::move(*made));
  }
  return sas;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(deferred_uses)

BOOST_AUTO_TEST_CASE(an_sa_is_told_after_some_turns_and_not_before) {
  const auto sas = made_sas(1);
  std::atomic<uint64_t> eroute{5};
  DeferredUses deferred;
  for (unsigned turn = 1; turn < DeferredUses::kTurns; ++turn) {
    deferred.note(*sas[0], 10, 1000, turn);
    deferred.note(*sas[0], 1, 90, turn);
    deferred.note_eroute(eroute, 11);
    deferred.end_turn();
    BOOST_TEST(!deferred.empty());
    BOOST_TEST(sas[0]->counters.packets == 0u);
    BOOST_TEST(eroute == 5u);
  }
  deferred.end_turn();
  constexpr unsigned kNoted = DeferredUses::kTurns - 1;
  BOOST_TEST(deferred.empty());
  BOOST_TEST(sas[0]->counters.packets == 11u * kNoted);
  BOOST_TEST(sas[0]->counters.bytes == 1090u * kNoted);
  BOOST_TEST(sas[0]->counters.last_used_tsc == kNoted);
  BOOST_TEST(sas[0]->counters.first_used_tsc != 0u);
  BOOST_TEST(eroute == 5u + 11 * kNoted);
}

BOOST_AUTO_TEST_CASE(sums_of_more_sas_than_there_are_places_are_exact) {
  const auto sas = made_sas(1000);
  std::vector<std::atomic<uint64_t>> eroutes(1000);
  DeferredUses deferred;
  for (unsigned round = 1; round <= 6; ++round) {
    for (unsigned i = 0; i < sas.size(); ++i) {
      const unsigned number = i * 7 % 1000;
      deferred.note(*sas[number], round, 100ull * number, round);
      deferred.note_eroute(eroutes[number], number);
    }
    deferred.end_turn();
  }
  deferred.settle();
  BOOST_TEST(deferred.empty());
  for (unsigned number = 0; number < sas.size(); ++number) {
    BOOST_TEST(sas[number]->counters.packets == 21u);
    BOOST_TEST(sas[number]->counters.bytes == 600u * number);
    BOOST_TEST(eroutes[number] == 6u * number);
  }
  deferred.settle();
  BOOST_TEST(sas[0]->counters.packets == 21u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
