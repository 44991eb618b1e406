// See command.h. The table of commands, and what is the same for all of them.
#include "commands/command.h"

#include <algorithm>
#include <array>

#include "commands/command_row.h"
#include "commands/expanded_words.h"

namespace spigrp {
namespace {

constexpr std::array<const CommandRow*, 14> kCommands = {
    &kSpiCommand,     &kSpigrpCommand,  &kErouteCommand, &kTncfgCommand, &kKlipsdebugCommand,
    &kLookCommand,    &kAddressCommand, &kRouteCommand,  &kNeighCommand, &kStatsCommand,
    &kMonitorCommand, &kExplainCommand, &kBatchCommand,  &kSaveCommand};

constexpr std::string_view kCommonHelp = R"(
Every command also takes
  --label TEXT         put TEXT before every line of output and of errors
  --json               print lists as JSON
  --socket PATH        the daemon's control socket; else $SPIGRP_SOCKET, else
                       /run/spigrp/spigrpd.sock
  --optionsfrom FILE   read further words from FILE, quoted as for the shell
  --debug              taken as by the FreeS/WAN commands; prints nothing more
  --help               show this, and do nothing
  --version            show the version, and do nothing

Exit status: 0 done, 1 refused (standard error says which object, why, and what
would work), 2 wrong usage, 3 no daemon.
)";

const CommandRow* find_command(std::string_view name) {
  const auto found = std::find_if(kCommands.begin(), kCommands.end(),
                                  [&](const CommandRow* row) { return row->grammar.command == name; });
  return found == kCommands.end() ? nullptr : *found;
}

tl::unexpected<Error> no_such_command(std::string_view name) {
  std::string names;
  for (const std::string_view known : command_names()) names += (names.empty() ? "" : ", ") + std::string(known);
  return failure(as_typed(name), "no such command", "there are " + names);
}

std::string help_text(const CommandRow& row) {
  std::string text = std::string(row.grammar.command) + " - " + std::string(row.summary) + "\n\n";
  text += row.help;
  text += kCommonHelp;
  return text;
}

// --help and --version go before everything else that the words may say, errors included.
std::optional<Action> words_about_itself(const CommandRow& row, std::span<const std::string_view> words) {
  const auto end = std::find(words.begin(), words.end(), "--");
  if (std::find(words.begin(), end, "--help") != end) return ShowHelp{help_text(row)};
  if (std::find(words.begin(), end, "--version") != end) return ShowVersion{};
  return std::nullopt;
}

}  // namespace

std::span<const std::string_view> command_names() noexcept {
  static const auto names = [] {
    std::array<std::string_view, kCommands.size()> all;
    std::transform(kCommands.begin(), kCommands.end(), all.begin(),
                   [](const CommandRow* row) { return row->grammar.command; });
    return all;
  }();
  return names;
}

// In place: gcc 12 warns of uninitialized members where it inlines the variants' moves.
Action ask(Edit&& edit) {
  return Action(std::in_place_type<Request>, std::in_place_type<Edit>, std::move(edit));
}

Expected<ParsedCommand> parse_words(std::string_view command, std::span<const std::string_view> words,
                                    const CommandWorld& world) {
  const CommandRow* row = find_command(command);
  if (row == nullptr) return no_such_command(command);
  if (auto action = words_about_itself(*row, words)) return ParsedCommand{{}, std::move(*action)};
  const auto expanded = ExpandedWords::read(words, world);
  if (!expanded) return tl::unexpected(expanded.error());
  if (auto action = words_about_itself(*row, expanded->words())) return ParsedCommand{{}, std::move(*action)};
  const auto read = Words::read(row->grammar, expanded->words());
  if (!read) return tl::unexpected(read.error());
  auto action = row->parse(*read, world);
  if (!action) return tl::unexpected(action.error());
  return ParsedCommand{read->common(), std::move(*action)};
}

Expected<ParsedCommand> parse_command(std::string_view command, std::span<const std::string> words,
                                      const CommandWorld& world) {
  const std::vector<std::string_view> views(words.begin(), words.end());
  for (const std::string_view word : views) {
    if (word.find('\0') != std::string_view::npos) return failure(as_typed(command), "a word holds a NUL byte");
  }
  return parse_words(command, views, world);
}

}  // namespace spigrp
