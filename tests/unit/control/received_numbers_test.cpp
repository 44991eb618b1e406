// Replay windows over processes that are lost: what came in the middle of a transaction, which has the store to itself,
// is refused afterwards too.
#include <string>
#include <vector>

#include "lost_process.h"

namespace spigrp {
namespace {

using nlohmann::json;
using test::fast_spec;
using test::Process;

constexpr uint64_t kReceivedATurn = 5000;  // so that it counts as fast
constexpr unsigned kEdits = test::kManyEdits / 2;
constexpr const char* kFast = "esp.115@192.0.2.2";

json other_spec(const std::string& id, char key) {
  json spec = fast_spec();
  spec["id"] = id;
  spec["encryption_key"] = "0x" + std::string(40, key);
  return spec;
}

struct Receivers : test::Processes {
  // One that has the fast SA, which receives in each turn.
  Process& begin() {
    Process& first = next();
    first.call("sa.clear");
    first.call("sa.add", {{"spec", fast_spec()}});
    first.received_a_turn = kReceivedATurn;
    return first;
  }
  // Refuses this number, and takes what the peer sends when it has sent some more: three times as many as ever.
  static void check_window(const Process& one, uint64_t number, uint64_t received) {
    BOOST_REQUIRE(one.fast() != nullptr);
    const ReplayWindow& window = one.fast()->replay;
    BOOST_TEST((window.check(number) != ReplayVerdict::kFresh));
    BOOST_TEST((window.check(3 * received) == ReplayVerdict::kFresh));
  }
  // One that has many SAs.
  Process& begin_many() {
    Process& first = next();
    json edits = json::array();
    for (unsigned i = 0; i < kMany; ++i) {
      edits.push_back({{"method", "sa.add"}, {"params", {{"spec", other_spec(id_of(i), 'c')}}}});
    }
    first.call("batch", {{"edits", edits}});
    many.clear();
    for (unsigned i = 0; i < kMany; ++i) many.push_back(first.find(id_of(i).c_str()));
    return first;
  }
  static std::string id_of(unsigned number) { return "esp." + std::to_string(1000 + number) + "@192.0.2.2"; }
  static json replaced_by(char key) {
    return {{"method", "sa.replace"}, {"params", {{"spec", other_spec(kFast, key)}}}};
  }

  static constexpr size_t kMany = 600;
  std::vector<Sa*> many;
};

BOOST_FIXTURE_TEST_SUITE(received_numbers, Receivers)

BOOST_AUTO_TEST_CASE(what_came_in_a_transaction_is_refused_after_kills_in_it) {
  Process& first = begin();
  uint64_t came = 0;
  unsigned turns = 0;
  first.in_turn = [&] {
    if (++turns != 3) return;
    keep_a_copy();
    came = first.received;
  };
  first.make_large_transaction(nullptr, kEdits);
  BOOST_REQUIRE(came > 0u);
  for (int again = 0; again < 3; ++again) {
    Process& killed_one = next_of_copy();
    BOOST_TEST(killed_one.find("tun.1000@192.0.2.3") == nullptr);  // the transaction never was
    check_window(killed_one, came, came);
    BOOST_TEST(received_aside(killed_one) == 0u);
  }
}

BOOST_AUTO_TEST_CASE(it_is_refused_after_the_transaction_too) {
  for (const bool taken_in : {false, true}) {
    Process& first = begin();
    uint64_t came = 0;
    first.in_turn = [&] { came = first.received; };
    first.make_large_transaction(nullptr, kEdits);
    BOOST_TEST(received_aside(first) == 1u);
    first.received_a_turn = 0;
    if (taken_in) first.keeper.poll(first.now_s);
    BOOST_TEST(received_aside(first) == (taken_in ? 0u : 1u));
    const uint64_t received = first.received;
    for (int again = 0; again < 2; ++again) check_window(next(), came, received);
  }
}

BOOST_AUTO_TEST_CASE(one_that_takes_over_keys_in_it_refuses_what_the_other_accepted) {
  for (const bool taken_in : {false, true}) {
    Process& first = begin();
    const Sa* before = first.fast();
    uint64_t came = 0;
    first.in_turn = [&] {
      if (first.fast() == before) came = first.received;
    };
    first.make_large_transaction(replaced_by('a'), kEdits);
    BOOST_TEST(first.fast() != before);
    if (taken_in) first.keeper.poll(first.now_s);
    const uint64_t received = first.received;
    for (int again = 0; again < 2; ++again) check_window(next(), came, received);
  }
}

BOOST_AUTO_TEST_CASE(one_that_takes_over_keys_refuses_what_was_not_noted_again_because_it_was_noted_ahead) {
  Process& first = begin();
  first.received_a_turn = 0;
  first.receive(100);
  uint64_t came = 0;
  first.in_turn = [&] {
    if (came > 0) return;  // the edits before have been made
    first.receive(50);
    came = first.received;
  };
  first.make_large_transaction(replaced_by('a'), kEdits);
  BOOST_TEST(received_aside(first) == 0u);
  for (int again = 0; again < 2; ++again) check_window(next(), came, 1000);
}

BOOST_AUTO_TEST_CASE(windows_of_other_sas_with_the_keys_or_the_said_are_not_closed_by_it) {
  for (const bool taken_in : {false, true}) {
    Process& first = begin();
    first.call("sa.add", {{"spec", other_spec("esp.116@192.0.2.2", 'a')}});
    const Sa* before = first.fast();
    first.in_turn = [&] {
      if (first.fast() != before) first.received_a_turn = 0;
    };
    first.make_large_transaction(replaced_by('b'), kEdits);
    BOOST_TEST(received_aside(first) == 1u);
    if (taken_in) first.keeper.poll(first.now_s);
    Process& second = next();
    BOOST_TEST(second.fast()->replay.highest() == 0u);
    BOOST_TEST(second.find("esp.116@192.0.2.2")->replay.highest() == 0u);
    BOOST_TEST(received_aside(second) == 0u);
  }
}

BOOST_AUTO_TEST_CASE(of_an_sa_that_goes_in_it_nothing_is_left) {
  for (const bool taken_in : {false, true}) {
    Process& first = begin();
    first.make_large_transaction({{"method", "sa.delete"}, {"params", {{"id", kFast}}}}, kEdits);
    BOOST_TEST(received_aside(first) == 1u);
    if (taken_in) first.keeper.poll(first.now_s);
    Process& second = next();
    BOOST_TEST(received_aside(second) == 0u);
    second.call("sa.add", {{"spec", fast_spec()}});
    BOOST_TEST(second.fast()->replay.highest() == 0u);
    BOOST_TEST(next().fast()->replay.highest() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(after_an_end_the_window_is_exactly_where_it_was) {
  Process& first = begin();
  first.make_large_transaction(nullptr, kEdits);
  BOOST_REQUIRE(first.keeper.finish().has_value());
  const uint64_t received = first.received;
  for (int again = 0; again < 2; ++again) {
    Process& second = next();
    BOOST_TEST(second.fast()->replay.highest() == received);
    BOOST_TEST(received_aside(second) == 0u);
    BOOST_REQUIRE(second.keeper.finish().has_value());
  }
}

BOOST_AUTO_TEST_CASE(many_slow_ones_are_noted_in_turn_and_taken_in_in_turn) {
  Process& first = begin_many();
  for (Sa* sa : many) sa->replay.check_and_advance(100);
  size_t noted = 0;
  for (unsigned polls = 0; noted < kMany; ++polls) {
    BOOST_REQUIRE(polls < 200u);
    first.keeper.poll_aside(first.now_s += 1);
    const size_t now = received_aside(first);
    BOOST_TEST(now - noted <= 64u);
    noted = now;
  }
  for (unsigned polls = 0; received_aside(first) > 0; ++polls) {
    BOOST_REQUIRE(polls < 10u);
    first.keeper.poll(first.now_s);
  }
  const Process& second = next();
  for (unsigned i = 0; i < kMany; ++i) {
    const ReplayWindow& window = second.find(id_of(i).c_str())->replay;
    BOOST_REQUIRE((window.check(100) != ReplayVerdict::kFresh));
    BOOST_REQUIRE((window.check(100 + 2048) == ReplayVerdict::kFresh));
  }
}

BOOST_AUTO_TEST_CASE(many_fast_ones_are_noted_in_two_turns) {
  Process& first = begin_many();
  uint64_t number = 0;
  for (unsigned second = 0; second < 3; ++second) {
    number += kReceivedATurn;
    for (Sa* sa : many) sa->replay.check_and_advance(number);
    ++first.now_s;
    for (unsigned polls = 0; polls < 50; ++polls) first.keeper.poll(first.now_s);
  }
  for (Sa* sa : many) sa->replay.check_and_advance(2 * number);
  first.keeper.poll_aside(first.now_s);
  const size_t noted = received_aside(first);
  BOOST_TEST((noted >= 512 && noted <= 512 + 64), noted);
  first.keeper.poll_aside(first.now_s);
  BOOST_TEST(received_aside(first) == kMany);
}

BOOST_AUTO_TEST_CASE(a_file_of_before_without_received_numbers_is_read) {
  Process& first = begin();
  BOOST_REQUIRE(first.keeper.finish().has_value());
  process.reset();
  {
    auto database = Database::open(folder.options().directory / "numbers.db", false).value();
    BOOST_REQUIRE(database.run("DROP TABLE received").has_value());
  }
  Process& second = next();
  second.received_a_turn = kReceivedATurn;
  second.make_large_transaction(nullptr, kEdits);
  BOOST_TEST(received_aside(second) == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
