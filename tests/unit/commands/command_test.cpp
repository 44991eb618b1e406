// What all commands have in common: their names, options, values, files of options, help.
#include <algorithm>

#include "command_fixture.h"

namespace spigrp {
namespace {

constexpr std::string_view kSa = "--af inet --edst 192.0.2.2 --spi 0x115 --proto esp";

std::string help_of(World& world, const std::string& line) {
  const auto parsed = world.parse(line);
  BOOST_REQUIRE_MESSAGE(parsed, line);
  const auto* help = std::get_if<ShowHelp>(&parsed->action);
  BOOST_REQUIRE_MESSAGE(help != nullptr, line);
  return help->text;
}

BOOST_FIXTURE_TEST_SUITE(commands, World)

BOOST_AUTO_TEST_CASE(the_commands_are_in_a_fixed_order) {
  const std::vector<std::string_view> expected{"spi",   "spigrp", "eroute", "tncfg",   "klipsdebug", "look",  "address",
                                               "route", "neigh",  "stats",  "monitor", "explain",    "batch", "save"};
  const auto names = command_names();
  BOOST_TEST(expected == std::vector<std::string_view>(names.begin(), names.end()));
}

BOOST_AUTO_TEST_CASE(an_unknown_command_is_refused_with_the_names_of_those_there_are) {
  refused("frobnicate --all", {"frobnicate", "no such command", "spigrp", "batch"});
}

BOOST_AUTO_TEST_CASE(every_command_has_help_that_names_it_and_what_all_commands_take) {
  for (const std::string_view name : command_names()) {
    const std::string text = help_of(*this, std::string(name) + " --help");
    BOOST_TEST(text.starts_with(std::string(name) + " - "));
    for (const char* part : {"Examples\n", "--label", "--optionsfrom", "$SPIGRP_SOCKET", "Exit status: 0 done"}) {
      BOOST_TEST((text.find(part) != std::string::npos), name << " lacks " << part);
    }
  }
}

BOOST_AUTO_TEST_CASE(spigrp_help_makes_the_sas_that_its_example_groups) {
  const std::string text = help_of(*this, "spigrp --help");
  for (const char* line : {
           "spi --af inet --edst gw2 --spi 0x113 --proto tun --ip4 --src gw1 --dst gw2\n",
           "spi --af inet --edst gw2 --spi 0x115 --proto esp --src gw1 --esp aes128gcm16 --enckey @esp.key\n",
           "spi --af inet --edst gw2 --spi 0x116 --proto ah  --src gw1 --ah hmac-sha2_256-128 --authkey @ah.key\n",
           "spigrp inet gw2 0x113 tun inet gw2 0x115 esp inet gw2 0x116 ah\n",
       }) {
    BOOST_TEST((text.find(line) != std::string::npos), line);
  }
}

BOOST_AUTO_TEST_CASE(the_examples_of_every_help_are_commands) {
  files["esp.key"] = files["new.key"] = "0x000102030405060708090a0b0c0d0e0f10111213\n";
  files["ah.key"] = "0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
  size_t tried = 0;
  for (const std::string_view name : command_names()) {
    std::istringstream text(help_of(*this, std::string(name) + " --help"));
    bool examples = false;
    for (std::string line; std::getline(text, line);) {
      if (line.empty() || line[0] != ' ') examples = line == "Examples" || (examples && line.empty());
      if (!examples || line.find('|') != std::string::npos) continue;
      if (const std::string_view start = "  spigrpctl "; line.starts_with(start)) line.erase(0, start.size());
      const auto words = words_of(line);
      const auto names = command_names();
      if (words.empty() || std::find(names.begin(), names.end(), words[0]) == names.end()) continue;
      const auto parsed = parse(line);
      BOOST_TEST(parsed.has_value(), line << ": " << (parsed ? "" : parsed.error().text()));
      ++tried;
    }
  }
  BOOST_TEST(tried >= 25);
}

BOOST_AUTO_TEST_CASE(help_and_version_go_before_errors) {
  for (const char* line : {"spi --nonsense --help", "spi --src --help", "look left over --help",
                           "spi --optionsfrom nowhere --help", "spi --version --help"}) {
    help_of(*this, line);
  }
  for (const char* line : {"spi --version", "eroute --add --version", "spigrp --version inet"}) {
    const auto parsed = parse(line);
    BOOST_TEST((parsed && std::holds_alternative<ShowVersion>(parsed->action)), line);
  }
  BOOST_TEST(files_read == 0);
  refused("spi -- --help", {"--help", "left over"});
}

BOOST_AUTO_TEST_CASE(common_words_stand_anywhere_and_are_kept) {
  const auto parsed = parse("spi --label night --json --debug --socket=/run/x --clear");
  BOOST_REQUIRE(parsed);
  BOOST_TEST(parsed->common.label == "night");
  BOOST_TEST(parsed->common.json);
  BOOST_TEST(parsed->common.debug);
  BOOST_TEST(parsed->common.socket.value() == "/run/x");
  for (const std::string_view name : command_names()) {
    const std::string least = std::string(name) + (name == "explain" ? " --src 10.1.0.2 --dst 10.2.0.2" : "");
    const auto empty = parse(least);
    BOOST_REQUIRE(empty);
    BOOST_TEST((empty->common.label.empty() && !empty->common.json && !empty->common.debug && !empty->common.socket));
    BOOST_TEST(parse(least + " --label=a=b --json")->common.label == "a=b");
  }
}

BOOST_AUTO_TEST_CASE(options_take_their_values_apart_or_after_an_equals_sign_in_any_order) {
  const auto one = edit<ErouteSet>("eroute --add --eraf inet --src 10.1.0.0/24 --dst 10.2.0.0/24 --said %drop");
  const auto other = edit<ErouteSet>("eroute --said=%drop --dst=10.2.0.0/24 --src=10.1.0.0/24 --eraf=inet --add");
  BOOST_TEST((one.selector == other.selector && one.target == other.target));
}

BOOST_AUTO_TEST_CASE(wrong_options_are_refused_by_name) {
  refused("spi --nosuch", {"--nosuch", "no such option", "spi --help"});
  refused("spi -x", {"-x", "no such option"});
  refused("spi --replay-window 3", {"--replay-window", "is it --replay_window?"});
  refused("spi --algo", {"is it --algorithms?"});
  refused("spi --src", {"--src", "has no value", "--src ADDRESS"});
  refused("spi --src --dst 192.0.2.2", {"--src", "has no value"});
  refused("spi --src= --clear", {"--src", "has no value"});
  refused("spi --clear=yes", {"--clear", "takes no value"});
  refused("spi --src 192.0.2.1 --src 192.0.2.1", {"--src", "given twice"});
  refused("spi --label a --label b", {"--label", "given twice"});
  refused("spi left", {"left", "left over"});
  refused("look at this", {"at", "left over"});
  refused("spi --label", {"--label", "has no value"});
  refused("tncfg --socket", {"--socket", "has no value"});
  for (const std::string_view name : command_names()) refused(std::string(name) + " --nosuch", {"--nosuch"});
}

BOOST_AUTO_TEST_CASE(a_word_with_a_nul_or_a_label_with_a_newline_is_refused) {
  using namespace std::string_literals;
  BOOST_TEST(!parse_command("spi", std::vector{"--clear\0x"s}, world()));
  BOOST_TEST(!parse_command("spi", std::vector{"--label"s, "two\nlines"s}, world()));
  BOOST_TEST(!parse_command("spi", std::vector{"--label"s, std::string(257, 'x')}, world()));
  BOOST_TEST(parse_command("spi", std::vector{"--label"s, "Nachtschicht für Gw1"s}, world()).has_value());
}

BOOST_AUTO_TEST_CASE(a_world_without_files_reads_none) {
  const auto parsed = parse_command("spi", words_of("--optionsfrom x"), CommandWorld{});
  BOOST_REQUIRE(!parsed);
  BOOST_TEST((parsed.error().text().find("cannot be read here") != std::string::npos), parsed.error().text());
}

BOOST_AUTO_TEST_CASE(options_come_from_a_file_with_quotes_and_comments_in_the_place_of_the_word) {
  files["options"] = "# the SA\n--said 'esp.115@192.0.2.2' \\\n";
  refused("spi --optionsfrom options --del", {"options:2", "backslash"});
  files["options"] = "# the SA\r\n--said 'esp.115@192.0.2.2' # by its name\r\n\n\t--del";
  BOOST_TEST(edit<SaDelete>("spi --optionsfrom options").id.text() == "esp.115@192.0.2.2");
  files["options"] = "esp.115@192.0.2.2";
  BOOST_TEST(
      edit<GroupSet>("spigrp --said tun.113@192.0.2.2 --optionsfrom=options ah.116@192.0.2.2").members.at(1).text() ==
      "esp.115@192.0.2.2");
  files["options"] = "--label \"two words\"";
  BOOST_TEST(parse("spi --optionsfrom options")->common.label == "two words");
  files["options"] = "--help";
  help_of(*this, "spi --nonsense --optionsfrom options");
}

BOOST_AUTO_TEST_CASE(files_of_options_lead_to_each_other_up_to_a_depth_and_a_number) {
  files["1"] = "--optionsfrom 2";
  files["2"] = "--optionsfrom=3";
  files["3"] = "--optionsfrom 4";
  files["4"] = "--clear";
  edit<SaClear>("spi --optionsfrom 1");
  files["4"] = "--optionsfrom 5";
  files["5"] = "--clear";
  refused("spi --optionsfrom 1", {"--optionsfrom 5", "deeper than 4"});
  files["loop"] = "--optionsfrom loop --optionsfrom loop";
  refused("spi --optionsfrom loop", {"loop"});
  BOOST_TEST(files_read < 100);
  std::string many = "spi";
  for (int i = 0; i < 17; ++i) many += " --optionsfrom 5";
  refused(many, {"up to 16 files"});
  refused("spi --optionsfrom", {"--optionsfrom", "has no value"});
  refused("spi --optionsfrom --clear", {"--optionsfrom", "has no value"});
  refused("spi --optionsfrom nowhere", {"nowhere", "cannot be read"});
  files["long"] = std::string((256 << 10) + 1, ' ');
  refused("spi --optionsfrom long", {"long", "larger than"});
  files["nul"] = std::string("--clear\0", 8);
  refused("spi --optionsfrom nul", {"nul:1", "NUL"});
}

BOOST_AUTO_TEST_CASE(no_error_shows_what_may_be_a_key) {
  const std::string digits = "00112233445566778899aabbccddeeff";
  files["key"] = "0x" + digits + " x\n";
  const std::vector<std::string> tails = {"--enckey 0x" + digits + "zz",
                                          "--enckey " + digits,
                                          "--enckey 0x0011 " + digits,
                                          "--enckey 0x0011 " + digits.substr(2, 6),
                                          "--enckey=0x" + digits + " --nosuch",
                                          "--authkey 0x" + digits + " --authkey 0x" + digits,
                                          "0x" + digits,
                                          digits,
                                          "--0x" + digits,
                                          "-0x" + digits,
                                          "--enckez=0x" + digits,
                                          std::string("--enckey @key"),
                                          "--comp deflate --enckey 0x" + digits};
  for (const std::string& tail : tails) {
    std::string line = "spi --src 192.0.2.1 ";
    line += kSa;
    line += ' ';
    if (!tail.starts_with("--comp")) line += "--esp aes128gcm16 ";
    line += tail;
    const std::string error = refused(line, {});
    BOOST_TEST((error.find(digits.substr(2, 6)) == std::string::npos), error);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
