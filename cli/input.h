// What the commands read: files of keys, options and batches, and standard input.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "config/error.h"

namespace spigrp {

inline constexpr size_t kMaxInputBytes = 512u << 20;  // a batch of a million SAs has about 200 MiB

// The whole of a file; "-" is standard input. Errors: it cannot be read, is a folder, is larger than `most_bytes`.
Expected<std::string> read_input(std::string_view file, size_t most_bytes = kMaxInputBytes);

}  // namespace spigrp
