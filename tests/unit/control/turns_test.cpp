// What clients are shown while a large transaction is being made, by steps: all of what was before it, then all of it.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include <boost/test/unit_test.hpp>

#include "control/service.h"
#include "route/route_edit.h"
#include "state_fixture.h"

namespace spigrp {
namespace {

using nlohmann::json;

constexpr unsigned kTunnels = 2000 / test::kSlower, kMostLooks = 12;

std::string sa_id(const char* protocol, unsigned number) {
  char text[32];
  std::snprintf(text, sizeof(text), "%s.%x@192.0.2.2", protocol, 0x1000 + number);
  return text;
}
std::string tun(unsigned number) {
  return sa_id("tun", number);
}
std::string esp(unsigned number) {
  return sa_id("esp", number);
}

std::string message(const std::string& method, const json& params = json::object()) {
  return json{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}}.dump();
}
std::string batch_of(const json& edits) {
  return message("batch", {{"edits", edits}});
}

// Without the ages of SAs.
std::string ageless(std::string_view text) {
  constexpr std::string_view kAge = R"("age_s":)";
  std::string rest;
  for (size_t age = 0; (age = text.find(kAge)) != std::string_view::npos;) {
    rest += text.substr(0, age);
    text.remove_prefix(std::min(text.find_first_not_of("0123456789", age + kAge.size()), text.size()));
  }
  rest += text;
  return rest;
}

// Of SAs with a lifetime and an eroute each, in groups. What is asked and answered at length is text wherever it can
// be: there are many of these, and their JSON would take longer than all else.
struct Gateway {
  Gateway() {
    static const std::string made = batch_of(making());
    BOOST_REQUIRE(json::parse(answer_to(made)).contains("result"));
  }

  static json making() {
    json edits = json::array();
    for (unsigned i = 0; i < kTunnels; ++i) {
      add(edits, "sa.add", spec_of_tun(i));
      add(edits, "sa.add", spec_of_esp(i, 'a'));
      add(edits, "group.set", {{"members", {tun(i), esp(i)}}});
      add(edits, "eroute.set", eroute(i));
    }
    return edits;
  }
  static void add(json& edits, const char* method, json params) {
    edits.push_back({{"method", method}, {"params", std::move(params)}});
  }
  static json spec_of_tun(unsigned number) {
    return {{"spec",
             {{"id", tun(number)},
              {"source", "192.0.2.1"},
              {"tunnel_destination", "192.0.2.2"},
              {"lifetime", {{"hard", {{"allocations", 100}}}}}}}};
  }
  static json spec_of_esp(unsigned number, char key) {
    return {{"spec",
             {{"id", esp(number)},
              {"source", "192.0.2.1"},
              {"algorithm", "aes128gcm16"},
              {"encryption_key", "0x" + std::string(40, key)}}}};
  }
  static json eroute(unsigned number) {
    const std::string third = std::to_string(number / 256), fourth = std::to_string(number % 256);
    return {{"selector", {{"source", "10.1." + third + '.' + fourth + "/32"}, {"destination", "10.2.0.0/16"}}},
            {"target", tun(number)},
            {"existing", "replace"}};
  }
  // Every kind of change, of what is there.
  static json change() {
    json edits = json::array();
    for (unsigned i = 0; i < kTunnels; ++i) {
      switch (i % 5) {
        case 0:
          add(edits, "group.dissolve", {{"member", tun(i)}});
          break;
        case 1:
          add(edits, "sa.delete", {{"id", esp(i)}});
          break;
        case 2:
          add(edits, "sa.replace", spec_of_esp(i, 'b'));
          break;
        case 3:
          add(edits, "sa.add", spec_of_esp(kTunnels + i, 'a'));
          add(edits, "group.replace", {{"members", {tun(i), esp(i), esp(kTunnels + i)}}});
          break;
        default:
          break;
      }
      if (i % 5 != 1) add(edits, "eroute.set", eroute(i));
    }
    add(edits, "route.add", {{"spec", {{"destination", "10.9.0.0/16"}, {"via", "192.0.2.9"}}}});
    return edits;
  }

  std::string answer_to(const std::string& line) { return service.answer(line, conversation).value(); }
  json call(const std::string& method, const json& params = json::object()) {
    json answer = json::parse(answer_to(message(method, params)));
    BOOST_REQUIRE_MESSAGE(answer.contains("result"), answer.dump());
    return answer["result"];
  }
  // All that it shows, but for how old it is.
  std::string shown() {
    constexpr std::string_view kNext = R"("next":)";
    std::string all;
    for (const char* method : {"sa.list", "group.list", "eroute.list", "route.list", "interface.list"}) {
      for (std::string cursor = "0"; cursor != "null";) {
        const std::string page = answer_to(message(method, {{"cursor", json::parse(cursor)}, {"limit", 10000}}));
        const size_t next = page.find(kNext), rows = page.find(R"("rows":)");
        BOOST_REQUIRE(next < rows);
        BOOST_REQUIRE(rows != std::string::npos);
        cursor = page.substr(next + kNext.size(), page.find(',', next) - next - kNext.size());
        all += ageless(std::string_view(page).substr(rows));
      }
    }
    const json status = call("status");
    return all +
           json{status["sas"], status["groups"], status["eroutes"], status["generation"], status["edited_at"]}.dump();
  }
  std::string saved() {
    std::string all;
    for (json cursor = 0; !cursor.is_null();) {
      const json page = call("save", {{"cursor", cursor}});
      for (const json& line : page["lines"]) all += line.get<std::string>() + '\n';
      cursor = page["next"];
    }
    return all;
  }
  // What is shown in one turn of a transaction, counted from 0, and in the one after it; nothing where it has not so
  // many. In the others nobody looks, so that there are many.
  struct Seen {
    std::optional<std::string> now, next;
  };
  template <class Look>
  Seen shown_from_turn(unsigned wanted, const std::string& batch, Look look) {
    Seen seen;
    unsigned turn = 0;
    service.give_turns([&] {
      if (turn == wanted) seen.now = look();
      if (turn == wanted + 1) seen.next = look();
      ++turn;
    });
    (void)answer_to(batch);
    service.give_turns({});
    return seen;
  }
  unsigned count_turns(const std::string& batch) {
    unsigned turns = 0;
    service.give_turns([&] { ++turns; });
    (void)answer_to(batch);
    service.give_turns({});
    return turns;
  }

  std::unique_ptr<Engine> engine = Engine::create(test::options_of_one_port()).value();
  LogTopics topics{{}};
  Service service{{*engine, topics, nullptr, list_addresses(engine->routes())}};
  Conversation conversation;
};

// In turns from the first to the last of the transaction: before, then after, and nothing else. Each time the gateway
// is another, and its turns come when the clock says so: what is shown in a later turn is compared within one
// transaction.
template <class Look>
void check_turns(const json& edits, Look look) {
  const std::string batch = batch_of(edits);
  const unsigned turns = Gateway().count_turns(batch);
  const unsigned looks = std::min(turns, kMostLooks);
  BOOST_TEST(looks > 0u);
  for (unsigned number = 0; number < looks; ++number) {
    const unsigned turn = turns * number / looks;
    Gateway gateway;
    const std::string before = look(gateway);
    const auto seen = gateway.shown_from_turn(turn, batch, [&] { return look(gateway); });
    const std::string after = look(gateway);
    if (!seen.now) continue;  // this time there were fewer
    BOOST_TEST((*seen.now == before || *seen.now == after), "in turn " << turn);
    if (!seen.next) continue;
    BOOST_TEST((*seen.next == before || *seen.next == after), "in turn " << turn + 1);
    BOOST_TEST((*seen.now == before || *seen.next == after), "in turn " << turn + 1);
  }
}

BOOST_AUTO_TEST_SUITE(turns)

BOOST_AUTO_TEST_CASE(lists_and_counts_show_what_was_before_or_all_of_it) {
  check_turns(Gateway::change(), [](Gateway& gateway) { return gateway.shown(); });
}

BOOST_AUTO_TEST_CASE(what_is_saved_is_before_or_all_of_it) {
  check_turns(Gateway::change(), [](Gateway& gateway) { return gateway.saved(); });
}

BOOST_AUTO_TEST_CASE(of_one_that_is_refused_nothing_is_ever_shown) {
  json edits = Gateway::change();
  Gateway::add(edits, "sa.delete", {{"id", "esp.99999@192.0.2.2"}});
  check_turns(edits, [](Gateway& gateway) { return gateway.shown(); });
}

// What the engine does in a turn when it hears of a neighbour. False: it has to wait.
bool learn_in_turn(Engine& engine, unsigned number) {
  const Versions::Interlude interlude(engine.versions());
  if (!engine.versions().may_publish()) return false;
  RouteEdit edit(engine.routes(), engine.versions());
  const IpAddress host{Family::kIpv4, {192, 0, 2, static_cast<uint8_t>(10 + number % 200)}};
  BOOST_TEST(edit.learn_neighbour(0, host, {2, 0, 0, 0, 0, static_cast<uint8_t>(number)}));
  edit.link();
  engine.versions().publish();
  return true;
}

BOOST_FIXTURE_TEST_CASE(neighbours_learned_in_turns_do_not_show_the_transaction_before_its_end, Gateway) {
  const json before = call("status");
  unsigned learned = 0;
  service.give_turns([&] {
    const json status = call("status");
    const bool is_made = status["sas"] != before["sas"];
    BOOST_TEST((status["edited_at"] != before["edited_at"]) == is_made);
    if (!is_made) BOOST_TEST(status["groups"] == before["groups"]);
    if (learn_in_turn(*engine, learned)) ++learned;
  });
  const json generation = call("batch", {{"edits", change()}})["generation"];
  service.give_turns({});
  BOOST_TEST(learned > 0u);
  const json after = call("status");
  BOOST_TEST(after["edited_at"] == generation);
  BOOST_TEST(after["sas"] != before["sas"]);
  BOOST_TEST(call("neighbour.list")["rows"].size() == std::min(learned, 200u));
  BOOST_TEST(call("begin")["generation"] == generation);
}

BOOST_FIXTURE_TEST_CASE(what_would_change_something_waits, Gateway) {
  unsigned waited = 0, turns = 0;
  Conversation other;
  const auto ask = [&](const json& params) { return service.answer(message("sa.delete", params), other); };
  service.give_turns([&] {
    ++turns;
    if (!ask({{"id", tun(0)}})) ++waited;
    BOOST_TEST(service.is_busy());
  });
  call("batch", {{"edits", change()}});
  service.give_turns({});
  BOOST_TEST(turns > 0u);
  BOOST_TEST(waited == turns);
  BOOST_TEST(!service.is_busy());
  BOOST_TEST(ask({{"id", tun(0)}}).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
