// Commands: the FreeS/WAN grammars, words → Request. A command knows its words and nothing of sockets, so that the
// command-line tool and the daemon's start-up batch read the same language.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/error.h"
#include "config/request.h"
#include "config/sa_id.h"

namespace spigrp {

// Words that any command takes.
struct CommonWords {
  std::string label;                  // --label
  bool debug = false;                 // --debug
  bool json = false;                  // --json
  std::optional<std::string> socket;  // --socket
};

enum class Listing : uint8_t {
  kSas,
  kGroups,
  kEroutes,
  kInterfaces,
  kAddresses,
  kRoutes,
  kNeighbours,
  kPathMtus,
  kAlgorithms,
  kStats,
  kLook,
  kDebugFlags
};
struct SaStats {
  std::vector<SaId> ids;  // empty: of all SAs
};                        // stats --sas, stats --said
struct StatsWatch {
  double interval_s;
};  // stats --watch
struct MonitorWatch {
  MonitorQuery query;
};  // monitor
struct BatchFile {
  std::string path;
  std::optional<uint64_t> if_generation{};
};  // batch FILE; "-" is standard input
struct SaveState {
  bool keys;
};  // save
struct ShowHelp {
  std::string text;
};
struct ShowVersion {};

// What a command line asks for: an edit to send, a listing to print, or words about itself.
using Action = std::variant<Request, Listing, SaStats, StatsWatch, MonitorWatch, ExplainQuery, BatchFile, SaveState,
                            ShowHelp, ShowVersion>;

struct ParsedCommand {
  CommonWords common;
  Action action;
};

// Where words lead outside: names to addresses, files to keys. The daemon's own batch refuses names and standard input.
struct CommandWorld {
  AddressResolver resolve = resolve_numeric;
  // "-": standard input. Reads nothing beyond `most_bytes`.
  std::function<Expected<std::string>(std::string_view file, size_t most_bytes)> read_file;
};

// `command` is "spi", "spigrp", "eroute", "tncfg", "klipsdebug", "look", "address", "route", "neigh", "stats",
// "monitor", "explain", "batch", "save"; `words` what follows it. An error is wrong usage (exit 2), but where `world`
// could not read a file it is a refusal (exit 1).
Expected<ParsedCommand> parse_command(std::string_view command, std::span<const std::string> words,
                                      const CommandWorld& world);

// One command a line, '#' comments, quotes as in the shell (single, double, backslash), an optional leading "ipsec".
// Only edits. The error's object is "FILE:LINE".
Expected<Batch> parse_batch(std::string_view text, std::string_view file_name, const CommandWorld& world);

// One line of such a file; nothing where it is blank or a comment.
Expected<std::optional<Edit>> parse_edit(std::string_view line, const CommandWorld& world);

std::span<const std::string_view> command_names() noexcept;

}  // namespace spigrp
