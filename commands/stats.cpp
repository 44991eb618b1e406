// stats: where every packet went.
#include <array>
#include <charconv>

#include "commands/address_words.h"
#include "commands/command_row.h"

namespace spigrp {
namespace {

constexpr std::array<Option, 3> kStatsOptions = {{
    {"--watch", "SECONDS", Takes::kMaybeValue},
    {"--sas", "", Takes::kNothing},
    {"--said", "SAID", Takes::kValues},
}};

constexpr double kUsualInterval_s = 1, kShortestInterval_s = 0.1, kLongestInterval_s = 86400;

constexpr std::string_view kStatsHelp = R"(spigrpctl stats [--watch [SECONDS]]
spigrpctl stats --sas
spigrpctl stats --said SAID [--said SAID]...

Prints what each worker and each port received and sent, and how many packets
were dropped for each reason. Every packet is counted under exactly one outcome.

  --watch [SECONDS]    print the rates every so many seconds (0.1 ... 86400;
                       usually 1) until interrupted
  --sas                print of each SA its packets, bytes and sequence number,
                       and what it dropped for which reason
  --said SAID          of this SA only

Examples
  spigrpctl stats
  spigrpctl stats --watch 5
  spigrpctl stats --json
  spigrpctl stats --said esp.115@192.0.2.2
)";

Expected<Action> parse_sa_stats(const Words& words, const CommandWorld& world) {
  for (const std::string_view option : {"--sas", "--said"}) {
    if (!words.has(option)) continue;
    if (const auto alone = words.fit(option, {}); !alone) return tl::unexpected(alone.error());
  }
  SaStats stats;
  for (const std::string_view said : words.values("--said")) {
    const auto id = parse_sa_id(said, world.resolve);
    if (!id) return in_option("--said", id.error());
    stats.ids.push_back(*id);
  }
  return stats;
}

Expected<Action> stats_action(const Words& words, const CommandWorld& world) {
  if (words.has("--sas") || words.has("--said")) return parse_sa_stats(words, world);
  const auto word = words.value("--watch");
  if (!word) return Listing::kStats;
  if (words.common().json) {
    return failure("--watch and --json", "do not go together", "ask for stats --json every so often");
  }
  if (word->empty()) return StatsWatch{kUsualInterval_s};
  double seconds = 0;
  const char* const end = word->data() + word->size();
  const auto [stop, status] = std::from_chars(word->data(), end, seconds, std::chars_format::fixed);
  const bool in_range = seconds >= kShortestInterval_s && seconds <= kLongestInterval_s;  // false of a NaN
  if (status != std::errc() || stop != end || !in_range) {
    return failure("--watch " + as_typed(*word), "is no number of seconds", "use 0.1 … 86400");
  }
  return StatsWatch{seconds};
}

}  // namespace

constinit const CommandRow kStatsCommand{
    {"stats", kStatsOptions}, "show where every packet went", kStatsHelp, stats_action};

}  // namespace spigrp
