// stats: where every packet went.
#include <array>
#include <charconv>

#include "commands/command_row.h"

namespace spigrp {
namespace {

constexpr std::array<Option, 1> kOptions = {{{"--watch", "SECONDS", Takes::kMaybeValue}}};

constexpr double kUsualInterval_s = 1, kShortestInterval_s = 0.1, kLongestInterval_s = 86400;

constexpr std::string_view kHelp = R"(spigrpctl stats [--watch [SECONDS]]

Prints what each worker and each port received and sent, and how many packets
were dropped for each reason. Every packet is counted under exactly one outcome.

  --watch [SECONDS]    print the rates every so many seconds (0.1 ... 86400;
                       usually 1) until interrupted

Examples
  spigrpctl stats
  spigrpctl stats --watch 5
  spigrpctl stats --json
)";

Expected<Action> parse(const Words& words, const CommandWorld& /*world*/) {
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

constinit const CommandRow kStatsCommand{{"stats", kOptions}, "show where every packet went", kHelp, parse};

}  // namespace spigrp
