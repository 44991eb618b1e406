// klipsdebug, look, stats and batch as commands: what their words make, and what they refuse.
#include "command_fixture.h"
#include "config/log_topic.h"

namespace spigrp {
namespace {

struct WatchingWorld : World {
  DebugFlags flags(const std::string& line) {
    const auto parsed = parse(line);
    BOOST_REQUIRE_MESSAGE(parsed, line << ": " << (parsed ? "" : parsed.error().text()));
    return std::get<DebugFlags>(std::get<Request>(parsed->action));
  }
  double interval(const std::string& line) {
    const auto parsed = parse(line);
    BOOST_REQUIRE_MESSAGE(parsed, line);
    return std::get<StatsWatch>(parsed->action).interval_s;
  }
  std::string batch_file(const std::string& line) {
    const auto parsed = parse(line);
    BOOST_REQUIRE_MESSAGE(parsed, line);
    return std::get<BatchFile>(parsed->action).path;
  }
};

using Flags = std::vector<std::string>;

BOOST_FIXTURE_TEST_SUITE(watching_commands, WatchingWorld)

BOOST_AUTO_TEST_CASE(klipsdebug_sets_and_clears_the_old_flags) {
  lists("klipsdebug", Listing::kDebugFlags);
  BOOST_TEST(flags("klipsdebug --set esp").set == Flags{"esp"});
  BOOST_TEST(flags("klipsdebug --set esp").clear.empty());
  BOOST_TEST(flags("klipsdebug --clear tunnel-xmit").clear == Flags{"tunnel-xmit"});
  const auto several = flags("klipsdebug --set esp --clear ah --set rcv --set esp");
  BOOST_TEST(several.set == (Flags{"esp", "rcv"}));
  BOOST_TEST(several.clear == Flags{"ah"});
  BOOST_TEST(flags("klipsdebug --all").set == Flags(kLogTopics.begin(), kLogTopics.end()));
  BOOST_TEST(flags("klipsdebug --none").clear == Flags(kLogTopics.begin(), kLogTopics.end()));
  BOOST_TEST(flags("klipsdebug --none").set.empty());
}

BOOST_AUTO_TEST_CASE(klipsdebug_refuses_unknown_flags_and_contradictions) {
  refused("klipsdebug --set nosuch", {"--set nosuch", "tunnel-xmit"});
  refused("klipsdebug --clear nosuch", {"--clear nosuch"});
  refused("klipsdebug --set", {"--set", "has no value"});
  refused("klipsdebug --set esp --clear esp", {"esp", "both set and cleared"});
  refused("klipsdebug --all --none", {"--none", "--all"});
  refused("klipsdebug --all --set esp", {"--set", "--all"});
  refused("klipsdebug esp", {"esp", "left over"});
}

BOOST_AUTO_TEST_CASE(look_takes_what_all_commands_take_and_no_more) {
  lists("look", Listing::kLook);
  lists("look --label x", Listing::kLook);
  refused("look --nosuch", {"--nosuch"});
}

BOOST_AUTO_TEST_CASE(stats_lists_once_or_watches) {
  lists("stats", Listing::kStats);
  lists("stats --json", Listing::kStats);
  BOOST_TEST(interval("stats --watch") == 1.0);
  BOOST_TEST(interval("stats --watch 5") == 5.0);
  BOOST_TEST(interval("stats --watch=0.5") == 0.5);
  BOOST_TEST(interval("stats --watch --label x") == 1.0);
  for (const char* seconds : {"0", "-1", "0.05", "86401", "nan", "inf", "1e9", "5s", "soon"}) {
    refused("stats --watch " + std::string(seconds), {"--watch", "seconds"});
  }
  refused("stats --watch 1 2", {"2", "left over"});
  refused("stats --watch --json", {"--watch and --json"});
}

BOOST_AUTO_TEST_CASE(stats_of_sas_are_of_all_or_of_those_named) {
  const auto ids = [&](const std::string& line) {
    const auto parsed = parse(line);
    BOOST_REQUIRE_MESSAGE(parsed, line << ": " << (parsed ? "" : parsed.error().text()));
    std::string all;
    for (const SaId& id : std::get<SaStats>(parsed->action).ids) all += id.text() + ' ';
    return all;
  };
  BOOST_TEST(ids("stats --sas").empty());
  BOOST_TEST(ids("stats --sas --json").empty());
  BOOST_TEST(ids("stats --said esp.115@192.0.2.2") == "esp.115@192.0.2.2 ");
  BOOST_TEST(ids("stats --said ah0x116@gw2 --said tun.113@192.0.2.2") == "ah.116@192.0.2.2 tun.113@192.0.2.2 ");
  refused("stats --sas --said esp.115@192.0.2.2", {"--said", "--sas"});
  refused("stats --sas --watch", {"--watch", "--sas"});
  refused("stats --said esp.115@192.0.2.2 --watch 2", {"--watch", "--said"});
  refused("stats --said nosuch", {"--said", "nosuch"});
  refused("stats --said", {"--said", "has no value"});
}

BOOST_AUTO_TEST_CASE(batch_takes_one_file_or_standard_input) {
  BOOST_TEST(batch_file("batch") == "-");
  BOOST_TEST(batch_file("batch -") == "-");
  BOOST_TEST(batch_file("batch /etc/spigrp/tunnels") == "/etc/spigrp/tunnels");
  BOOST_TEST(batch_file("batch -- --strange") == "--strange");
  refused("batch one two", {"two", "one FILE"});
  refused("batch --keys", {"--keys"});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
