// SaTally: each SA of a burst once, whatever the mixture.
#include "transform/sa_tally.h"

#include "transform/step_fixture.h"

namespace spigrp {
using namespace test;

BOOST_AUTO_TEST_SUITE(sa_tally)

BOOST_AUTO_TEST_CASE(each_sa_has_one_row_whatever_the_mixture) {
  std::vector<std::unique_ptr<Sa>> sas;
  for (unsigned i = 0; i < kBurstCapacity; ++i) sas.push_back(tunnel_sa("tun.1000@192.0.2.2", kHere));
  for (unsigned stride : {1u, 3u, 7u, 63u}) {
    SaTally tally;
    for (unsigned i = 0; i < 1000; ++i) {
      Sa* sa = sas[i * stride % kBurstCapacity].get();
      const uint8_t number = tally.row_of(sa);
      BOOST_REQUIRE(tally.row(number).sa == sa);
      ++tally.row(number).admitted;
    }
    uint64_t admitted = 0;
    std::vector<Sa*> seen;
    for (const SaTally::Row& row : tally) {
      admitted += row.admitted;
      seen.push_back(row.sa);
    }
    BOOST_TEST(admitted == 1000u);
    std::sort(seen.begin(), seen.end());
    BOOST_TEST((std::adjacent_find(seen.begin(), seen.end()) == seen.end()));
    BOOST_TEST(seen.size() == kBurstCapacity);
  }
}

BOOST_AUTO_TEST_CASE(what_is_finished_is_added_to_the_sa) {
  auto one = tunnel_sa("tun.1000@192.0.2.2", kHere), other = tunnel_sa("tun.1001@192.0.2.2", kHere);
  for (uint64_t round = 1; round <= 2; ++round) {
    SaTally tally;
    SaTally::Row& row = tally.row(tally.row_of(one.get()));
    row.packets = 3;
    row.bytes = 400;
    ++tally.row(tally.row_of(other.get())).admitted;  // begun, but dropped
    WorkerContext context;
    context.now_tsc = round * 100;
    context.writers = round % 2 == 0 ? Writers::kOne : Writers::kMany;
    tally.note_uses(context);
  }
  BOOST_TEST(one->counters.packets == 6u);
  BOOST_TEST(one->counters.bytes == 800u);
  BOOST_TEST(one->counters.first_used_tsc == 100u);
  BOOST_TEST(one->counters.last_used_tsc == 200u);
  BOOST_TEST(other->counters.first_used_tsc == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
