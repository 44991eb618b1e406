// See outer_header.h.
#include "config/outer_header.h"

namespace spigrp {

Expected<Fragmentation> parse_fragmentation(std::string_view word) {
  if (word == "after") return Fragmentation::kAfter;
  if (word == "before") return Fragmentation::kBefore;
  return failure(as_typed(word), "is neither before nor after");
}

std::string_view fragmentation_word(Fragmentation fragmentation) noexcept {
  return fragmentation == Fragmentation::kAfter ? "after" : "before";
}

}  // namespace spigrp
