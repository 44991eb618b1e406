// See program.h.
#include "cli/program.h"

#include <algorithm>
#include <cstdio>

#include <unistd.h>

#include "cli/output.h"
#include "cli/run_command.h"
#include "cli/version.h"
#include "commands/command.h"

namespace spigrp {
namespace {

std::string names() {
  std::string all;
  for (const std::string_view name : command_names()) all += (all.empty() ? "" : ", ") + std::string(name);
  return all;
}

bool is_command(std::string_view word) {
  const auto known = command_names();
  return std::find(known.begin(), known.end(), word) != known.end();
}

ExitStatus complain(std::string_view program, const Refusal& refused) {
  std::fputs(error_text(error_prefix(program, {}), refused).c_str(), stderr);
  return refused.status;
}

ExitStatus show(std::string_view program, std::string_view text) {
  Output output(STDOUT_FILENO, {});
  output.raw(text);
  const auto written = output.finish();
  return written ? ExitStatus::kDone : complain(program, written.error());
}

std::string help_text(const std::string& program) {
  return program + " COMMAND [WORD]...\n\nThe commands are " + names() + ".\nEach says with " + program +
         " COMMAND --help what it does. All talk to spigrpd over its control socket:\n--socket PATH, else "
         "$SPIGRP_SOCKET, else /run/spigrp/spigrpd.sock.\n\nExit status: 0 done, 1 refused, 2 wrong usage, 3 no "
         "daemon.\n";
}

}  // namespace

ExitStatus run_program(std::string_view path, std::span<const std::string> words) {
  const std::string program(path.substr(path.rfind('/') + 1));
  if (is_command(program)) return run_command(program, words);
  if (words.empty()) return complain(program, {ExitStatus::kWrongUsage, {{}, "no command", "give one of " + names()}});
  const std::string& first = words.front();
  if (is_command(first)) return run_command(first, words.subspan(1));
  if (first == "--help" || first == "-h") return show(program, help_text(program));
  if (first == "--version") return show(program, program + " (spigrp) " + std::string(kCommandsVersion) + '\n');
  return complain(program, {ExitStatus::kWrongUsage, {as_typed(first), "no such command", "there are " + names()}});
}

}  // namespace spigrp
