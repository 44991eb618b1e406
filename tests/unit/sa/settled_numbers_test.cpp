// A transaction that deletes or replaces many SAs, with others' turns between: how their numbers end, and their heirs'
// begin.
#include <boost/test/unit_test.hpp>

#include "tables_fixture.h"

namespace spigrp {
namespace {

using namespace test;

constexpr uint32_t kMany = 20'000;

// SAs of different keys, of which each has sent as many packets as its number says.
struct ManySas {
  ManySas() {
    SaEdit edit(*tables, *versions);
    for (uint32_t number = 0; number < kMany; ++number) BOOST_REQUIRE(edit.add_sa(spec_of(number)).has_value());
    edit.link();
    versions->publish();
    for (uint32_t number = 0; number < kMany; ++number) sa(number).sequence.reserve(number);
  }

  static SaSpec spec_of(uint32_t number) {
    SaSpec made = spec("esp.1000@192.0.2.2");
    made.id.spi += number;
    std::vector<uint8_t> key(20, 0x11);
    for (size_t i = 0; i < 4; ++i) key[i] = static_cast<uint8_t>(number >> 8 * i);
    made.encryption_key = Key(key);
    return made;
  }
  Sa& sa(uint32_t number) { return *tables->newest(spec_of(number).id)->sa; }

  std::unique_ptr<SaTables> tables = SaTables::create(TableOptions{.sas = kMany, .eroutes = 1024}).value();
  std::unique_ptr<Versions> versions = Versions::create(4).value();
};

BOOST_FIXTURE_TEST_SUITE(settled_numbers, ManySas)

// Else it would stop if the turns last long, though its heir is not to be seen yet.
BOOST_AUTO_TEST_CASE(before_an_edit_is_published_no_turn_finds_an_sa_whose_numbers_have_ended) {
  std::vector<Sa*> before;
  for (uint32_t number = 0; number < kMany; ++number) before.push_back(&sa(number));
  const Generation generation = versions->published();
  unsigned turns = 0, ended = 0;
  Pace pace([&] {
    if (versions->published() != generation) return;
    ++turns;
    for (const Sa* old : before) ended += old->sequence.limit() != Sequence::kLast32;
  });
  {
    SaEdit edit(*tables, *versions, &pace);
    for (uint32_t number = 0; number < kMany; ++number) BOOST_REQUIRE(edit.replace_sa(spec_of(number)).has_value());
    edit.link();
    versions->publish();
  }
  BOOST_TEST(turns > 0u);
  BOOST_TEST(ended == 0u);
}

BOOST_AUTO_TEST_CASE(each_of_many_heirs_begins_behind_its_own_keys) {
  SaEdit edit(*tables, *versions);
  for (uint32_t number = 0; number < kMany; ++number) BOOST_REQUIRE(edit.replace_sa(spec_of(number)).has_value());
  for (uint32_t number = 0; number < kMany; ++number) sa(number).sequence.reserve(7);  // meanwhile
  edit.link();
  versions->publish();
  for (uint32_t number = 0; number < kMany; ++number) {
    BOOST_REQUIRE(sa(number).sequence.sent() == number + 7 + 131072);
    BOOST_REQUIRE(sa(number).marks.began_sent == sa(number).sequence.sent());
  }
}

// Also those of which all SAs were deleted: the next transaction knows how far the keys are used.
BOOST_AUTO_TEST_CASE(what_is_made_after_all_was_cleared_goes_on_behind_it) {
  {
    SaEdit edit(*tables, *versions);
    edit.clear_sas();
    edit.link();
    versions->publish();
  }
  versions->drain(10'000);
  SaEdit edit(*tables, *versions);
  for (uint32_t number = 0; number < kMany; ++number) BOOST_REQUIRE(edit.add_sa(spec_of(number)).has_value());
  edit.link();
  versions->publish();
  BOOST_REQUIRE(sa(0).sequence.sent() == 0);  // it never sent
  for (uint32_t number = 1; number < kMany; ++number) BOOST_REQUIRE(sa(number).sequence.sent() == number + 131072);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
