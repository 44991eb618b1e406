// Requests and their answers, over real tables, without a socket: transactions, lists in pages, and that no key comes
// back.
#include "control/service.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>

#include <boost/test/unit_test.hpp>

#include "route/route_edit.h"

namespace spigrp {
namespace {

using nlohmann::json;

Options two_null_ports() {
  static unsigned number = 0;
  ++number;
  Options options;
  const auto port = [](const std::string& name, const std::string& address) {
    PortOptions port;
    port.name = name;
    port.device = "net_null_" + name + std::to_string(number);
    port.addresses = {parse_ip_prefix(address, HostBits::kAllowed).value()};
    return port;
  };
  options.ports = {port("lan", "10.1.0.1/24"), port("wan", "192.0.2.1/24")};
  options.memory.packet_buffers = 4096;
  return options;
}

struct Fixture {
  std::unique_ptr<Engine> engine = Engine::create(two_null_ports()).value();
  LogTopics topics{{}};
  Service service{{*engine, topics, nullptr, list_addresses(engine->routes())}};
  Conversation conversation;
  int last_id = 0;

  json call(const std::string& method, const json& params = json::object()) {
    const json message = {{"jsonrpc", "2.0"}, {"id", ++last_id}, {"method", method}, {"params", params}};
    const json answer = json::parse(service.answer(message.dump(), conversation).value());
    BOOST_TEST(answer["id"] == last_id);
    return answer;
  }
  json done(const std::string& method, const json& params = json::object()) {
    json answer = call(method, params);
    BOOST_REQUIRE_MESSAGE(answer.contains("result"), answer.dump());
    return answer["result"];
  }
  std::string refused(const std::string& method, const json& params, int code = kRefused) {
    const json answer = call(method, params);
    BOOST_REQUIRE_MESSAGE(answer.contains("error"), answer.dump());
    BOOST_TEST(answer["error"]["code"] == code);
    return answer["error"]["message"];
  }

  static std::string esp_id(unsigned spi) {
    char text[32];
    std::snprintf(text, sizeof(text), "esp.%x@192.0.2.2", spi);
    return text;
  }
  static json esp(unsigned spi) {
    return {{"spec",
             {{"id", esp_id(spi)},
              {"source", "192.0.2.1"},
              {"algorithm", "aes128gcm16"},
              {"encryption_key", "0x" + std::string(40, 'a')}}}};
  }
  static json edit(const std::string& method, const json& params, unsigned line) {
    return {{"method", method}, {"params", params}, {"line", line}};
  }
  // All rows of a list, page by page; `between` is called after each page but the last.
  template <class Between>
  std::vector<json> list(const std::string& method, unsigned limit, Between between) {
    std::vector<json> rows;
    json cursor = 0;
    do {
      const json page = done(method, {{"cursor", cursor}, {"limit", limit}});
      for (const json& row : page["rows"]) rows.push_back(row);
      BOOST_TEST((page["next"].is_null() || page["next"] != cursor));
      cursor = page["next"];
      if (!cursor.is_null()) between();
    } while (!cursor.is_null());
    return rows;
  }
  std::vector<json> list(const std::string& method, unsigned limit = 1000) {
    return list(method, limit, [] {});
  }
};

BOOST_FIXTURE_TEST_SUITE(service, Fixture)

BOOST_AUTO_TEST_CASE(an_edit_answers_with_the_generation_that_shows_it) {
  const json first = done("sa.add", esp(0x200)), second = done("sa.add", esp(0x201));
  BOOST_TEST(second["generation"].get<uint64_t>() > first["generation"].get<uint64_t>());
  BOOST_TEST(list("sa.list").size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_batch_is_all_or_nothing_and_names_the_line) {
  const json edits = {edit("sa.add", esp(0x200), 1), edit("sa.add", esp(0x201), 2),
                      edit("route.add", {{"spec", {{"destination", "10.9.0.0/16"}, {"via", "192.0.2.2"}}}}, 3),
                      edit("group.set", {{"members", {esp_id(0x200), esp_id(0x999)}}}, 7)};
  const uint64_t before = engine->versions().published();
  const json routes = list("route.list");
  const json answer = call("batch", {{"edits", edits}});
  BOOST_TEST(answer["error"]["data"]["line"] == 7);
  BOOST_TEST(answer["error"]["data"]["object"] == esp_id(0x999));
  BOOST_TEST(list("sa.list").empty());
  BOOST_TEST(json(list("route.list")) == routes);
  BOOST_TEST(engine->versions().published() == before);
}

BOOST_AUTO_TEST_CASE(a_batch_over_all_tables_is_one_generation) {
  const uint64_t before = engine->versions().published();
  const json edits = {edit("sa.add", esp(0x200), 1), edit("interface.create", {{"name", "ipsec0"}}, 2),
                      edit("interface.attach", {{"name", "ipsec0"}, {"port", "wan"}}, 3),
                      edit("route.add", {{"spec", {{"destination", "10.9.0.0/16"}, {"device", "ipsec0"}}}}, 4)};
  BOOST_TEST(done("batch", {{"edits", edits}})["generation"] == before + 1);
}

BOOST_AUTO_TEST_CASE(an_edit_sees_those_before_it_in_its_batch) {
  const json edits = {edit("sa.add", esp(0x200), 1), edit("sa.add", esp(0x201), 2),
                      edit("group.set", {{"members", {esp_id(0x200), esp_id(0x201)}}}, 3)};
  done("batch", {{"edits", edits}});
  const auto groups = list("group.list");
  BOOST_REQUIRE(groups.size() == 1u);
  BOOST_TEST(groups[0]["members"] == json({esp_id(0x200), esp_id(0x201)}));
}

BOOST_AUTO_TEST_CASE(no_key_is_in_any_answer) {
  done("sa.add", esp(0x200));
  std::string all = call("sa.add", esp(0x200)).dump();  // exists
  for (const char* method : {"sa.list", "group.list", "eroute.list", "status", "stats"}) all += call(method).dump();
  json wrong = esp(0x201);
  wrong["spec"]["encryption_key"] = "0x" + std::string(39, 'a');
  all += call("sa.add", wrong).dump();
  BOOST_TEST(all.find(std::string(8, 'a')) == std::string::npos);
}

BOOST_AUTO_TEST_CASE(pages_list_every_sa_once_while_others_come_and_go) {
  std::set<std::string> lasting;
  for (unsigned spi = 0x1000; spi < 0x1000 + 300; ++spi) {
    done("sa.add", esp(spi));
    if (spi % 2 == 0) lasting.insert(esp_id(spi));
  }
  unsigned next_new = 0x8000, next_gone = 0x1001;
  std::map<std::string, int> seen;
  const auto rows = list("sa.list", 7, [&] {
    done("sa.add", esp(next_new++));
    if (next_gone < 0x1000 + 300) done("sa.delete", {{"id", esp_id(next_gone)}});
    next_gone += 2;
  });
  for (const json& row : rows) ++seen[row["id"]];
  for (const std::string& id : lasting) BOOST_TEST(seen[id] == 1, id);
}

BOOST_AUTO_TEST_CASE(pages_list_every_route_once_while_others_come_and_go) {
  const auto route = [](unsigned number) {
    return json{{"spec", {{"destination", "10.50." + std::to_string(number) + ".0/24"}, {"via", "192.0.2.2"}}}};
  };
  std::set<std::string> lasting;
  for (unsigned i = 0; i < 200; ++i) {
    done("route.add", route(i));
    if (i % 2 == 0) lasting.insert(route(i)["spec"]["destination"]);
  }
  unsigned gone = 1;
  std::map<std::string, int> seen;
  const auto rows = list("route.list", 7, [&] {
    if (gone < 200) done("route.delete", {{"destination", route(gone)["spec"]["destination"]}});
    gone += 2;
  });
  for (const json& row : rows) ++seen[row["destination"]];
  for (const std::string& id : lasting) BOOST_TEST(seen[id] == 1, id);
}

BOOST_AUTO_TEST_CASE(the_row_of_an_sa_says_what_it_is) {
  done("sa.add", esp(0x200));
  done("sa.add", {{"spec",
                   {{"id", "ah.201@192.0.2.1"},
                    {"source", "192.0.2.2"},
                    {"algorithm", "hmac-sha1-96"},
                    {"replay_window", 128},
                    {"authentication_key", "0x" + std::string(40, 'b')}}}});
  std::map<std::string, json> rows;
  for (const json& row : list("sa.list")) rows[row["id"]] = row;
  const json out = rows[esp_id(0x200)], in = rows["ah.201@192.0.2.1"];
  BOOST_TEST(out["algorithm"] == "ESP_AES128GCM16");
  BOOST_TEST(out["direction"] == "out");
  BOOST_TEST(out["encryption_key_bits"] == 160);
  BOOST_TEST(out["icv_bits"] == 128);
  BOOST_TEST(in["algorithm"] == "AH_HMAC_SHA1");
  BOOST_TEST(in["direction"] == "in");
  BOOST_TEST(in["replay_window"] == 128);
  BOOST_TEST(in["icv_bits"] == 96);
  BOOST_TEST(in["authentication_key_bits"] == 160);
}

BOOST_AUTO_TEST_CASE(unknown_methods_and_params_are_refused_by_their_codes) {
  BOOST_TEST(refused("no.such", json::object(), kNoSuchMethod).find("no.such") != std::string::npos);
  refused("sa.add", json::object(), kInvalidParams);
  refused("sa.list", {{"limit", 0}}, kInvalidParams);
  refused("sa.list", {{"limit", 1'000'000}}, kInvalidParams);
}

BOOST_AUTO_TEST_CASE(a_notification_is_carried_out_and_not_answered) {
  done("sa.add", esp(0x200));
  BOOST_TEST(service.answer(R"({"jsonrpc":"2.0","method":"sa.clear"})", conversation).value().empty());
  BOOST_TEST(list("sa.list").empty());
}

std::string esp_line(const std::string& id) {
  return "spi --said " + id + " --src 192.0.2.1 --esp aes128gcm16 --enckey 0x" + std::string(40, 'a') + "\n";
}

BOOST_AUTO_TEST_CASE(what_stands_between_begin_and_commit_is_one_transaction) {
  done("begin");
  BOOST_TEST(done("sa.add", esp(0x200))["pending"] == 1);
  BOOST_TEST(
      done("lines", {{"text", esp_line(esp_id(0x201)) + "\n# a comment\n" + esp_line(esp_id(0x202))}})["pending"] == 3);
  BOOST_TEST(list("sa.list").empty());
  const uint64_t before = engine->versions().published();
  BOOST_TEST(done("commit")["generation"] == before + 1);
  BOOST_TEST(list("sa.list").size() == 3u);
  refused("commit", json::object());
}

BOOST_AUTO_TEST_CASE(of_a_transaction_that_is_aborted_refused_or_left_nothing_stays) {
  done("begin");
  done("sa.add", esp(0x200));
  refused("begin", json::object());
  done("abort");
  refused("abort", json::object());
  done("begin");
  done("sa.add", esp(0x200));
  done("group.set", {{"members", {esp_id(0x200), esp_id(0x999)}}});
  const json answer = call("commit");
  BOOST_TEST(answer["error"]["data"]["line"] == 2);
  refused("commit", json::object());  // it is over
  done("begin");
  done("sa.add", esp(0x200));
  conversation = Conversation();  // the client is gone
  BOOST_TEST(list("sa.list").empty());
  done("sa.add", esp(0x200));
}

BOOST_AUTO_TEST_CASE(a_line_is_refused_by_its_number_and_names_and_files_are_the_clients) {
  done("begin");
  const json wrong = call("lines", {{"text", esp_line(esp_id(0x200)) + "spi --bend\n"}, {"line", 40}});
  BOOST_TEST(wrong["error"]["code"] == kInvalidParams);
  BOOST_TEST(wrong["error"]["data"]["line"] == 41);
  refused("lines", {{"text", "spi --said tun.113@gw2 --del"}}, kForClient);
  refused("lines", {{"text", "spi --said esp.300@192.0.2.2 --src 192.0.2.1 --esp aes128gcm16 --enckey @/etc/shadow"}},
          kForClient);
  refused("lines", {{"text", 7}}, kInvalidParams);
  done("abort");
  refused("lines", {{"text", ""}});
}

BOOST_AUTO_TEST_CASE(a_transaction_can_be_made_only_where_nobody_else_made_one) {
  const json seen = done("begin")["generation"];
  done("sa.add", esp(0x200));
  Conversation other;
  std::swap(conversation, other);
  const json made = done("sa.add", esp(0x300))["generation"];
  std::swap(conversation, other);
  BOOST_TEST(refused("commit", {{"if_generation", seen}}).find("somebody else") != std::string::npos);
  BOOST_TEST(list("sa.list").size() == 1u);
  BOOST_TEST(done("status")["edited_at"] == made);
  done("batch", {{"edits", {edit("sa.add", esp(0x200), 1)}}, {"if_generation", made}});
  refused("batch", {{"edits", {edit("sa.add", esp(0x201), 1)}}, {"if_generation", made}});
}

std::vector<std::string> saved(Fixture& fixture, bool keys, unsigned limit = 1000) {
  std::vector<std::string> lines;
  json cursor = 0;
  do {
    const json page = fixture.done("save", {{"cursor", cursor}, {"limit", limit}, {"keys", keys}});
    for (const json& line : page["lines"]) lines.push_back(line);
    cursor = page["next"];
  } while (!cursor.is_null());
  return lines;
}

BOOST_AUTO_TEST_CASE(save_makes_the_same_state_again) {
  done("begin");
  done("lines", {{"text", esp_line(esp_id(0x200)) + esp_line(esp_id(0x201)) + esp_line(esp_id(0x202)) +
                              "spigrp --said " + esp_id(0x200) + " " + esp_id(0x201) +
                              "\neroute --add --eraf inet --src 10.1.0.0/16 --dst 0.0.0.0/0 --said " + esp_id(0x200) +
                              "\neroute --add --eraf inet --src 10.3.0.0/16 --dst 0.0.0.0/0 --said " + esp_id(0x777) +
                              " --dissolved\ntncfg --create ipsec0\nroute --add --dst 10.9.0.0/16 --dev ipsec0\n"}});
  done("commit");
  auto before = saved(*this, true, 2);
  BOOST_TEST(before.size() == 8u);
  std::string text;
  for (const std::string& line : before) text += line + "\n";
  done("begin");
  done("lines", {{"text", "eroute --clear\nspi --clear\ntncfg --clear\n" + text}});
  done("commit");
  auto after = saved(*this, true);
  std::sort(before.begin(), before.end());
  std::sort(after.begin(), after.end());
  BOOST_TEST(after == before, boost::test_tools::per_element());
  for (const std::string& line : saved(*this, false)) BOOST_TEST(line.find("aaaa") == std::string::npos);
}

// Whatever is edited between its pages.
BOOST_AUTO_TEST_CASE(save_shows_one_moment) {
  for (unsigned spi = 0x200; spi < 0x220; ++spi) done("sa.add", esp(spi));
  done("group.set", {{"members", {esp_id(0x200), esp_id(0x21f)}}});
  auto whole = saved(*this, true);
  json page = done("save", {{"limit", 5}, {"keys", true}});
  std::vector<std::string> lines = page["lines"];
  unsigned spi = 0x300;
  while (!page["next"].is_null()) {
    done("sa.delete", {{"id", esp_id(0x201 + spi - 0x300)}});
    done("sa.add", esp(spi++));
    if (spi == 0x303) done("group.dissolve", {{"member", esp_id(0x200)}});
    engine->versions().reclaim();
    page = done("save", {{"cursor", page["next"]}, {"limit", 5}, {"keys", true}});
    for (const json& line : page["lines"]) lines.push_back(line);
  }
  std::sort(whole.begin(), whole.end());
  std::sort(lines.begin(), lines.end());
  BOOST_TEST(lines == whole, boost::test_tools::per_element());
  BOOST_TEST(engine->versions().drain(1000));
}

BOOST_AUTO_TEST_CASE(only_so_many_saves_are_under_way_and_a_cursor_is_of_one_that_is) {
  for (unsigned spi = 0x200; spi < 0x210; ++spi) done("sa.add", esp(spi));
  refused("save", {{"cursor", 5}}, kInvalidParams);
  std::vector<Conversation> others(8);
  for (Conversation& other : others) {
    std::swap(conversation, other);
    done("save", {{"limit", 1}});
    std::swap(conversation, other);
  }
  refused("save", {{"limit", 1}});
  others.clear();
  done("save", {{"limit", 1}});
}

BOOST_AUTO_TEST_CASE(keys_that_another_sa_has_are_warned_of) {
  BOOST_TEST(!done("sa.add", esp(0x200)).contains("warnings"));
  const json warnings = done("sa.add", esp(0x201))["warnings"];
  BOOST_TEST(warnings == json({"esp.201@192.0.2.2: has the same keys as esp.200@192.0.2.2; give each SA its own"}));
  BOOST_TEST(!done("sa.delete", {{"id", esp_id(0x201)}}).contains("warnings"));
  json edits = json::array();
  for (unsigned i = 1; i <= 20; ++i) edits.push_back(edit("sa.add", esp(0x200 + i), i));
  const json many = done("batch", {{"edits", edits}})["warnings"];
  BOOST_REQUIRE(many.size() == 9u);
  BOOST_TEST(many[0] == warnings[0]);
  BOOST_TEST(many[8] == "12 more SAs have the same keys as another");
}

BOOST_AUTO_TEST_CASE(stats_have_all_threads_and_add_up) {
  const json stats = done("stats");
  BOOST_REQUIRE(stats["workers"].size() == 2u);
  BOOST_TEST(stats["workers"][0]["name"] == "worker 0");
  BOOST_TEST(stats["workers"][1]["name"] == "control");
  BOOST_TEST(stats["ports"].size() == 2u);
  BOOST_TEST(stats["unaccounted"] == 0);
}

BOOST_AUTO_TEST_CASE(status_counts_what_there_is) {
  done("sa.add", esp(0x200));
  done("sa.add", esp(0x201));
  done("group.set", {{"members", {esp_id(0x200), esp_id(0x201)}}});
  const json status = done("status");
  BOOST_TEST(status["sas"] == 2);
  BOOST_TEST(status["groups"] == 1);
  BOOST_TEST(!status["version"].get<std::string>().empty());
}

BOOST_AUTO_TEST_CASE(debug_sets_and_clears_topics) {
  BOOST_TEST(done("debug", {{"set", {"esp", "xform"}}})["topics"] == json({"esp", "xform"}));
  BOOST_TEST(done("debug", {{"clear", {"esp"}}})["topics"] == json({"xform"}));
  refused("debug", {{"set", {"nosuch"}}}, kInvalidParams);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
