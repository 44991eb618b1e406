// monitor: what happens, when it happens.
#include <array>

#include "commands/command_row.h"
#include "config/event.h"

namespace spigrp {
namespace {

constexpr std::array<Option, 1> kMonitorOptions = {{{"--only", "EVENT[,EVENT]...", Takes::kValue}}};

constexpr std::string_view kMonitorHelp = R"(spigrpctl monitor [--only EVENT[,EVENT]...]

Prints a line for each event, until interrupted:

  expire                  an SA has reached a limit of its lifetime, the first
                          soft one or the first hard one, or has used its last
                          sequence number
  acquire                 a packet met %trap: its flow is held and needs an SA
  authentication_failure  a packet's ICV does not match
  replay                  a packet was seen before, or is too old
  change                  a transaction: its generation and its first edits
  lost                    how many events were not told, because they were too
                          many at once or read too slowly

  --only EVENTS           these only, and lost

With --json each line is an object.

Examples
  spigrpctl monitor
  spigrpctl monitor --only expire,acquire --json
)";

Expected<Action> monitor_action(const Words& words, const CommandWorld& /*world*/) {
  MonitorWatch watch;
  auto only = words.value("--only");
  while (only) {
    const size_t comma = only->find(',');
    const std::string_view name = only->substr(0, comma);
    if (const auto known = validate_event_name(name); !known) return tl::unexpected(known.error());
    watch.query.events.emplace_back(name);
    if (comma == std::string_view::npos) break;
    only->remove_prefix(comma + 1);
  }
  return watch;
}

}  // namespace

constinit const CommandRow kMonitorCommand{
    {"monitor", kMonitorOptions}, "print events as they happen", kMonitorHelp, monitor_action};

}  // namespace spigrp
