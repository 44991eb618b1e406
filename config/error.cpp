// See error.h.
#include "config/error.h"

namespace spigrp {

std::string Error::text() const {
  std::string line = object;
  if (!problem.empty()) line += (line.empty() ? "" : ": ") + problem;
  if (!remedy.empty()) line += (line.empty() ? "" : "; ") + remedy;
  return line;
}

std::string as_typed(std::string_view typed) {
  constexpr size_t kLongest = 80;
  std::string shown;
  for (const char c : typed.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    shown += byte < 0x20 || byte >= 0x7f ? '?' : c;
  }
  return typed.size() > kLongest ? shown + "…" : shown;
}

}  // namespace spigrp
