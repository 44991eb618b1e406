// Files of commands: how lines are taken apart, what they may hold, what happens with hostile ones.
#include <algorithm>
#include <array>
#include <random>

#include "command_fixture.h"

namespace spigrp {
namespace {

struct BatchWorld : World {
  Expected<Batch> read(std::string_view text) { return parse_batch(text, "tunnels", world()); }

  // The text is refused at that line. Returns the error's text.
  std::string refused_at(uint32_t line, const std::string& text, std::initializer_list<std::string_view> parts) {
    const auto batch = read(text);
    BOOST_REQUIRE_MESSAGE(!batch, text << ": is not refused");
    BOOST_TEST(batch.error().object == "tunnels:" + std::to_string(line), text << ": " << batch.error().text());
    for (const std::string_view part : parts) {
      BOOST_TEST((batch.error().text().find(part) != std::string::npos), batch.error().text() << " lacks " << part);
    }
    return batch.error().text();
  }
};

BOOST_FIXTURE_TEST_SUITE(batch_files, BatchWorld)

BOOST_AUTO_TEST_CASE(every_command_is_an_edit_with_the_number_of_its_line) {
  const auto batch = read(
      "# gw1\n"
      "\n"
      "spi --af inet --edst gw2 --spi 0x113 --proto tun --ip4 --src gw1 --dst gw2\r\n"
      "   \t\n"
      "ipsec spigrp --said tun.113@192.0.2.2 esp.115@192.0.2.2 # inside, outside\n"
      "  spigrpctl eroute --clear\n"
      "neigh --add --dst gw2 --mac 02:00:00:00:00:01 --dev wan --label x --json --debug");
  BOOST_REQUIRE_MESSAGE(batch, (batch ? "" : batch.error().text()));
  std::vector<uint32_t> lines;
  for (const NumberedEdit& edit : batch->edits) lines.push_back(edit.line);
  BOOST_TEST(lines == (std::vector<uint32_t>{3, 5, 6, 7}));
  auto edit = batch->edits.begin();
  BOOST_TEST(std::holds_alternative<SaAdd>(edit->edit));
  BOOST_TEST(std::get<GroupSet>((++edit)->edit).members.at(1).text() == "esp.115@192.0.2.2");
  BOOST_TEST(std::holds_alternative<ErouteClear>((++edit)->edit));
  BOOST_TEST(std::holds_alternative<NeighbourSet>((++edit)->edit));
  BOOST_TEST(read("")->edits.empty());
  BOOST_TEST(read("\n\n#\n")->edits.empty());
}

BOOST_AUTO_TEST_CASE(words_are_quoted_as_in_the_shell) {
  for (const char* line : {
           "tncfg --create ipsec0",
           "'tncfg' \"--create\" ipsec0",
           "tn'cf'g --cre\"at\"e ipsec\\0",
           "tncfg\t--create=\"ipsec0\"",
           "\\tncfg --create ''ipsec0\"\"",
       }) {
    const auto batch = read(line);
    BOOST_REQUIRE_MESSAGE(batch, line << ": " << (batch ? "" : batch.error().text()));
    BOOST_TEST(std::get<InterfaceCreate>(batch->edits.front().edit).name == "ipsec0", line);
  }
  const auto port = [&](const std::string& words) {
    const auto batch = read("tncfg --attach --virtual ipsec0 --physical " + words);
    BOOST_REQUIRE_MESSAGE(batch, words << ": " << (batch ? "" : batch.error().text()));
    return std::get<InterfaceAttach>(batch->edits.front().edit).port;
  };
  BOOST_TEST(port("'a b'") == "a b");
  BOOST_TEST(port("a\\ b") == "a b");
  BOOST_TEST(port("'a\\'") == "a\\");
  BOOST_TEST(port("\"a\\\"b\"") == "a\"b");
  BOOST_TEST(port("\"a\\b\"") == "a\\b");
  BOOST_TEST(port("\"it's\"") == "it's");
  BOOST_TEST(port("'#no'") == "#no");
  BOOST_TEST(port("a#b #c") == "a#b");
  BOOST_TEST(port("$HOME") == "$HOME");
  BOOST_TEST(port("\"a\\$b\"") == "a$b");
}

BOOST_AUTO_TEST_CASE(a_line_that_is_no_command_is_refused_with_its_number) {
  refused_at(2, "spi --clear\nspi --nonsense\nspi --worse\n", {"spi", "--nonsense", "no such option"});
  refused_at(1, "frobnicate", {"frobnicate", "no such command"});
  refused_at(1, "save", {"save", "changes nothing"});
  refused_at(3, "\n\nipsec", {"names no command"});
  refused_at(1, "ipsec ipsec spi --clear", {"ipsec", "no such command"});
  refused_at(1, "tncfg --create 'ipsec0", {"single quote", "not closed"});
  refused_at(1, "tncfg --create \"ipsec0\nspi --clear\"", {"double quote", "not closed"});
  refused_at(1, "tncfg --create \"ipsec0\\", {"double quote"});
  refused_at(1, "spi --clear \\\nspi --clear", {"backslash"});
  refused_at(1, "''", {"no such command"});
  refused_at(1, "eroute --add --eraf inet --src 10.1.0.1/24 --dst 10.2.0.0/24 --said %drop", {"--src", "10.1.0.0/24"});
}

BOOST_AUTO_TEST_CASE(only_edits_are_allowed) {
  for (const char* line : {"spi", "spigrp", "eroute", "look", "stats", "stats --watch", "spi --algorithms",
                           "spi --help", "spi --version", "batch other", "klipsdebug --set esp", "klipsdebug"}) {
    refused_at(2, "spi --clear\n" + std::string(line), {"changes nothing"});
  }
  refused_at(1, "spi --clear --socket /run/other", {"--socket", "one daemon"});
}

BOOST_AUTO_TEST_CASE(keys_and_options_come_from_files_in_a_batch_too) {
  files["esp.key"] = "0x0001";
  files["sa"] = "--said esp.115@192.0.2.2 --src gw1";
  const auto batch = read("spi --optionsfrom sa --esp x --enckey @esp.key");
  BOOST_REQUIRE_MESSAGE(batch, (batch ? "" : batch.error().text()));
  BOOST_TEST(std::get<SaAdd>(batch->edits.front().edit).spec.encryption_key.to_hex() == "0x0001");
  const std::string error = refused_at(
      1, "spi --optionsfrom sa --esp x --enckey 0xdeadbeefdeadbeef --enckey 0xdeadbeefdeadbeef", {"--enckey"});
  BOOST_TEST((error.find("dead") == std::string::npos), error);
}

BOOST_AUTO_TEST_CASE(services_have_names_and_hosts_have_none_in_the_daemons_batch) {
  const CommandWorld daemon{};
  BOOST_TEST(parse_batch("eroute --add --eraf inet --src 10.1.0.0/24 --dst 10.2.0.0/24 --transport-proto tcp "
                         "--dst-port https --said %drop",
                         "startup", daemon)
                 .has_value());
  const auto named = parse_batch("spigrp inet gw2 0x113 tun inet gw2 0x115 esp", "startup", daemon);
  BOOST_REQUIRE(!named);
  BOOST_TEST(named.error().object == "startup:1");
}

BOOST_AUTO_TEST_CASE(long_lines_and_nul_bytes_are_refused) {
  refused_at(1, std::string(70'000, 'x'), {"longer than"});
  refused_at(2, "spi --clear\n#" + std::string(70'000, 'x'), {"longer than"});
  refused_at(1, std::string("spi --clear\0", 12), {"NUL"});
  refused_at(1, "spigrp --said " + std::string(60'000, '@'), {});
  refused_at(1, std::string(60'000, '\''), {"no such command"});
}

// A sanitized build takes some seventy times as long for a line.
#ifdef __SANITIZE_ADDRESS__
constexpr size_t kManyBytes = 4u << 20;
#else
constexpr size_t kManyBytes = 64u << 20;
#endif

BOOST_AUTO_TEST_CASE(a_file_of_many_lines_takes_neither_long_nor_more_than_its_edits) {
  const std::string blank(kManyBytes, '\n');
  BOOST_TEST(read(blank)->edits.empty());
  std::string commands;
  for (int i = 0; i < 100'000; ++i) commands += "spi --clear\n";
  BOOST_TEST(read(commands)->edits.size() == 100'000u);
}

BOOST_AUTO_TEST_CASE(no_bytes_end_the_process) {
  constexpr std::array<std::string_view, 27> kPieces = {
      "spi ",   "spigrp ", "eroute ",  "tncfg ", "ipsec ", "--said ",     "--src ",           "--dst ",
      "--esp ", "--del ",  "--clear ", "--add ", "inet ",  "gw2 ",        "0x113 ",           "tun ",
      "esp ",   "%drop ",  "\"",       "'",      "\\",     "10.0.0.0/8 ", "--optionsfrom x ", "--",
      "=",      "\n",      "#"};
  files["x"] = "--optionsfrom x --said \"";
  std::mt19937 random(1);  // NOLINT(bugprone-random-generator-seed): the same bytes in every run
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto i = random() % 24; i > 0; --i) {
      if (random() % 8 == 0) {
        text += static_cast<char>(random());
      } else {
        text += kPieces[random() % kPieces.size()];
      }
    }
    const auto batch = read(text);
    const auto lines = static_cast<uint32_t>(std::count(text.begin(), text.end(), '\n') + 1);
    if (batch) {
      for (const NumberedEdit& edit : batch->edits) BOOST_REQUIRE((edit.line > 0 && edit.line <= lines));
    } else {
      BOOST_REQUIRE(batch.error().object.starts_with("tunnels:"));
    }
    (void)parse_command("spigrp", words_of(text), world());
    (void)parse_command("spi", std::vector{text, text}, world());
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
