// KnownGroups: what is remembered at one generation, of packets whose hashes are alike too.
#include "engine/known_groups.h"

#include <boost/test/unit_test.hpp>

namespace spigrp {
namespace {

// Nothing looks into it.
const SaGroup& group_number(uintptr_t number) {
  return *reinterpret_cast<const SaGroup*>(number * alignof(SaGroup));
}

KnownGroups::Wanted wanted_of(uint64_t spi, uint32_t hash) {
  return {{0x0a000001, 0, spi}, hash};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(known_groups)

BOOST_AUTO_TEST_CASE(two_of_one_hash_are_both_remembered) {
  KnownGroups known(8);
  known.remember(wanted_of(1, 5), 7, group_number(1));
  known.remember(wanted_of(2, 5), 7, group_number(2));
  BOOST_TEST(known.find(wanted_of(1, 5), 7) == &group_number(1));
  BOOST_TEST(known.find(wanted_of(2, 5), 7) == &group_number(2));
  BOOST_TEST(known.find(wanted_of(3, 5), 7) == nullptr);
}

BOOST_AUTO_TEST_CASE(of_three_the_last_two_are) {
  KnownGroups known(8);
  for (uint64_t spi = 1; spi <= 3; ++spi) known.remember(wanted_of(spi, 5), 7, group_number(spi));
  BOOST_TEST(known.find(wanted_of(1, 5), 7) == nullptr);
  BOOST_TEST(known.find(wanted_of(2, 5), 7) == &group_number(2));
  BOOST_TEST(known.find(wanted_of(3, 5), 7) == &group_number(3));
}

BOOST_AUTO_TEST_CASE(nothing_counts_at_another_generation) {
  KnownGroups known(8);
  known.remember(wanted_of(1, 5), 7, group_number(1));
  known.remember(wanted_of(2, 5), 7, group_number(2));
  BOOST_TEST(known.find(wanted_of(1, 5), 8) == nullptr);
  known.remember(wanted_of(1, 5), 8, group_number(3));
  BOOST_TEST(known.find(wanted_of(1, 5), 8) == &group_number(3));
  BOOST_TEST(known.find(wanted_of(2, 5), 8) == nullptr);
}

BOOST_AUTO_TEST_CASE(who_names_no_sa_is_not_remembered) {
  KnownGroups known(8);
  KnownGroups::Wanted nobody = wanted_of(1, 5);
  nobody.words = {};
  known.remember(nobody, 7, group_number(1));
  BOOST_TEST(known.find(nobody, 7) == nullptr);
  BOOST_TEST(known.find(wanted_of(1, 5), 7) == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
