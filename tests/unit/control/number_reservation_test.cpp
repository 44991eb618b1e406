// Sequence numbers over processes that are lost: an SA that is fast goes on in the middle of a transaction, and none of
// its numbers comes twice (invariant 1).
#include "lost_process.h"

namespace spigrp {
namespace {

using test::fast_spec;
using test::kATurn;
using test::Process;

BOOST_FIXTURE_TEST_SUITE(number_reservation, test::Processes)

BOOST_AUTO_TEST_CASE(no_number_is_missing_in_the_middle_of_a_transaction) {
  Process& first = next();
  first.call("sa.add", {{"spec", fast_spec()}});
  first.make_large_transaction(nullptr);
  BOOST_TEST(first.used_meanwhile > 2 * kReserveAhead);
  BOOST_TEST(first.missing == 0u);
  BOOST_TEST(aside(first) > 0u);
  lose_some();
}

BOOST_AUTO_TEST_CASE(what_was_reserved_aside_is_taken_in_after_it) {
  Process& first = next();
  first.call("sa.add", {{"spec", fast_spec()}});
  first.make_large_transaction(nullptr);
  first.keeper.poll(first.now_s);
  BOOST_TEST(aside(first) == 0u);
  lose_some();
}

BOOST_AUTO_TEST_CASE(after_an_end_it_goes_on_where_it_was) {
  Process& first = next();
  first.call("sa.add", {{"spec", fast_spec()}});
  first.make_large_transaction(nullptr);
  BOOST_REQUIRE(first.keeper.finish().has_value());
  Process& second = next();
  BOOST_TEST(aside(second) == 0u);
  BOOST_TEST(second.fast()->sequence.sent() == highest);
  lose_some();
}

BOOST_AUTO_TEST_CASE(one_that_takes_over_keys_in_it_misses_none_and_repeats_none) {
  for (const bool taken_in : {false, true}) {
    Process& first = next();
    if (first.fast() == nullptr) first.call("sa.add", {{"spec", fast_spec()}});
    first.make_large_transaction({{"method", "sa.replace"}, {"params", {{"spec", fast_spec()}}}});
    first.use(kATurn);
    BOOST_TEST(first.missing == 0u);
    BOOST_TEST(!first.repeats);
    if (taken_in) first.keeper.poll(first.now_s);
    lose_some();
    process->call("sa.clear");
    process->call("sa.add", {{"spec", fast_spec()}});
  }
}

BOOST_AUTO_TEST_CASE(keys_that_go_in_it_and_come_again_go_on_behind) {
  for (const bool taken_in : {false, true}) {
    Process& first = next();
    first.call("sa.clear");
    first.call("sa.add", {{"spec", fast_spec()}});
    first.make_large_transaction({{"method", "sa.delete"}, {"params", {{"id", "esp.115@192.0.2.2"}}}});
    BOOST_TEST(first.missing == 0u);
    BOOST_TEST(first.fast() == nullptr);
    if (taken_in) first.keeper.poll(first.now_s);
    Process& second = next();
    second.call("sa.add", {{"spec", fast_spec()}});
    second.use(1000);
    BOOST_TEST(!second.repeats);
    lose_some();
  }
}

BOOST_AUTO_TEST_CASE(two_lost_processes_after_keys_were_taken_over_repeat_no_number) {
  Process& first = next();
  first.call("sa.add", {{"spec", fast_spec()}});
  for (uint64_t now_s = 10; now_s < 20; ++now_s) {  // so fast that much is reserved at once
    first.use(first.fast()->sequence.available() - 1000);
    for (unsigned poll = 0; poll < 40; ++poll) first.keeper.poll(now_s);
  }
  BOOST_TEST(first.fast()->sequence.available() > 8 * kReserveAhead);
  first.call("sa.replace", {{"spec", fast_spec()}});
  lose_some();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
