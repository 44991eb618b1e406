// run_command: one command from its words to its exit status: parsed, asked of the daemon, printed.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/outcome.h"

namespace spigrp {

// `command` is one of command_names(). Errors go to standard error, each line behind "COMMAND[ --label L]: ".
ExitStatus run_command(std::string_view command, std::span<const std::string> words);

}  // namespace spigrp
