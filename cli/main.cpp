// spigrpctl: the commands, each under its own name too. Called as "spi", "spigrp" … it is that command; called as
// "ipsec" or "spigrpctl", its first word is the command.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

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

ExitStatus show_help(const std::string& program) {
  const std::string text = program + " COMMAND [WORD]...\n\nThe commands are " + names() + ".\nEach says with " +
                           program +
                           " COMMAND --help what it does. All talk to spigrpd over its control socket:\n--socket PATH, "
                           "else $SPIGRP_SOCKET, else /run/spigrp/spigrpd.sock.\n\nExit status: 0 done, 1 refused, 2 "
                           "wrong usage, 3 no daemon.\n";
  return std::fputs(text.c_str(), stdout) < 0 ? ExitStatus::kRefused : ExitStatus::kDone;
}

ExitStatus run(const std::string& program, std::span<const std::string> words) {
  if (is_command(program)) return run_command(program, words);
  if (!words.empty() && is_command(words.front())) return run_command(words.front(), words.subspan(1));
  if (!words.empty() && (words.front() == "--help" || words.front() == "-h")) return show_help(program);
  if (!words.empty() && words.front() == "--version") {
    const std::string line = program + " (spigrp) " + std::string(kCommandsVersion) + '\n';
    return std::fputs(line.c_str(), stdout) < 0 ? ExitStatus::kRefused : ExitStatus::kDone;
  }
  const Error error = words.empty() ? Error{{}, "no command", "give one of " + names()}
                                    : Error{as_typed(words.front()), "no such command", "there are " + names()};
  std::fputs(error_text(error_prefix(program, {}), {ExitStatus::kWrongUsage, error}).c_str(), stderr);
  return ExitStatus::kWrongUsage;
}

}  // namespace
}  // namespace spigrp

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is no reason to die (output.h)
  const std::string path = argc > 0 ? argv[0] : "spigrpctl";
  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  return static_cast<int>(spigrp::run(path.substr(path.rfind('/') + 1), words));
}
