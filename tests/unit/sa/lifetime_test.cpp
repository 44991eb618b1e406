// How lifetimes end.
#include "sa/lifetime.h"

#include <algorithm>
#include <ctime>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <rte_cycles.h>

#include "tables_fixture.h"

namespace spigrp::test {
namespace {

LifetimeSpec limits(std::string_view words) {
  return parse_lifetime(words).value();
}

std::string told(const std::optional<Lifetime::Reached>& reached) {
  if (!reached) return "nothing";
  return (reached->expiry == Expiry::kHard ? "hard " : "soft ") + std::string(reached->limit) + ' ' +
         std::to_string(reached->value);
}

BOOST_AUTO_TEST_SUITE(lifetime)

BOOST_AUTO_TEST_CASE(exactly_so_many_packets_are_taken) {
  Lifetime lifetime(limits("soft-packets=900,hard-packets=1000"));
  const uint64_t now = rte_rdtsc();
  BOOST_TEST(lifetime.take(899, 1));
  BOOST_TEST(lifetime.untold() == 0);
  BOOST_TEST(lifetime.take(1, 1));
  BOOST_TEST(lifetime.untold() != 0);
  BOOST_TEST(told(lifetime.newly_reached(now, 0)) == "soft packets 900");
  BOOST_TEST(told(lifetime.newly_reached(now, 0)) == "nothing");
  BOOST_TEST(!lifetime.take(101, 1));
  BOOST_TEST(!lifetime.is_over(now, 0));
  BOOST_TEST(lifetime.take(100, 1));
  BOOST_TEST(lifetime.is_over(now, 0));
  BOOST_TEST(!lifetime.take(1, 1));
  BOOST_TEST(told(lifetime.newly_reached(now, 0)) == "hard packets 1000");
  BOOST_TEST(told(lifetime.newly_reached(now, 0)) == "nothing");
}

BOOST_AUTO_TEST_CASE(a_packet_that_is_larger_than_what_is_left_ends_the_bytes) {
  Lifetime lifetime(limits("hard-bytes=1000,hard-packets=10"));
  BOOST_TEST(lifetime.take(1, 990));
  BOOST_TEST(!lifetime.take(1, 11));
  BOOST_TEST(!lifetime.is_over(rte_rdtsc(), 0));
  lifetime.end();
  BOOST_TEST(lifetime.is_over(rte_rdtsc(), 0));
  BOOST_TEST(told(lifetime.newly_reached(rte_rdtsc(), 0)) == "hard bytes 1000");
}

BOOST_AUTO_TEST_CASE(a_hard_limit_that_comes_with_the_soft_one_is_told_alone) {
  Lifetime lifetime(limits("soft-packets=1,hard-packets=2"));
  BOOST_TEST(lifetime.take(2, 1));
  BOOST_TEST(told(lifetime.newly_reached(rte_rdtsc(), 0)) == "hard packets 2");
  BOOST_TEST(told(lifetime.newly_reached(rte_rdtsc(), 0)) == "nothing");
}

BOOST_AUTO_TEST_CASE(time_counts_from_the_making_and_from_the_first_packet) {
  const uint64_t hz = rte_get_tsc_hz();
  Lifetime lifetime(limits("soft-addtime=10,hard-addtime=100,hard-usetime=5"));
  const uint64_t made = rte_rdtsc();
  BOOST_TEST(!lifetime.is_over(made + 99 * hz, 0));
  BOOST_TEST(lifetime.is_over(made + 100 * hz, 0));
  const uint64_t used = made + 50 * hz;
  BOOST_TEST(!lifetime.is_over(used + 5 * hz - 1, used));
  BOOST_TEST(lifetime.is_over(used + 5 * hz, used));
  // What it waits for next.
  BOOST_TEST(lifetime.next_end_tsc(0) <= made + 10 * hz);
  BOOST_TEST(lifetime.next_end_tsc(0) > made + 9 * hz);
  BOOST_TEST(told(lifetime.newly_reached(made + 9 * hz, 0)) == "nothing");
  BOOST_TEST(told(lifetime.newly_reached(made + 10 * hz, 0)) == "soft addtime 10");
  BOOST_TEST(lifetime.next_end_tsc(0) > made + 99 * hz);
  BOOST_TEST(lifetime.next_end_tsc(used) == used + 5 * hz);
  BOOST_TEST(told(lifetime.newly_reached(used + 5 * hz, used)) == "hard usetime 5");
  BOOST_TEST(lifetime.next_end_tsc(used) == UINT64_MAX);
}

BOOST_AUTO_TEST_CASE(what_earlier_processes_took_counts) {
  Lifetime lifetime(limits("soft-packets=5,hard-packets=8,hard-bytes=1000"), 0, {.packets = 6, .bytes = 990});
  const uint64_t now = rte_rdtsc();
  BOOST_TEST(!lifetime.is_over(now, 0));
  BOOST_TEST(lifetime.next_end_tsc(0) == 0u);  // told without a packet
  BOOST_TEST(told(lifetime.newly_reached(now, 0)) == "soft packets 5");
  BOOST_TEST(lifetime.next_end_tsc(0) == UINT64_MAX);
  BOOST_TEST(!lifetime.take(1, 11));
  BOOST_TEST(lifetime.take(2, 2));
  BOOST_TEST(lifetime.is_over(now, 0));
  BOOST_TEST((lifetime.used(now, 1, 0) == LifetimeUse{.packets = 8, .bytes = 992}));
}

BOOST_AUTO_TEST_CASE(one_that_was_over_is_over_and_says_so) {
  // 9: what a crash makes of 5, when all of them came at once
  for (const uint64_t used : {8u, 9u}) {
    Lifetime lifetime(limits("soft-packets=5,hard-packets=8"), 0, {.packets = used});
    BOOST_TEST(lifetime.is_over(rte_rdtsc(), 0));
    BOOST_TEST(!lifetime.has(1, 1));
    BOOST_TEST(!lifetime.take(1, 1));
    BOOST_TEST(lifetime.next_end_tsc(0) == 0u);
    BOOST_TEST(told(lifetime.newly_reached(rte_rdtsc(), 0)) == "hard packets 8");
    BOOST_TEST(lifetime.next_end_tsc(0) == UINT64_MAX);
    BOOST_TEST(lifetime.used(rte_rdtsc(), 1, 0).packets == 8u);
  }
}

BOOST_AUTO_TEST_CASE(one_that_a_packet_ended_early_counts_as_used_to_its_end) {
  Lifetime lifetime(limits("hard-bytes=1000,hard-packets=10"));
  BOOST_TEST(lifetime.take(1, 990));
  BOOST_TEST(lifetime.used(rte_rdtsc(), 1, 0).bytes == 990u);
  lifetime.end();
  const LifetimeUse used = lifetime.used(rte_rdtsc(), 1, 0);
  BOOST_TEST((used == LifetimeUse{.packets = 1, .bytes = 1000}));
  const Lifetime next(limits("hard-bytes=1000,hard-packets=10"), 0, used);
  BOOST_TEST(next.is_over(rte_rdtsc(), 0));
}

BOOST_AUTO_TEST_CASE(the_time_of_use_goes_on_although_the_clock_began_anew) {
  const uint64_t hz = rte_get_tsc_hz();
  const LifetimeUse used{.first_used_at_s = 5000};
  Lifetime lifetime(limits("soft-usetime=50,hard-usetime=100"), 0, used, 60);
  const uint64_t began = 1;  // as small as the TSC of a host that has just been started
  BOOST_TEST(told(lifetime.newly_reached(began, began)) == "soft usetime 50");
  BOOST_TEST(!lifetime.is_over(began + 40 * hz - 1, began));
  BOOST_TEST(lifetime.is_over(began + 40 * hz, began));
  BOOST_TEST(lifetime.next_end_tsc(began) == began + 40 * hz);
  BOOST_TEST(lifetime.used(began + hz, 5061, began).first_used_at_s == 5000u);
  for (const uint64_t used_for_s : {uint64_t{100}, UINT64_MAX}) {
    const Lifetime over(limits("hard-usetime=100"), 0, used, used_for_s);
    BOOST_TEST(over.is_over(began, began));
    BOOST_TEST(over.next_end_tsc(began) == began);
  }
}

BOOST_AUTO_TEST_CASE(when_it_was_first_used_is_found_out_once) {
  const uint64_t hz = rte_get_tsc_hz(), first = 7 * hz;
  Lifetime lifetime(limits("hard-usetime=100"));
  BOOST_TEST(lifetime.used(first, 1000, 0).first_used_at_s == 0u);
  BOOST_TEST(lifetime.used(first + 10 * hz, 1000, first).first_used_at_s == 990u);
  BOOST_TEST(lifetime.used(first + 20 * hz, 1500, first).first_used_at_s == 990u);  // whatever becomes of the clock
}

BOOST_FIXTURE_TEST_CASE(an_sa_begins_with_what_was_used_of_it, Tables) {
  const auto now_s = static_cast<uint64_t>(std::time(nullptr));
  SaSpec made = spec("esp.101@192.0.2.2");
  made.lifetime = limits("hard-usetime=100,hard-packets=10");
  for (const uint64_t ago_s : {uint64_t{50}, uint64_t{101}}) {
    made.lifetime_used = {.packets = 3, .first_used_at_s = now_s - ago_s};
    const auto sa = Sa::create(made).value();
    const uint64_t first = sa->counters.first_used_tsc;
    BOOST_TEST(first != 0u);
    BOOST_TEST(sa->lifetime->is_over(rte_rdtsc(), first) == (ago_s > 100));
    BOOST_TEST(sa->counters.packets == 0u);
    BOOST_TEST(sa->lifetime->packets_taken() == 3u);
  }
  made.lifetime_used = {.first_used_at_s = now_s + 1000};  // the clock was put back
  const auto sa = Sa::create(made).value();
  BOOST_TEST(!sa->lifetime->is_over(rte_rdtsc() + 90 * rte_get_tsc_hz(), sa->counters.first_used_tsc));
}

BOOST_FIXTURE_TEST_CASE(eroutes_that_come_back_are_no_further_ones, Tables) {
  SaSpec made = spec("esp.101@192.0.2.2");
  made.lifetime = limits("hard-allocations=3");
  made.lifetime_used = {.allocations = 3};
  const auto point = [&](SaEdit& e, std::string_view source) {
    return e.set_eroute(selector(source, "10.2.0.0/16"), made.id, ErouteMode::kAdd);
  };
  const auto load = [&](uint64_t stored) {
    made.lifetime_used = {.allocations = stored};
    return edit([&](SaEdit& e) {
      e.clear_sas();
      e.clear_eroutes();
      if (auto added = e.add_sa(made); !added) return added;
      if (auto first = point(e, "10.1.1.0/24"); !first) return first;
      return point(e, "10.1.2.0/24");
    });
  };
  const auto allocations = [&] { return tables->newest(made.id)->sa->lifetime->allocations(); };
  BOOST_REQUIRE(load(3).has_value());
  BOOST_TEST(allocations() == 3u);
  BOOST_TEST(!edit([&](SaEdit& e) { return point(e, "10.1.3.0/24"); }).has_value());
  BOOST_REQUIRE(load(1).has_value());  // the last was not written down any more
  BOOST_TEST(allocations() == 2u);
  BOOST_TEST(edit([&](SaEdit& e) { return point(e, "10.1.3.0/24"); }).has_value());
  BOOST_TEST(allocations() == 3u);
}

BOOST_AUTO_TEST_CASE(several_workers_together_take_no_more_than_there_is) {
  constexpr uint64_t kLimit = 100'003;
  Lifetime lifetime(limits("hard-packets=" + std::to_string(kLimit)));
  std::atomic<uint64_t> taken{0};
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < 3; ++i) {
    workers.emplace_back([&] {
      while (lifetime.take(7, 1)) taken += 7;
      while (lifetime.take(1, 1)) taken += 1;
    });
  }
  for (std::thread& worker : workers) worker.join();
  BOOST_TEST(taken == kLimit);
  BOOST_TEST(lifetime.is_over(rte_rdtsc(), 0));
}

BOOST_FIXTURE_TEST_CASE(the_watch_tells_of_time_in_its_order_and_of_no_sa_that_is_gone, Tables) {
  const uint64_t hz = rte_get_tsc_hz();
  for (const auto& [id, words] : {std::pair("esp.101@192.0.2.2", "hard-addtime=30"),
                                  {"esp.102@192.0.2.2", "soft-addtime=10,hard-addtime=20"},
                                  {"esp.103@192.0.2.2", "hard-addtime=15"},
                                  {"esp.104@192.0.2.2", "hard-packets=5"}}) {
    SaSpec made = spec(id);
    made.lifetime = limits(words);
    BOOST_REQUIRE(edit([&](SaEdit& e) { return e.add_sa(made); }).has_value());
  }
  BOOST_REQUIRE(group({"esp.101@192.0.2.2", "esp.102@192.0.2.2"}).has_value());  // nothing is watched twice
  BOOST_REQUIRE(edit([&](SaEdit& e) { return e.delete_sa(said("esp.103@192.0.2.2")); }).has_value());
  std::vector<std::string> heard;
  const auto tell = [&](const Sa& sa, const Lifetime::Reached& reached) {
    heard.push_back(sa.id.text() + ' ' + told(reached));
  };
  const uint64_t now = rte_rdtsc();
  tables->lifetimes().poll(now + 9 * hz, 100, tell);
  BOOST_TEST(heard.empty());
  tables->lifetimes().poll(now + 31 * hz, 1, tell);
  BOOST_TEST(heard.size() == 1u);  // no more than asked for
  tables->lifetimes().poll(now + 31 * hz, 100, tell);
  const std::vector<std::string> expected = {"esp.102@192.0.2.2 hard addtime 20", "esp.101@192.0.2.2 hard addtime 30"};
  BOOST_TEST(heard == expected, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(allocations_are_eroutes_and_a_hard_limit_refuses_the_next, Tables) {
  SaSpec made = spec("esp.101@192.0.2.2");
  made.lifetime = limits("soft-allocations=2,hard-allocations=3");
  BOOST_REQUIRE(edit([&](SaEdit& e) { return e.add_sa(made); }).has_value());
  const auto point = [&](std::string_view source) {
    return edit([&](SaEdit& e) {
      return e.set_eroute(selector(source, "10.2.0.0/16"), said("esp.101@192.0.2.2"), ErouteMode::kAdd);
    });
  };
  std::vector<std::string> heard;
  const auto poll = [&] {
    tables->lifetimes().poll(rte_rdtsc(), 100,
                             [&](const Sa&, const Lifetime::Reached& reached) { heard.push_back(told(reached)); });
  };
  BOOST_TEST(point("10.1.1.0/24").has_value());
  poll();
  BOOST_TEST(heard.empty());
  BOOST_TEST(point("10.1.2.0/24").has_value());
  poll();
  BOOST_REQUIRE(heard.size() == 1u);
  BOOST_TEST(heard[0] == "soft allocations 2");
  BOOST_TEST(point("10.1.3.0/24").has_value());
  const auto refused = point("10.1.4.0/24");
  BOOST_REQUIRE(!refused.has_value());
  BOOST_TEST(refused.error().text() ==
             "esp.101@192.0.2.2: its lifetime allows no further eroute (hard-allocations); make a new SA");
  poll();
  BOOST_TEST(heard.size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp::test
