// The list of drop reasons: names and meanings are there, once each.
#include "packet/drop_reason.h"

#include <set>

#include <boost/test/unit_test.hpp>

#include "packet/counters.h"

namespace spigrp {

BOOST_AUTO_TEST_SUITE(drop_reason)

BOOST_AUTO_TEST_CASE(every_reason_has_a_name_and_a_meaning_of_its_own) {
  std::set<std::string_view> names, meanings;
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    names.insert(drop_reason_name(static_cast<DropReason>(i)));
    meanings.insert(drop_reason_meaning(static_cast<DropReason>(i)));
  }
  BOOST_TEST(names.size() == kDropReasonCount);
  BOOST_TEST(meanings.size() == kDropReasonCount);
  BOOST_TEST(names.count("") == 0u);
}

BOOST_AUTO_TEST_CASE(a_reason_goes_by_its_own_name) {
  BOOST_TEST(drop_reason_name(DropReason::runt) == "runt");
  BOOST_TEST(drop_reason_name(DropReason::bad_padding) == "bad_padding");
  BOOST_TEST(drop_reason_name(DropReason::shutting_down) == "shutting_down");
  BOOST_TEST(drop_reason_meaning(DropReason::replayed) == "sequence number seen before");
}

BOOST_AUTO_TEST_CASE(a_drop_is_counted_under_its_reason_alone) {
  PacketCounters counters;
  counters.count_drop(DropReason::runt);
  counters.count_drop(DropReason::shutting_down);
  counters.count_drop(DropReason::shutting_down);
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    const auto reason = static_cast<DropReason>(i);
    const uint64_t wanted = reason == DropReason::runt ? 1 : reason == DropReason::shutting_down ? 2 : 0;
    BOOST_TEST(counters.dropped[i].value() == wanted);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
