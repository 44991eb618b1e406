// Commands from their words to what they print and their exit status, with a daemon that says what it is told to.
#include "cli/run_command.h"

#include <csignal>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <fcntl.h>

#include "captured.h"
#include "cli/version.h"
#include "commands/command.h"
#include "fake_daemon.h"
#include "rows.h"
#include "stats_json.h"

namespace spigrp {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

// A daemon that has one row of everything, and takes every edit.
json gateway_answer(const json& request) {
  static const std::map<std::string, json> lists = {
      {"sa.list", to_row_json(sa_row("tun.113@192.0.2.2"))},
      {"group.list", to_row_json(GroupRow{sa_ids({"tun.113@192.0.2.2", "esp.115@192.0.2.2"})})},
      {"eroute.list", to_row_json(eroute_row("10.1.0.2/32", "10.2.0.2/32", "%drop"))},
      {"interface.list", to_row_json(InterfaceRow{"ipsec0", "wan", 1500})},
      {"address.list", {{"address", "10.1.0.1/24"}, {"device", "lan"}}},
      {"route.list", {{"destination", "10.2.0.0/16"}, {"device", "ipsec0"}}},
      {"neighbour.list",
       {{"spec", {{"address", "192.0.2.2"}, {"device", "wan"}, {"mac", "02:00:00:00:02:02"}}}, {"is_static", true}}},
  };
  const std::string method = request["method"];
  if (const auto row = lists.find(method); row != lists.end()) {
    return {{"rows", json::array({row->second})}, {"next", nullptr}};
  }
  if (method == "algorithms") {
    return {{"rows", {to_row_json(AlgorithmListRow{"aes128gcm16", "esp", 160, 0, 128, "MUST", 1024})}}};
  }
  if (method == "stats") return stats_json();
  if (method == "status") return {{"host", "gw1"}, {"time_s", 0}};
  if (method == "debug") return {{"topics", {"esp", "xform"}}};
  return {{"generation", 1}};
}

Answer gateway(const json& request) {
  return result_to(request, gateway_answer(request));
}

struct Outcome {
  int status;
  std::string out, err;
};

Outcome run(const std::string& command, const Words& words, std::string_view input = {}) {
  auto ran = captured([&] { return run_command(command, words); }, input);
  return {static_cast<int>(ran.status), std::move(ran.out), std::move(ran.err)};
}

Outcome run_at(const FakeDaemon& daemon, const std::string& command, Words words, std::string_view input = {}) {
  words.insert(words.end(), {"--socket", daemon.path()});
  return run(command, words, input);
}

// What a list prints where the daemon answers anything else than it should.
Outcome run_against(const json& result, const std::string& command, const Words& words = {}) {
  const FakeDaemon daemon([&](const json& request) { return result_to(request, result); });
  return run_at(daemon, command, words);
}

BOOST_AUTO_TEST_CASE(every_list_prints_its_rows) {
  struct Case {
    const char* command;
    Words words;
    std::string printed;
  };
  const Case cases[] = {
      {"spi",
       {},
       "tun.113@192.0.2.2 ESP_AES128GCM16: dir=out src=192.0.2.1 life(c,s,h)=bytes(0,0,0)addtime(0,0,0)"
       "usetime(0,0,0)packets(0,0,0)\n"},
      {"spigrp", {}, "tun.113@192.0.2.2 esp.115@192.0.2.2\n"},
      {"eroute", {}, "0          10.1.0.2/32:0      -> 10.2.0.2/32:0      => %drop:0\n"},
      {"tncfg", {}, "ipsec0 -> wan mtu=16260(1500) -> 1500\n"},
      {"address", {}, "10.1.0.1/24 dev lan\n"},
      {"route", {}, "10.2.0.0/16 dev ipsec0\n"},
      {"neigh", {}, "192.0.2.2 mac 02:00:00:00:02:02 dev wan static\n"},
      {"klipsdebug", {}, "esp\nxform\n"},
      {"spi",
       {"--algorithms"},
       "algorithm    protocol  enckey bits  authkey bits  icv bits  RFC 8221  cycles/byte\n"
       "aes128gcm16  esp               160             -       128  MUST             1.00\n"},
  };
  const FakeDaemon daemon(gateway);
  for (const Case& one : cases) {
    const Outcome ran = run_at(daemon, one.command, one.words);
    BOOST_TEST(ran.status == 0, one.command);
    BOOST_TEST(ran.out == one.printed);
    BOOST_TEST(ran.err.empty(), ran.err);
  }
}

BOOST_AUTO_TEST_CASE(stats_and_look_print_a_page) {
  const FakeDaemon daemon(gateway);
  const Outcome stats = run_at(daemon, "stats", {}), look = run_at(daemon, "look", {});
  BOOST_TEST(stats.status == 0);
  BOOST_TEST(stats.out.starts_with("thread "));
  BOOST_TEST(stats.out.ends_with("on their way while this was read: -3\n"));
  BOOST_TEST(look.status == 0);
  BOOST_TEST(look.out.starts_with("gw1  "));
  BOOST_TEST(look.out.ends_with("\n10.2.0.0/16 dev ipsec0\n"));
}

BOOST_AUTO_TEST_CASE(stats_of_sas_are_the_counters_of_all_or_of_those_named) {
  SaRow esp = sa_row("esp.115@192.0.2.2");
  esp.packets = 7, esp.bytes = 900, esp.sequence = 8, esp.authentication_failures = 1, esp.replays = 2;
  esp.outside_window = 3, esp.malformed = 4, esp.exhausted = 5, esp.expired = 6, esp.idle_s = 9;
  const json rows = json::array({to_row_json(esp), to_row_json(sa_row("ah.116@192.0.2.2"))});
  const FakeDaemon daemon([&](const json& request) { return result_to(request, {{"rows", rows}, {"next", nullptr}}); });
  const std::string title =
      "SA                 dir  packets  bytes  sequence  authentication failed  replayed  outside window  malformed"
      "  exhausted  expired  idle s\n";
  const std::string esp_line =
      "esp.115@192.0.2.2  out        7    900         8                      1         2               3          4"
      "          5        6       9\n";
  BOOST_TEST(run_at(daemon, "stats", {"--said", "esp.115@192.0.2.2"}).out == title + esp_line);
  const Outcome all = run_at(daemon, "stats", {"--sas"});
  BOOST_TEST(all.out.starts_with(title + esp_line + "ah.116@192.0.2.2   out        0      0"), all.out);
  BOOST_TEST(json::parse(run_at(daemon, "stats", {"--sas", "--json"}).out) == rows);
  BOOST_TEST(json::parse(run_at(daemon, "stats", {"--json", "--said", "ah.116@192.0.2.2"}).out) ==
             json::array({rows[1]}));
  const Outcome none = run_at(daemon, "stats", {"--said", "esp.999@192.0.2.2"});
  BOOST_TEST(none.status == 1);
  BOOST_TEST(none.err == "stats: esp.999@192.0.2.2: no such SA; spi lists the SAs\n");
  const json empty = {{"rows", json::array()}, {"next", nullptr}};
  BOOST_TEST(run_against(empty, "stats", {"--sas"}).out == "there are no SAs\n");
}

BOOST_AUTO_TEST_CASE(every_list_has_json_that_is_the_daemons) {
  const FakeDaemon daemon(gateway);
  for (const char* command : {"spi", "spigrp", "eroute", "tncfg", "address", "route", "neigh"}) {
    const Outcome ran = run_at(daemon, command, {"--json"});
    BOOST_TEST(ran.status == 0, command);
    BOOST_TEST(json::parse(ran.out) == gateway_answer(daemon.requests().back())["rows"]);
  }
  BOOST_TEST(json::parse(run_at(daemon, "spi", {"--algorithms", "--json"}).out).size() == 1u);
  BOOST_TEST(json::parse(run_at(daemon, "klipsdebug", {"--json"}).out) == json({"esp", "xform"}));
  BOOST_TEST(json::parse(run_at(daemon, "stats", {"--json"}).out) == stats_json());
  const json look = json::parse(run_at(daemon, "look", {"--json"}).out);
  BOOST_TEST(look["host"] == "gw1");
  BOOST_TEST(look["time_s"] == 0);
  for (const char* part : {"eroutes", "interfaces", "sas", "routes"}) BOOST_TEST(look[part].size() == 1u, part);
  BOOST_TEST(look["sas"][0]["id"] == "tun.113@192.0.2.2");
}

BOOST_AUTO_TEST_CASE(an_empty_list_prints_nothing_and_as_json_an_empty_array) {
  const json empty = {{"rows", json::array()}, {"next", nullptr}};
  BOOST_TEST(run_against(empty, "spi").out.empty());
  BOOST_TEST(run_against(empty, "spi", {"--json"}).out == "[]\n");
}

BOOST_AUTO_TEST_CASE(json_rows_are_a_row_a_line_over_all_pages) {
  const FakeDaemon daemon([](const json& request) {
    const bool first = request["params"].value("cursor", 0) == 0;
    return result_to(request, {{"rows", {first ? 1 : 2, 0}}, {"next", first ? json(9) : json()}});
  });
  BOOST_TEST(run_at(daemon, "spi", {"--json"}).out == "[\n1,\n0,\n2,\n0\n]\n");
}

BOOST_AUTO_TEST_CASE(a_label_stands_before_each_line_but_not_in_json) {
  const FakeDaemon daemon(gateway);
  BOOST_TEST(run_at(daemon, "klipsdebug", {"--label", "night shift"}).out ==
             "klipsdebug --label night shift: esp\nklipsdebug --label night shift: xform\n");
  BOOST_TEST(run_at(daemon, "klipsdebug", {"--label=x", "--json"}).out == "[\"esp\",\"xform\"]\n");
}

BOOST_AUTO_TEST_CASE(an_edit_is_sent_and_prints_nothing) {
  const FakeDaemon daemon(gateway);
  const Outcome ran =
      run_at(daemon, "spigrp", {"inet", "192.0.2.2", "0x113", "tun", "inet", "192.0.2.2", "0x115", "esp"});
  BOOST_TEST(ran.status == 0);
  BOOST_TEST(ran.out + ran.err == "");
  BOOST_REQUIRE(daemon.requests().size() == 1u);
  BOOST_TEST(daemon.requests()[0]["method"] == "group.set");
  BOOST_TEST(daemon.requests()[0]["params"]["members"] == json({"tun.113@192.0.2.2", "esp.115@192.0.2.2"}));
}

BOOST_AUTO_TEST_CASE(what_the_daemon_warns_of_is_said_and_done) {
  const FakeDaemon daemon([](const json& request) {
    return result_to(request, {{"generation", 1}, {"warnings", {"esp.115@192.0.2.2: has the same keys as another"}}});
  });
  const Outcome one = run_at(daemon, "spi", {"--clear"});
  BOOST_TEST(one.status == 0);
  BOOST_TEST(one.out + one.err == "spi: warning: esp.115@192.0.2.2: has the same keys as another\n");
  const Outcome many = run_at(daemon, "batch", {"--label", "x", "-"}, "spi --clear\n");
  BOOST_TEST(many.status == 0);
  BOOST_TEST(many.out + many.err == "batch --label x: warning: esp.115@192.0.2.2: has the same keys as another\n");
}

BOOST_AUTO_TEST_CASE(names_are_looked_up_by_the_command) {
  const FakeDaemon daemon(gateway);
  BOOST_TEST(run_at(daemon, "spigrp", {"inet", "localhost", "0x113", "tun"}).status == 0);
  BOOST_REQUIRE(daemon.requests().size() == 1u);
  BOOST_TEST(daemon.requests()[0]["params"]["member"] == "tun.113@127.0.0.1");
  const Outcome unknown = run_at(daemon, "spigrp", {"inet", "no-such-host.invalid", "0x113", "tun"});
  BOOST_TEST(unknown.status == 2);
  BOOST_TEST(unknown.err.find("no-such-host.invalid") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_the_daemon_refuses_is_status_1_with_its_words) {
  const FakeDaemon daemon([](const json& request) {
    return error_to(request, error_json({"tun.113@192.0.2.2", "no such SA", "make it"}));
  });
  const Outcome edit = run_at(daemon, "spigrp", {"--label", "x", "inet", "192.0.2.2", "0x113", "tun"});
  BOOST_TEST(edit.status == 1);
  BOOST_TEST(edit.out.empty());
  BOOST_TEST(edit.err == "spigrp --label x: tun.113@192.0.2.2: no such SA; make it\n");
  for (const char* command :
       {"spi", "spigrp", "eroute", "tncfg", "address", "route", "neigh", "klipsdebug", "stats", "look"}) {
    const Outcome ran = run_at(daemon, command, {});
    BOOST_TEST(ran.status == 1, command);
    BOOST_TEST(ran.out.empty(), command);
    BOOST_TEST(ran.err == std::string(command) + ": tun.113@192.0.2.2: no such SA; make it\n");
  }
}

BOOST_AUTO_TEST_CASE(words_that_make_no_command_are_status_2_behind_their_label) {
  const FakeDaemon daemon(gateway);
  for (const Words& words : {Words{"--label", "x", "--nosuch"}, Words{"--nosuch", "--label=x"}}) {
    const Outcome ran = run_at(daemon, "spi", words);
    BOOST_TEST(ran.status == 2);
    BOOST_TEST(ran.out.empty());
    BOOST_TEST(ran.err.starts_with("spi --label x: --nosuch: "), ran.err);
  }
  BOOST_TEST(run("spi", {"--label"}).err.starts_with("spi: "));
  BOOST_TEST(daemon.connections() == 0u);
}

BOOST_AUTO_TEST_CASE(without_a_daemon_every_command_is_status_3) {
  for (const char* command :
       {"spi", "spigrp", "eroute", "tncfg", "address", "route", "neigh", "klipsdebug", "stats", "look"}) {
    const Outcome ran = run(command, {"--socket", "/nonexistent/sock"});
    BOOST_TEST(ran.status == 3, command);
    BOOST_TEST(ran.out.empty(), command);
    BOOST_TEST(ran.err.starts_with(std::string(command) + ": /nonexistent/sock: no daemon listens on this socket; "));
  }
}

BOOST_AUTO_TEST_CASE(the_socket_is_that_of_the_words_else_of_the_environment_else_the_usual_one) {
  const FakeDaemon daemon(gateway);
  setenv("SPIGRP_SOCKET", daemon.path().c_str(), 1);
  BOOST_TEST(run("spigrp", {}).status == 0);
  BOOST_TEST(run("spigrp", {"--socket", "/nonexistent/sock"}).status == 3);
  setenv("SPIGRP_SOCKET", "/nonexistent/other", 1);
  BOOST_TEST(run_at(daemon, "spigrp", {}).status == 0);
  BOOST_TEST(run("spigrp", {}).err.find("/nonexistent/other") != std::string::npos);
  unsetenv("SPIGRP_SOCKET");
}

BOOST_AUTO_TEST_CASE(an_answer_that_makes_no_sense_is_status_3_and_nothing_is_printed) {
  for (const json& odd : {json(), json(7), json("x"), json::array(), json::object(),
                          json({{"rows", {json::object()}}, {"next", nullptr}}), json({{"topics", 7}}),
                          json({{"host", 7}, {"time_s", "x"}})}) {
    for (const Words& words :
         {Words{"spi"}, Words{"spigrp"}, Words{"eroute"}, Words{"tncfg"}, Words{"address"}, Words{"route"},
          Words{"neigh"}, Words{"klipsdebug"}, Words{"stats"}, Words{"look"}, Words{"spi", "--algorithms"}}) {
      const Outcome ran = run_against(odd, words[0], {words.begin() + 1, words.end()});
      BOOST_TEST(ran.status == 3, words[0] + odd.dump());
      BOOST_TEST(ran.out.empty(), words[0] + odd.dump());
      BOOST_TEST(ran.err.starts_with(words[0] + ": the daemon's "), ran.err);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_list_that_breaks_off_prints_no_part_of_a_page) {
  const FakeDaemon daemon([](const json& request) {
    const bool first = request["params"].value("cursor", 0) == 0;
    return first ? result_to(request, {{"rows", gateway_answer(request)["rows"]}, {"next", 5}})
                 : Answer{"{", Answer::Then::kClose};
  });
  const Outcome ran = run_at(daemon, "spi", {});
  BOOST_TEST(ran.status == 3);
  BOOST_TEST(ran.out.empty());
}

BOOST_AUTO_TEST_CASE(help_and_version_need_no_daemon) {
  for (const std::string_view name : command_names()) {
    const std::string command(name);
    const Outcome help = run(command, {"--help"}), version = run(command, {"--version"});
    BOOST_TEST(help.status == 0);
    BOOST_TEST(help.out.starts_with(command + " - "), help.out);
    BOOST_TEST(version.status == 0);
    BOOST_TEST(version.out == command + " (spigrp) " + std::string(kCommandsVersion) + "\n");
  }
}

// Batches.

std::vector<std::string> methods_of(const FakeDaemon& daemon) {
  std::vector<std::string> methods;
  for (const json& request : daemon.requests()) methods.push_back(request["method"]);
  return methods;
}

BOOST_AUTO_TEST_CASE(a_batch_is_one_transaction_of_its_lines) {
  const FakeDaemon daemon(gateway);
  const std::string text = "tncfg --create ipsec0\n\n# a comment\nspi --clear\n";
  const Outcome ran = run_at(daemon, "batch", {"-"}, text);
  BOOST_TEST(ran.status == 0, ran.err);
  BOOST_TEST(ran.out.empty());
  BOOST_TEST(methods_of(daemon) == (std::vector<std::string>{"begin", "lines", "commit"}));
  BOOST_TEST(daemon.requests()[1]["params"] == json({{"text", text}}));
  BOOST_TEST(daemon.requests()[2]["params"] == json::object());
  run_at(daemon, "batch", {"--if-generation", "7", "-"}, text);
  BOOST_TEST(daemon.requests().back()["params"] == json({{"if_generation", 7}}));
}

BOOST_AUTO_TEST_CASE(a_large_batch_goes_in_parts_that_know_their_lines) {
  const FakeDaemon daemon(gateway);
  std::string text;
  for (int line = 0; line < 50000; ++line) text += "spi --said esp.300@192.0.2.2 --del\n";
  BOOST_TEST(run_at(daemon, "batch", {"-"}, text).status == 0);
  std::string sent;
  for (const json& request : daemon.requests()) {
    if (request["method"] != "lines") continue;
    BOOST_TEST(request["params"].value("line", 1) == 1 + std::count(sent.begin(), sent.end(), '\n'));
    sent += request["params"]["text"];
  }
  BOOST_TEST((sent == text));
  BOOST_TEST(daemon.requests().size() > 5u);
}

// The daemon looks up neither names nor files.
BOOST_AUTO_TEST_CASE(what_the_daemon_cannot_look_up_is_sent_as_numbers_and_keys) {
  const FakeDaemon daemon([](const json& request) {
    const json params = request.value("params", json::object());
    if (params.value("text", "").find("localhost") == std::string::npos) return gateway(request);
    return error_to(request, error_json({"localhost", "is no address", {}}, -32001, 2));
  });
  const Outcome ran = run_at(daemon, "batch", {"-"}, "# one\nspi --said esp.300@localhost --del\n\nspi --clear\n");
  BOOST_TEST(ran.status == 0, ran.err);
  BOOST_TEST(methods_of(daemon) == (std::vector<std::string>{"begin", "lines", "abort", "begin", "lines", "commit"}));
  const std::string text = daemon.requests()[4]["params"]["text"];
  BOOST_TEST((text == "\nspi --said esp.300@127.0.0.1 --del\n\nspi --clear\n" ||
              text == "\nspi --said esp:300@::1 --del\n\nspi --clear\n"),
             text);
}

BOOST_AUTO_TEST_CASE(a_refused_line_of_a_batch_is_named_with_its_file) {
  const FakeDaemon daemon([](const json& request) {
    if (request["method"] != "commit") return gateway(request);
    return error_to(request, error_json({"ipsec0", "exists", {}}, -32000, 2));
  });
  const Outcome ran = run_at(daemon, "batch", {"-", "--label", "x"}, "spi --clear\ntncfg --create ipsec0\n");
  BOOST_TEST(ran.status == 1);
  BOOST_TEST(ran.err == "batch --label x: <stdin>:2: ipsec0: exists\n");
}

BOOST_AUTO_TEST_CASE(a_wrong_line_of_a_batch_is_status_2_and_nothing_is_committed) {
  const FakeDaemon daemon([](const json& request) {
    if (request["method"] != "lines") return gateway(request);
    return error_to(request, error_json({"spi: --nosuch", "no such option", {}}, -32602, 2));
  });
  const Outcome ran = run_at(daemon, "batch", {"-"}, "spi --clear\nspi --nosuch\n");
  BOOST_TEST(ran.status == 2);
  BOOST_TEST(ran.err.starts_with("batch: <stdin>:2: "), ran.err);
  BOOST_TEST(methods_of(daemon) == (std::vector<std::string>{"begin", "lines"}));
}

BOOST_AUTO_TEST_CASE(save_prints_the_lines_of_all_pages) {
  const FakeDaemon daemon([](const json& request) {
    const bool first = request["params"].value("cursor", 0) == 0;
    return result_to(
        request, {{"lines", {first ? "tncfg --create ipsec0" : "spi --clear"}}, {"next", first ? json(9) : json()}});
  });
  const Outcome ran = run_at(daemon, "save", {"--keys"});
  BOOST_TEST(ran.status == 0);
  BOOST_TEST(ran.out == "tncfg --create ipsec0\nspi --clear\n");
  BOOST_TEST(daemon.requests()[1]["params"]["keys"] == true);
  BOOST_TEST(run_against(json::object(), "save").status == 3);
}

BOOST_AUTO_TEST_CASE(a_batch_that_cannot_be_read_is_status_1) {
  const Outcome ran = run("batch", {"/nonexistent/batch"});
  BOOST_TEST(ran.status == 1);
  BOOST_TEST(ran.err == "batch: /nonexistent/batch: cannot be read: No such file or directory\n");
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_is_status_1_wherever_words_lead_to_it) {
  const std::string sa = "--said esp.115@192.0.2.2 --src 192.0.2.1 --esp aes128gcm16 --enckey ";
  const Words key = {"--said", "esp.115@192.0.2.2", "--src", "192.0.2.1", "--esp", "aes128gcm16", "--enckey"};
  const auto with = [&](const std::string& word) {
    Words words = key;
    words.push_back(word);
    return words;
  };
  for (const auto& [command, words, input] : {std::tuple("spi", with("@/nonexistent/key"), ""),
                                              std::tuple("spi", Words{"--optionsfrom", "/nonexistent/words"}, ""),
                                              std::tuple("spi", Words{"--optionsfrom=/"}, "")}) {
    const Outcome ran = run(command, words, input);
    BOOST_TEST(ran.status == 1, ran.err);
    BOOST_TEST(ran.err.find("cannot be read") != std::string::npos, ran.err);
  }
  // The daemon leaves a batch's files to the command.
  const FakeDaemon daemon([](const json& request) {
    if (request["method"] != "lines") return gateway(request);
    return error_to(request, error_json({"/none", "is the client's to read", {}}, -32001, 1));
  });
  const Outcome batch = run_at(daemon, "batch", {"-"}, "spi --optionsfrom /none\n");
  BOOST_TEST(batch.status == 1, batch.err);
  BOOST_TEST(batch.err.find("cannot be read") != std::string::npos, batch.err);
  // What is wrong in a file that can be read is wrong usage.
  BOOST_TEST(run("spi", with("@/dev/null")).status == 2);
  BOOST_TEST(run("spi", with("-"), "no key").status == 2);
}

// What a daemon that is none of ours says is shown, but tells the terminal nothing.

BOOST_AUTO_TEST_CASE(control_characters_of_the_daemon_do_not_reach_the_terminal) {
  const std::string evil =
      "a\x1b]0;owned\x07\r\nb\x7f\xc2\x9b"
      "2Jc";
  const FakeDaemon refusing([&](const json& request) { return error_to(request, error_json({evil, evil, evil})); });
  const FakeDaemon answering([&](const json& request) {
    const std::string method = request["method"];
    if (method == "debug") return result_to(request, {{"topics", {evil}}});
    if (method == "status") return result_to(request, {{"host", evil}, {"time_s", 0}});
    json stats = stats_json();
    stats["workers"][0]["name"] = evil;
    if (method == "stats") return result_to(request, stats);
    return result_to(request, {{"rows", json::array()}, {"next", nullptr}});
  });
  std::vector<Outcome> all = {
      run_at(refusing, "spi", {}),   run_at(answering, "klipsdebug", {}),   run_at(answering, "klipsdebug", {"--json"}),
      run_at(answering, "look", {}), run_at(answering, "look", {"--json"}), run_at(answering, "stats", {"--json"})};
  for (const Outcome& ran : all) {
    const std::string said = ran.out + ran.err;
    BOOST_TEST(said.find("owned") != std::string::npos, said);
    for (const char* control : {"\x1b", "\x07", "\r", "\x7f", "\xc2\x9b"}) {
      BOOST_TEST(said.find(control) == std::string::npos, said);
    }
  }
  BOOST_TEST(all[1].out == "a\\x1b]0;owned\\x07\\x0d\\x0ab\\x7f\\x9b2Jc\n");
}

// Standard output that takes nothing.

BOOST_AUTO_TEST_CASE(a_full_disk_is_status_1) {
  const FakeDaemon daemon(gateway);
  const Words words = {"--socket", daemon.path()};
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  const auto ran = captured([&] {
    const Redirected out(STDOUT_FILENO, full);
    return run_command("spigrp", words);
  });
  close(full);
  BOOST_TEST(static_cast<int>(ran.status) == 1);
  BOOST_TEST(ran.err == "spigrp: standard output: cannot be written: No space left on device\n");
}

BOOST_AUTO_TEST_CASE(a_reader_that_has_gone_ends_a_list_without_end_and_a_watch) {
  std::signal(SIGPIPE, SIG_IGN);  // as main() does
  const FakeDaemon daemon([](const json& request) {
    if (request["method"] == "stats") return result_to(request, stats_json());
    json rows = json::array();
    for (int i = 0; i < 1000; ++i) rows.push_back(to_row_json(sa_row("esp.115@192.0.2.2")));
    return result_to(request, {{"rows", rows}, {"next", request["params"].value("cursor", uint64_t{0}) + 1}});
  });
  int ends[2];
  BOOST_REQUIRE(pipe(ends) == 0);
  close(ends[0]);
  for (const Words& words : {Words{"spi"}, Words{"spi", "--json"}, Words{"stats", "--watch", "0.1"}}) {
    Words rest(words.begin() + 1, words.end());
    rest.insert(rest.end(), {"--socket", daemon.path()});
    const auto ran = captured([&] {
      const Redirected out(STDOUT_FILENO, ends[1]);
      return run_command(words[0], rest);
    });
    BOOST_TEST(static_cast<int>(ran.status) == 0, words[0]);
    BOOST_TEST(ran.err.empty(), ran.err);
  }
  close(ends[1]);
  BOOST_TEST(daemon.requests().size() < 20u);
}

BOOST_AUTO_TEST_CASE(a_watch_prints_rates_since_the_last_time_until_the_daemon_is_gone) {
  const FakeDaemon daemon([](const json& request) {
    json stats = stats_json();
    stats["workers"][0]["received"] = request["id"] == 1 ? 0 : 1'000'000;
    return request["id"] < 4 ? result_to(request, stats) : Answer{{}, Answer::Then::kClose};
  });
  const Outcome ran = run_at(daemon, "stats", {"--watch", "0.1", "--label", "x"});
  BOOST_TEST(ran.status == 3);
  BOOST_TEST(ran.err.starts_with("stats --label x: the daemon: closed the connection"), ran.err);
  const std::string worker = "stats --label x: worker 0 (core 2)  ";
  std::vector<std::string> received;  // a second, in each table
  for (size_t at = 0; (at = ran.out.find(worker, at)) != std::string::npos; ++at) {
    const size_t begin = ran.out.find_first_not_of(' ', at + worker.size());
    received.push_back(ran.out.substr(begin, ran.out.find(' ', begin) - begin));
  }
  BOOST_REQUIRE(received.size() == 2u);
  BOOST_TEST(std::stoull(received[0]) > 1000u);
  BOOST_TEST(received[1] == "0");
}

}  // namespace
}  // namespace spigrp
