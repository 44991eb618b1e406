// Sequence numbers over processes that are lost: an SA that is fast goes on in the middle of a transaction, and none of
// its numbers comes twice (invariant 1).
#include <memory>
#include <optional>
#include <string>

#include <boost/test/unit_test.hpp>

#include "control/number_keeper.h"
#include "control/service.h"
#include "route/route_edit.h"
#include "state_fixture.h"

namespace spigrp {
namespace {

using nlohmann::json;

constexpr uint64_t kATurn = 200'000;  // numbers that the fast SA uses meanwhile
constexpr unsigned kManyEdits = 20'000 / test::kSlower;

json fast_spec() {
  return {{"id", "esp.115@192.0.2.2"},
          {"source", "192.0.2.1"},
          {"algorithm", "aes128gcm16"},
          {"encryption_key", "0x" + std::string(40, 'a')}};
}

// The daemon from its start on. It is lost where it ends without finish().
struct Process {
  explicit Process(const StateOptions& state)
      : store(Store::open(state, {}).value()),
        service({*engine, topics, store.get(), list_addresses(engine->routes())}),
        keeper(*engine, *store) {
    if (store->has_state()) BOOST_REQUIRE(service.load().has_value());
    BOOST_REQUIRE(keeper.begin().has_value());
  }

  json call(const std::string& method, const json& params = json::object()) {
    const json message = {{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}};
    json answer = json::parse(service.answer(message.dump(), conversation).value());
    BOOST_REQUIRE_MESSAGE(answer.contains("result"), answer.dump());
    return answer["result"];
  }
  Sa* fast() const {
    const SaEntry* entry =
        engine->sas().find_sa(sa_key(parse_sa_id("esp.115@192.0.2.2").value()), engine->versions().published());
    return entry == nullptr ? nullptr : entry->sa;
  }
  // As a worker does; nothing where the SA is not there.
  void use(uint64_t wanted) {
    Sa* sa = fast();
    if (sa == nullptr) return;
    while (wanted > 0) {
      const uint64_t burst = std::min<uint64_t>(wanted, 64);
      const auto numbers = sa->sequence.reserve(burst);
      if (numbers.count > 0) {
        repeats = repeats || numbers.first <= highest;
        highest = numbers.first + numbers.count - 1;
        used += numbers.count;
      }
      missing += burst - numbers.count;
      wanted -= burst;
    }
  }
  // Many SAs that stay, and this edit; the fast SA is used in each turn.
  void make_large_transaction(const json& edit) {
    for (now_s = 10; now_s < 14; ++now_s) {
      use(kATurn);
      for (unsigned poll = 0; poll < 40; ++poll) keeper.poll(now_s);
    }
    const uint64_t before = used;
    service.give_turns([&] {
      now_s = 14 + (used - before) / (20 * kATurn);
      keeper.poll_aside(now_s);
      use(kATurn);
    });
    json edits = json::array();
    if (!edit.is_null()) edits.push_back(edit);
    for (unsigned i = 0; i < kManyEdits; ++i) {
      char id[32];
      std::snprintf(id, sizeof(id), "tun.%x@192.0.2.3", 0x1000 + i);
      edits.push_back(
          {{"method", "sa.add"},
           {"params", {{"spec", {{"id", id}, {"source", "192.0.2.1"}, {"tunnel_destination", "192.0.2.3"}}}}}});
    }
    call("batch", {{"edits", edits}});
    service.give_turns({});
    used_meanwhile = used - before;
  }

  std::unique_ptr<Engine> engine = Engine::create(test::options_of_one_port()).value();
  LogTopics topics{{}};
  std::unique_ptr<Store> store;
  Service service;
  NumberKeeper keeper;
  Conversation conversation;
  uint64_t now_s = 1, highest = 0, used = 0, used_meanwhile = 0, missing = 0;
  bool repeats = false;
};

struct Processes {
  // The next process; the one before is lost unless it has finished.
  Process& next() {
    if (process) highest = std::max(highest, process->highest);
    process.reset();
    process.emplace(folder.options());
    process->highest = highest;
    return *process;
  }
  // Lost ones, each of which uses all that it may without asking.
  void lose_some() {
    for (unsigned lost = 0; lost < 3; ++lost) {
      Process& one = next();
      BOOST_REQUIRE(one.fast() != nullptr);
      one.use(kReserveAhead / 2);
      one.use(one.fast()->sequence.available());
      BOOST_TEST(!one.repeats);
    }
  }
  static size_t aside(Process& one) {
    size_t rows = 0;
    BOOST_REQUIRE(one.store->aside().each([&](const SpentKey&) { ++rows; }).has_value());
    return rows;
  }

  test::StateFolder folder;
  std::optional<Process> process;
  uint64_t highest = 0;
};

BOOST_FIXTURE_TEST_SUITE(number_reservation, Processes)

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
