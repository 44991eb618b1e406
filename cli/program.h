// run_program: what the one binary does under the name that it was called by.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/outcome.h"

namespace spigrp {

// `path` is argv[0], `words` what follows it. Called as "spi", "spigrp" … it is that command; called as "ipsec" or
// "spigrpctl", or as anything else, its first word is the command.
ExitStatus run_program(std::string_view path, std::span<const std::string> words);

}  // namespace spigrp
