// How deep a JSON text is, found before it is parsed.
#pragma once

#include <cstddef>
#include <string_view>

namespace spigrp {

// Counts brackets outside strings. A parser would do, but a tree of a hundred thousand arrays is work for nothing. The
// text need not be JSON.
bool nests_deeper_than(std::string_view text, size_t levels) noexcept;

}  // namespace spigrp
