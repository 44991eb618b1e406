// Whole files of text: configurations, batches, keys. What is read may hold keys, so whatever a growing text leaves
// behind is wiped.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "config/error.h"

namespace spigrp {

// Errors: it cannot be read, is a folder, has more than `most_bytes`. Nothing beyond that is read.
Expected<std::string> read_text_file(const std::string& path, size_t most_bytes);
// The same, but neither a pipe nor a device: whoever reads it must not wait for a writer.
Expected<std::string> read_regular_file(const std::string& path, size_t most_bytes);
// From an open descriptor, which an error calls `name`.
Expected<std::string> read_descriptor(int descriptor, std::string_view name, size_t most_bytes);

}  // namespace spigrp
