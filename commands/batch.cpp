// batch: many commands as one transaction, and the reader of the files that hold them. The daemon's start-up file is
// read by the same.
#include <algorithm>
#include <array>

#include "commands/command_row.h"
#include "commands/split_text.h"
#include "config/number.h"

namespace spigrp {
namespace {

constexpr size_t kMaxLineBytes = 64 << 10;

constexpr std::array<Option, 1> kBatchOptions = {{{"--if-generation", "N", Takes::kValue}}};

constexpr std::string_view kBatchHelp = R"(spigrpctl batch [--if-generation N] [FILE]

FILE, or standard input without it or with -, has one command a line. All of them
are one transaction: they take effect together, between two packets, or, where
one is refused, none of them does and the error names its line.

Words are quoted as for the shell, with ', " and \; nothing is expanded. A #
begins a comment. The word ipsec may stand before a command. Only commands that
change something may be there: spi, spigrp, eroute, tncfg, address, route, neigh.

  --if-generation N    refuse it where somebody has made a change since that of
                       generation N (edited_at in what look --json shows)

Examples
  spigrpctl batch /etc/spigrp/tunnels
  printf '%s\n' 'eroute --clear' 'spi --clear' | spigrpctl batch
)";

Expected<Action> batch_action(const Words& words, const CommandWorld& /*world*/) {
  const auto files = words.operands();
  if (files.size() > 1) return failure(as_typed(files[1]), "is a word too many", "batch takes one FILE");
  const std::string_view file = files.empty() ? "-" : files[0];
  if (file.empty()) return failure("batch", "the file's name is empty", "give a FILE, or - for standard input");
  BatchFile batch{std::string(file)};
  if (const auto word = words.value("--if-generation"); word) {
    batch.if_generation = parse_number(*word);
    if (!batch.if_generation) return failure("--if-generation " + as_typed(*word), "is no generation", "give a number");
  }
  return batch;
}

// "spi" of "ipsec spi …", and what follows it.
Expected<Edit> parse_line(std::span<const std::string_view> words, const CommandWorld& world) {
  if (words[0] == "ipsec" || words[0] == "spigrpctl") {
    words = words.subspan(1);
    if (words.empty()) return failure({}, "names no command", "write the command and its words");
  }
  const std::string_view command = words[0];
  auto parsed = parse_words(command, words.subspan(1), world);
  if (!parsed) {
    const auto known = command_names();
    if (std::find(known.begin(), known.end(), command) == known.end()) return tl::unexpected(parsed.error());
    const Error& error = parsed.error();
    const std::string object = std::string(command) + (error.object.empty() ? "" : ": " + error.object);
    return failure(object, error.problem, error.remedy);
  }
  if (parsed->common.socket) {
    return failure(std::string(command) + ": --socket", "a batch goes to one daemon", "give --socket to batch itself");
  }
  auto* request = std::get_if<Request>(&parsed->action);
  auto* edit = request == nullptr ? nullptr : std::get_if<Edit>(request);
  if (edit == nullptr) {
    return failure(std::string(command), "changes nothing that a batch could hold",
                   "leave out what lists or shows something");
  }
  return std::move(*edit);
}

}  // namespace

constinit const CommandRow kBatchCommand{{"batch", kBatchOptions, Operands::kAny},
                                         "run many commands as one transaction, all or nothing",
                                         kBatchHelp,
                                         batch_action};

Expected<std::optional<Edit>> parse_edit(std::string_view line, const CommandWorld& world) {
  if (line.empty()) return std::optional<Edit>();
  if (line.size() > kMaxLineBytes) {
    return failure({}, "is longer than " + std::to_string(kMaxLineBytes) + " bytes", "a command is shorter");
  }
  SplitText split(line.size());
  if (const auto added = split.add_line(line); !added) return tl::unexpected(added.error());
  if (split.words().empty()) return std::optional<Edit>();
  return parse_line(split.words(), world).map([](Edit&& edit) { return std::optional<Edit>(std::move(edit)); });
}

Expected<Batch> parse_batch(std::string_view text, std::string_view file_name, const CommandWorld& world) {
  Batch batch;
  for (uint32_t line = 1; !text.empty(); ++line) {
    const size_t end = text.find('\n');
    auto edit = parse_edit(text.substr(0, end), world);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (edit && *edit && batch.edits.size() == kMaxPendingEdits) {
      edit = failure({}, "is one command more than the " + std::to_string(kMaxPendingEdits) + " that a batch may have",
                     "split it");
    }
    if (!edit) {
      const Error& error = edit.error();
      const std::string problem = (error.object.empty() ? "" : error.object + ": ") + error.problem;
      return failure(std::string(file_name) + ":" + std::to_string(line), problem, error.remedy);
    }
    if (*edit) batch.edits.push_back({line, std::move(**edit)});
  }
  return batch;
}

}  // namespace spigrp
