// How much a JSON text asks of a parser, found before it is parsed.
#pragma once

#include <cstddef>
#include <string_view>

namespace spigrp {

struct JsonShape {
  size_t levels = 0;  // of nesting
  size_t values = 0;  // at most so many
  // The longest string, member names among them: its bytes as they stand between the quotes, and the number of strings
  // before it.
  std::string_view longest{};
  size_t strings_before = 0;
};

// Counts brackets and commas outside strings, and measures those. A parser would do, but a tree of a million arrays is
// work, and memory many times the text's, for nothing. The text need not be JSON.
JsonShape json_shape(std::string_view text) noexcept;

}  // namespace spigrp
