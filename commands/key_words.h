// The words that give a key: the key itself, @FILE, or "-" for standard input.
#pragma once

#include <string_view>

#include "commands/command.h"
#include "commands/words.h"

namespace spigrp {

// An empty key where the option is not given. Errors name the option and the file and never repeat what they hold.
Expected<Key> read_key(const Words& words, std::string_view option, const CommandWorld& world);

}  // namespace spigrp
