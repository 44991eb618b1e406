// Processes of a daemon that are lost one after another: killed, or ended without writing what they used. Each goes on
// with what the one before has left in the state directory.
#pragma once

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/test/unit_test.hpp>

#include "control/number_keeper.h"
#include "control/service.h"
#include "route/route_edit.h"
#include "state_fixture.h"

namespace spigrp::test {

using nlohmann::json;

inline constexpr uint64_t kATurn = 200'000;  // numbers that the fast SA uses meanwhile
inline constexpr unsigned kManyEdits = 20'000 / kSlower;

inline json fast_spec() {
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
  Sa* find(const char* id) const {
    const SaEntry* entry = engine->sas().find_sa(sa_key(parse_sa_id(id).value()), engine->versions().published());
    return entry == nullptr ? nullptr : entry->sa;
  }
  Sa* fast() const { return find("esp.115@192.0.2.2"); }
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
  // So many numbers more come in, the last of them at least. As a worker does; nothing where the SA is not there.
  void receive(uint64_t more) {
    Sa* sa = fast();
    if (sa == nullptr || more == 0) return;
    received += more;
    BOOST_TEST((sa->replay.check_and_advance(received) == ReplayVerdict::kFresh));
  }
  // Many SAs that stay, and this edit; the fast SA is used in each turn.
  void make_large_transaction(const json& edit, unsigned edits_more = kManyEdits) {
    for (now_s = 10; now_s < 14; ++now_s) {
      use(kATurn);
      receive(received_a_turn);
      for (unsigned poll = 0; poll < 40; ++poll) keeper.poll(now_s);
    }
    const uint64_t before = used;
    service.give_turns([&] {
      now_s = 14 + (used - before) / (20 * kATurn);
      keeper.poll_aside(now_s);
      if (in_turn) in_turn();
      use(kATurn);
      receive(received_a_turn);
    });
    json edits = json::array();
    if (!edit.is_null()) edits.push_back(edit);
    for (unsigned i = 0; i < edits_more; ++i) {
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

  std::unique_ptr<Engine> engine = Engine::create(options_of_one_port()).value();
  LogTopics topics{{}};
  std::unique_ptr<Store> store;
  Service service;
  NumberKeeper keeper;
  Conversation conversation;
  uint64_t now_s = 1, highest = 0, used = 0, used_meanwhile = 0, missing = 0;
  uint64_t received = 0, received_a_turn = 0;
  bool repeats = false;
  std::function<void()> in_turn = {};  // when the numbers have been looked at
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
  // What a kill would leave now. Any number of processes can begin with it.
  void keep_a_copy() { folder.copy_to(killed); }
  Process& next_of_copy() {
    process.reset();
    return process.emplace(killed.options());
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
  static size_t received_aside(Process& one) { return one.store->aside().received().value().size(); }
  static size_t aside(Process& one) {
    size_t rows = 0;
    BOOST_REQUIRE(one.store->aside().each([&](const SpentKey&) { ++rows; }).has_value());
    return rows;
  }

  StateFolder folder, killed;
  std::optional<Process> process;
  uint64_t highest = 0;
};

}  // namespace spigrp::test
