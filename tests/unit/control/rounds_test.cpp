// The control thread's rounds come whatever goes wrong in one of them.
#include "control/rounds.h"

#include <functional>
#include <new>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

namespace spigrp {
namespace {

constexpr std::chrono::milliseconds kApart{1};

struct Running {
  boost::asio::io_context io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  Rounds rounds{io, kApart};
  unsigned polls = 0;

  // Polls so often with `in_each`, and then until nothing is left.
  template <class InEach>
  void run(unsigned most, InEach in_each) {
    rounds.run([&] {
      if (++polls > most) return work.reset();
      in_each();
    });
  }
};

BOOST_AUTO_TEST_SUITE(rounds)

BOOST_FIXTURE_TEST_CASE(a_poll_that_throws_is_followed_by_others, Running) {
  unsigned served = 0;
  run(5, [&] {
    boost::asio::post(io, [&] { ++served; });
    throw std::bad_alloc();
  });
  BOOST_TEST(polls == 6u);
  BOOST_TEST(served == 5u);
}

BOOST_FIXTURE_TEST_CASE(who_throws_when_served_keeps_nobody_else_from_it, Running) {
  unsigned served = 0;
  run(5, [&] {
    boost::asio::post(io, [] { throw std::bad_alloc(); });
    boost::asio::post(io, [&] { ++served; });
  });
  BOOST_TEST(served == 5u);
}

BOOST_FIXTURE_TEST_CASE(polls_are_apart_while_nothing_else_is_to_be_done, Running) {
  const auto began = std::chrono::steady_clock::now();
  run(10, [] {});
  BOOST_TEST((std::chrono::steady_clock::now() - began >= 9 * kApart));
}

// As a client that asks without end.
BOOST_FIXTURE_TEST_CASE(who_is_served_again_and_again_leaves_time_for_polls, Running) {
  unsigned served = 0;
  std::function<void()> again = [&] {
    ++served;
    if (polls < 5) boost::asio::post(io, again);
  };
  boost::asio::post(io, again);
  run(5, [] {});
  BOOST_TEST(polls == 6u);
  BOOST_TEST(served > 5u);
}

BOOST_FIXTURE_TEST_CASE(they_end_when_nothing_is_left_to_wait_for, Running) {
  boost::asio::steady_timer timer(io, 5 * kApart);
  bool waited = false;
  timer.async_wait([&](const boost::system::error_code&) { waited = true; });
  run(1, [] {});
  BOOST_TEST(waited);
  BOOST_TEST(polls > 1u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
