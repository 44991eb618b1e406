// See json_nesting.h.
#include "config/json_nesting.h"

#include <algorithm>

namespace spigrp {

JsonShape json_shape(std::string_view text) noexcept {
  JsonShape shape{.levels = 0, .values = 1};
  size_t depth = 0, strings = 0, begin = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
        if (i - begin > shape.longest.size()) {
          shape.longest = text.substr(begin, i - begin);
          shape.strings_before = strings;
        }
        ++strings;
      }
    } else if (c == '"') {
      in_string = true;
      begin = i + 1;
    } else if (c == '[' || c == '{') {
      shape.levels = std::max(shape.levels, ++depth);
      ++shape.values;
    } else if (c == ',') {
      ++shape.values;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return shape;
}

}  // namespace spigrp
