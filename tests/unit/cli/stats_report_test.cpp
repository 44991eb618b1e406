// The daemon's counters read, and what two reports differ by.
#include "cli/stats_report.h"

#include <boost/test/unit_test.hpp>

#include "stats_json.h"

namespace spigrp {
namespace {

using nlohmann::json;

std::string problem_of(const json& stats) {
  const auto report = parse_stats(stats);
  BOOST_REQUIRE_MESSAGE(!report.has_value(), stats.dump());
  BOOST_TEST(report.error().object == "the daemon's reply");
  BOOST_TEST(report.error().remedy == "the daemon and this command may be of different versions");
  return report.error().problem;
}

StatsReport report_with(uint64_t count) {
  StatsReport report;
  PacketCounts& total = report.total;
  total.received = total.originated = total.sent = total.delivered = total.punted = total.injected = count;
  total.joined = count;
  total.forwarded_plain = total.encapsulated = total.decapsulated = count;
  total.dropped["no_route"] = count;
  report.workers.push_back({"worker 0", 2, count, count, count, total});
  report.ports.push_back(
      {"lan", "net_tap0", "02:00:00:00:00:01", 1500, true, count, count, count, count, count, count, count});
  return report;
}

// Every counter of a report is `count`.
void check_all(const StatsReport& report, uint64_t count) {
  BOOST_REQUIRE(report.workers.size() == 1u);
  BOOST_REQUIRE(report.ports.size() == 1u);
  for (const PacketCounts* packets : {&report.total, &report.workers[0].packets}) {
    for (const uint64_t one : {packets->received, packets->originated, packets->sent, packets->delivered,
                               packets->punted, packets->injected, packets->joined, packets->forwarded_plain,
                               packets->encapsulated, packets->decapsulated, packets->all_dropped()}) {
      BOOST_TEST(one == count);
    }
  }
  const WorkerReport& worker = report.workers[0];
  for (const uint64_t one : {worker.busy_cycles, worker.idle_cycles, worker.bursts}) BOOST_TEST(one == count);
  const PortReport& port = report.ports[0];
  for (const uint64_t one : {port.received_packets, port.received_bytes, port.sent_packets, port.sent_bytes,
                             port.missed_packets, port.receive_errors, port.no_buffer}) {
    BOOST_TEST(one == count);
  }
}

BOOST_AUTO_TEST_CASE(every_counter_is_read_to_its_place) {
  const auto report = parse_stats(stats_json());
  BOOST_REQUIRE(report.has_value());
  BOOST_TEST(report->generation == 12u);
  BOOST_TEST(report->unaccounted == -3);
  BOOST_TEST(report->meanings.at("no_route") == "no route leads there");
  BOOST_REQUIRE(report->workers.size() == 2u);
  const WorkerReport& worker = report->workers[0];
  BOOST_TEST(worker.name == "worker 0");
  BOOST_TEST(worker.core.value() == 2);
  BOOST_TEST(worker.busy_cycles == 3000u);
  BOOST_TEST(worker.idle_cycles == 1000u);
  BOOST_TEST(worker.bursts == 7u);
  const PacketCounts& packets = worker.packets;
  BOOST_TEST(packets.received == 101u);
  BOOST_TEST(packets.originated == 102u);
  BOOST_TEST(packets.sent == 103u);
  BOOST_TEST(packets.delivered == 104u);
  BOOST_TEST(packets.punted == 105u);
  BOOST_TEST(packets.injected == 106u);
  BOOST_TEST(packets.joined == 110u);
  BOOST_TEST(packets.held == 111u);
  BOOST_TEST(packets.forwarded_plain == 107u);
  BOOST_TEST(packets.encapsulated == 108u);
  BOOST_TEST(packets.decapsulated == 109u);
  BOOST_TEST((packets.dropped == DropCounts{{"no_route", 5}, {"runt", 2}}));
  BOOST_TEST(packets.all_dropped() == 7u);
  BOOST_TEST(!report->workers[1].core.has_value());
  BOOST_REQUIRE(report->ports.size() == 1u);
  const PortReport& port = report->ports[0];
  BOOST_TEST(port.name == "lan");
  BOOST_TEST(port.device == "net_tap0");
  BOOST_TEST(port.mac == "02:00:00:00:00:01");
  BOOST_TEST(port.mtu_bytes == 1500u);
  BOOST_TEST(port.link_up);
  BOOST_TEST(port.received_packets == 1u);
  BOOST_TEST(port.received_bytes == 2u);
  BOOST_TEST(port.sent_packets == 3u);
  BOOST_TEST(port.sent_bytes == 4u);
  BOOST_TEST(port.missed_packets == 5u);
  BOOST_TEST(port.receive_errors == 6u);
  BOOST_TEST(port.no_buffer == 7u);
}

BOOST_AUTO_TEST_CASE(what_a_newer_daemon_says_besides_is_passed_over) {
  json stats = stats_json();
  stats["new"] = {{"deep", json::array({1, 2})}};
  stats["workers"][0]["new"] = 1;
  stats["ports"][0]["new"] = "x";
  stats["total"]["new"] = nullptr;
  BOOST_TEST(parse_stats(stats).has_value());
}

BOOST_AUTO_TEST_CASE(a_field_that_is_missing_is_named) {
  for (const char* name : {"generation", "workers", "ports", "total", "unaccounted", "drop_meanings"}) {
    json stats = stats_json();
    stats.erase(name);
    BOOST_TEST(problem_of(stats) == std::string(name) + ": is missing");
  }
  json stats = stats_json();
  stats["workers"][1].erase("sent");
  BOOST_TEST(problem_of(stats) == "workers[1].sent: is missing");
  stats = stats_json();
  stats["ports"][0].erase("mac");
  BOOST_TEST(problem_of(stats) == "ports[0].mac: is missing");
  stats = stats_json();
  stats["total"].erase("dropped");
  BOOST_TEST(problem_of(stats) == "total.dropped: is missing");
}

BOOST_AUTO_TEST_CASE(what_a_thread_may_leave_out_is_zero) {
  json stats = stats_json();
  for (const char* name : {"core", "busy_cycles", "idle_cycles", "bursts"}) stats["workers"][0].erase(name);
  const auto report = parse_stats(stats);
  BOOST_REQUIRE(report.has_value());
  BOOST_TEST(!report->workers[0].core.has_value());
  BOOST_TEST(report->workers[0].busy_cycles == 0u);
}

BOOST_AUTO_TEST_CASE(what_is_of_another_type_is_an_error) {
  const auto with = [](const json::json_pointer& where, const json& what) {
    json stats = stats_json();
    stats[where] = what;
    return problem_of(stats);
  };
  using Where = json::json_pointer;
  for (const json& wrong : {json(), json(7), json("text"), json::object()}) {
    BOOST_TEST(with(Where("/workers"), wrong) == "workers: must be an array");
    BOOST_TEST(with(Where("/ports"), wrong) == "ports: must be an array");
  }
  for (const json& wrong : {json(), json(7), json("text"), json::array()}) {
    BOOST_TEST(with(Where("/drop_meanings"), wrong) == "drop_meanings: must be an object");
    BOOST_TEST(with(Where("/total/dropped"), wrong) == "dropped: must be an object");
    problem_of(wrong);
    with(Where("/total"), wrong);
    with(Where("/workers/0"), wrong);
    with(Where("/ports/0"), wrong);
  }
  for (const json& wrong : {json(-1), json(1.5), json("1"), json(true), json()}) {
    BOOST_TEST(with(Where("/total/received"), wrong).starts_with("total.received: "));
    BOOST_TEST(with(Where("/total/dropped/runt"), wrong).starts_with("runt: "));
    BOOST_TEST(with(Where("/ports/0/sent_bytes"), wrong).starts_with("ports[0].sent_bytes: "));
  }
  BOOST_TEST(with(Where("/drop_meanings/runt"), 7).starts_with("runt: "));
  BOOST_TEST(with(Where("/ports/0/link_up"), 1).starts_with("ports[0].link_up: "));
}

BOOST_AUTO_TEST_CASE(what_happened_between_two_reports_is_their_difference_in_every_counter) {
  check_all(difference(report_with(100), report_with(142)), 42);
}

BOOST_AUTO_TEST_CASE(a_counter_that_is_smaller_than_before_is_of_a_daemon_that_started_anew) {
  check_all(difference(report_with(1'000'000), report_with(7)), 7);
}

BOOST_AUTO_TEST_CASE(nothing_happened_where_nothing_grew) {
  const StatsReport grew = difference(report_with(100), report_with(100));
  check_all(grew, 0);
  BOOST_TEST(grew.total.dropped.empty());
  BOOST_TEST(grew.workers[0].packets.dropped.empty());
}

BOOST_AUTO_TEST_CASE(a_drop_reason_that_is_new_counts_whole_and_one_that_is_gone_does_not_count) {
  StatsReport before = report_with(10), now = report_with(10);
  before.total.dropped = {{"gone", 5}, {"stays", 5}};
  now.total.dropped = {{"stays", 6}, {"new", 3}};
  BOOST_TEST((difference(before, now).total.dropped == DropCounts{{"stays", 1}, {"new", 3}}));
}

BOOST_AUTO_TEST_CASE(threads_and_ports_are_found_by_their_names) {
  StatsReport before = report_with(10), now = report_with(12);
  before.workers.insert(before.workers.begin(), WorkerReport{"worker 1", {}, 1, 1, 1, {}});
  before.ports.insert(before.ports.begin(), PortReport{"wan", "", "", 0, false, 1, 1, 1, 1, 1, 1, 1});
  check_all(difference(before, now), 2);
  now.workers[0].name = "worker 9";
  now.ports[0].name = "dmz";
  const StatsReport grew = difference(before, now);
  BOOST_TEST(grew.workers[0].packets.received == 12u);
  BOOST_TEST(grew.ports[0].received_packets == 12u);
}

BOOST_AUTO_TEST_CASE(what_is_no_counter_is_as_it_is_now) {
  StatsReport before = report_with(1), now = report_with(2);
  before.generation = 5;
  now.generation = 9;
  now.unaccounted = -1;
  now.meanings = {{"runt", "too short"}};
  now.ports[0].link_up = false;
  const StatsReport grew = difference(before, now);
  BOOST_TEST(grew.generation == 9u);
  BOOST_TEST(grew.unaccounted == -1);
  BOOST_TEST(grew.meanings.at("runt") == "too short");
  BOOST_TEST(!grew.ports[0].link_up);
  BOOST_TEST(grew.ports[0].mtu_bytes == 1500u);
  BOOST_TEST(grew.workers[0].core.value() == 2);
}

}  // namespace
}  // namespace spigrp
