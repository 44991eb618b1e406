// CommandRow is all that there is to know of one command. Each is defined in the command's own file (spi.cpp …) and
// listed in command.cpp.
#pragma once

#include <span>
#include <string_view>

#include "commands/command.h"
#include "commands/words.h"

namespace spigrp {

struct CommandRow {
  Grammar grammar;           // with the command's name
  std::string_view summary;  // a line
  std::string_view help;     // usage, options, examples; what all commands have in common is added
  Expected<Action> (*parse)(const Words& words, const CommandWorld& world);
};

extern const CommandRow kSpiCommand, kSpigrpCommand, kErouteCommand, kTncfgCommand, kKlipsdebugCommand, kLookCommand,
    kAddressCommand, kRouteCommand, kNeighCommand, kStatsCommand, kMonitorCommand, kExplainCommand, kBatchCommand,
    kSaveCommand;

// The action that asks for an edit.
Action ask(Edit&& edit);

// As parse_command, of words that are views. They must hold no NUL.
Expected<ParsedCommand> parse_words(std::string_view command, std::span<const std::string_view> words,
                                    const CommandWorld& world);

}  // namespace spigrp
