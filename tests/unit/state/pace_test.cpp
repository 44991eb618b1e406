// Work that goes by steps, and who has a turn between them.
#include "state/pace.h"

#include <boost/test/unit_test.hpp>

namespace spigrp {
namespace {

using namespace std::chrono_literals;

void be_busy(Pace::Clock::duration time) {
  for (const auto until = Pace::Clock::now() + time; Pace::Clock::now() < until;) {
  }
}

BOOST_AUTO_TEST_SUITE(pace)

BOOST_AUTO_TEST_CASE(turns_that_take_long_leave_the_work_half_of_the_time) {
  Pace::Clock::duration in_turns{};
  unsigned turns = 0;
  Pace pace([&] {
    const auto began = Pace::Clock::now();
    be_busy(30ms);
    in_turns += Pace::Clock::now() - began;
    ++turns;
  });
  const auto began = Pace::Clock::now();
  for (unsigned i = 0; i < 100; ++i) {  // 200 ms
    be_busy(2ms);
    pace.long_step();
  }
  const auto working = Pace::Clock::now() - began - in_turns;
  BOOST_TEST(turns >= 2u);
  BOOST_TEST((in_turns <= working + 60ms));
}

BOOST_AUTO_TEST_CASE(many_short_steps_give_turns_too) {
  unsigned turns = 0;
  Pace pace([&] { ++turns; });
  for (unsigned i = 0; i < 3200; ++i) {
    be_busy(10us);
    pace.step();
  }
  BOOST_TEST(turns >= 2u);
  BOOST_TEST(turns <= 10u);
}

BOOST_AUTO_TEST_CASE(alone_there_is_nobody_to_have_a_turn) {
  Pace alone;
  alone.turn();
  alone.long_step();
  BOOST_TEST(!alone.has_turns());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
