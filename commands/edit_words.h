// An edit as the command line that asks for it: what batch reads, save writes. The inverse of the commands' parsers.
#pragma once

#include <string>

#include "config/request.h"

namespace spigrp {

enum class KeyWords : uint8_t { kShown, kLeftOut };

// Without newline. With keys left out, the word KEY stands in the place of each, which no command takes for a key.
std::string command_line(const Edit& edit, KeyWords keys);

}  // namespace spigrp
