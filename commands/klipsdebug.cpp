// klipsdebug: switches the daemon's log topics on and off.
#include <algorithm>
#include <array>

#include "commands/address_words.h"
#include "commands/command_row.h"
#include "config/log_topic.h"

namespace spigrp {
namespace {

constexpr std::array<Option, 4> kKlipsdebugOptions = {{
    {"--set", "FLAG", Takes::kValues},
    {"--clear", "FLAG", Takes::kValues},
    {"--all", "", Takes::kNothing},
    {"--none", "", Takes::kNothing},
}};

constexpr std::string_view kKlipsdebugHelp = R"(klipsdebug --set FLAG
klipsdebug --clear FLAG
klipsdebug --all
klipsdebug --none
klipsdebug

FLAG is one of the daemon's log topics: tunnel, tunnel-xmit, xform, eroute, spi,
esp, ah, rcv, pfkey, ipcomp, verbose. None of them prints keys.

  --set FLAG           log that topic; may be given more than once
  --clear FLAG         log it no more; may be given more than once
  --all                log all topics
  --none               log none

Without words it lists the topics that are logged.

Examples
  klipsdebug --set esp --set rcv
  klipsdebug --none
)";

Expected<std::vector<std::string>> read_flags(const Words& words, std::string_view option) {
  std::vector<std::string> flags;
  for (const std::string_view word : words.values(option)) {
    if (const auto known = validate_log_topic(word); !known) return in_option(option, known.error());
    if (std::find(flags.begin(), flags.end(), word) == flags.end()) flags.emplace_back(word);
  }
  return flags;
}

Expected<Action> klipsdebug_action(const Words& words, const CommandWorld& /*world*/) {
  const std::vector<std::string> all(kLogTopics.begin(), kLogTopics.end());
  for (const std::string_view option : {"--all", "--none"}) {
    if (!words.has(option)) continue;
    if (const auto alone = words.fit(option, {}); !alone) return tl::unexpected(alone.error());
    return Request(option == "--all" ? DebugFlags{all, {}} : DebugFlags{{}, all});
  }
  auto set = read_flags(words, "--set");
  if (!set) return tl::unexpected(set.error());
  auto clear = read_flags(words, "--clear");
  if (!clear) return tl::unexpected(clear.error());
  for (const std::string& flag : *set) {
    if (std::find(clear->begin(), clear->end(), flag) != clear->end()) {
      return failure(flag, "is both set and cleared", "do one of the two");
    }
  }
  if (set->empty() && clear->empty()) return Listing::kDebugFlags;
  return Request(DebugFlags{std::move(*set), std::move(*clear)});
}

}  // namespace

constinit const CommandRow kKlipsdebugCommand{{"klipsdebug", kKlipsdebugOptions},
                                              "switch the daemon's log topics on and off",
                                              kKlipsdebugHelp,
                                              klipsdebug_action};

}  // namespace spigrp
