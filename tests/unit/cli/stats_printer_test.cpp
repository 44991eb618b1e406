// Counters and rates as they are printed.
#include "cli/stats_printer.h"

#include <boost/test/unit_test.hpp>

#include "stats_json.h"

namespace spigrp {
namespace {

StatsReport report() {
  return parse_stats(stats_json()).value();
}

BOOST_AUTO_TEST_CASE(stats_are_threads_ports_drops_and_what_is_on_its_way) {
  BOOST_TEST(
      stats_text(report()) ==
      "thread             received  originated  sent  delivered  dropped  punted  injected  joined  held  plain  "
      "encapsulated  decapsulated\n"
      "worker 0 (core 2)       101         102   103        104        7     105       106     110   111    107  "
      "         108           109\n"
      "control                   0           0     0          0        0       0         0       0     0      0  "
      "           0             0\n"
      "total                   101         102   103        104        7     105       106     110   111    107  "
      "         108           109\n"
      "\n"
      "port  link  mac                 mtu  received  bytes  sent  bytes  missed  errors  no buffer  device\n"
      "lan   up    02:00:00:00:00:01  1500         1      2     3      4       5       6          7  net_tap0\n"
      "\n"
      "dropped as  packets  meaning\n"
      "no_route          5  no route leads there\n"
      "runt              2  shorter than its headers\n"
      "\n"
      "on their way while this was read: -3\n");
}

BOOST_AUTO_TEST_CASE(a_quiet_gateway_has_dropped_nothing_and_lost_nothing) {
  StatsReport quiet;
  quiet.workers.push_back({"worker 0", -1, 0, 0, 0, {}});
  quiet.total.dropped["runt"] = 0;
  const std::string text = stats_text(quiet);
  BOOST_TEST(text.find("\nworker 0  ") != std::string::npos);
  BOOST_TEST(text.ends_with("\nnothing was dropped\n\nevery packet is accounted for\n"));
}

BOOST_AUTO_TEST_CASE(the_most_frequent_drop_comes_first_and_equal_ones_by_name) {
  StatsReport stats;
  stats.total.dropped = {{"a_few", 1}, {"b_same", 20}, {"c_same", 20}, {"d_most", 300}, {"e_none", 0}};
  BOOST_TEST(stats_text(stats).find("dropped as  packets  meaning\n"
                                    "d_most          300\n"
                                    "b_same           20\n"
                                    "c_same           20\n"
                                    "a_few             1\n\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(rates_are_counts_a_second_with_load_and_cycles_a_packet) {
  BOOST_TEST(rates_text(report(), 2.0) ==
             "thread             received/s  sent/s  dropped/s  encapsulated/s  decapsulated/s   busy  cycles/packet\n"
             "worker 0 (core 2)          50      52          4              54              54  75.0%             10\n"
             "control                     0       0          0               0               0      -              -\n"
             "\n"
             "port  link  received/s  Mbit/s  sent/s  Mbit/s  missed/s\n"
             "lan   up             0     0.0       2     0.0         2\n"
             "\n"
             "dropped as  packets/s  meaning\n"
             "no_route          2.5  no route leads there\n"
             "runt              1.0  shorter than its headers\n");
}

BOOST_AUTO_TEST_CASE(rates_of_ports_are_in_megabits) {
  StatsReport grew;
  grew.ports.push_back({"wan", "", "", 1500, false, 2'000'000, 1'250'000'000, 10, 62'500, 4, 0, 0});
  const std::string text = rates_text(grew, 0.5);
  BOOST_TEST(
      text.ends_with("\n"
                     "port  link  received/s   Mbit/s  sent/s  Mbit/s  missed/s\n"
                     "wan   down     4000000  20000.0      20     1.0         8\n"));
}

BOOST_AUTO_TEST_CASE(an_idle_thread_has_a_load_and_no_cycles_a_packet) {
  StatsReport grew;
  grew.workers.push_back({"worker 0", {}, 0, 1000, 5, {}});
  BOOST_TEST(rates_text(grew, 1).find("worker 0           0       0          0               0               0  0.0%"
                                      "              -\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_largest_counters_are_printed_whole) {
  StatsReport grew;
  grew.workers.push_back({"w", INT64_MAX, UINT64_MAX / 2, 0, UINT64_MAX, {}});
  grew.workers[0].packets.received = UINT64_MAX;
  grew.total.received = UINT64_MAX;
  BOOST_TEST(stats_text(grew).find("18446744073709551615") != std::string::npos);
  BOOST_TEST(rates_text(grew, 0.1).find("184467440737095516160") != std::string::npos);
}

}  // namespace
}  // namespace spigrp
