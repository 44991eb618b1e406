// See toml_value.h. The only file that sees toml++. It is used from its headers and without exceptions, so that its
// limit of depth is ours and the sanitizers look into it, whatever Debian's shared library was built with. Its
// assertions are off: some hold only of files that are right ("[[[", "a = ,"), and the code behind them has an error to
// tell.
#include "config/toml_value.h"

#include <utility>

#undef TOML_HEADER_ONLY
#undef TOML_SHARED_LIB
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 8
#define TOML_ASSERT(condition) static_assert(true)
#include <toml++/toml.h>

namespace spigrp {
namespace {

static_assert(TOML_MAX_NESTED_VALUES == kMaxTomlDepth);

constexpr size_t kLongestProblem = 200;

std::string place(std::string_view file_name, size_t line) {
  return std::string(file_name) + ':' + std::to_string(line);
}

// toml++ builds a table for each part of a dotted key, and takes them down by recursion: a line of a million dots would
// overflow the stack. Counting all dots, those in strings as well, needs no second parser.
size_t line_of_many_dots(std::string_view text) {
  size_t line = 1, dots = 0;
  for (const char c : text) {
    if (c == '\n') {
      ++line;
      dots = 0;
    } else if (c == '.' && ++dots > kMaxTomlDotsPerLine) {
      return line;
    }
  }
  return 0;
}

// "Error while parsing integer: expected …" → "syntax error in integer: expected …", fit for one line.
std::string problem_of(std::string_view description) {
  constexpr std::string_view kUsualStart = "Error while parsing ";
  std::string problem = "syntax error";
  if (description.starts_with(kUsualStart)) {
    problem += " in ";
    description.remove_prefix(kUsualStart.size());
  } else {
    problem += ": ";
  }
  for (const char c : description.substr(0, kLongestProblem)) problem += c < ' ' || c > '~' ? '?' : c;
  return problem;
}

uint32_t line_of(const toml::source_region& source) {
  return source.begin.line;
}

TomlValue copy_of(const toml::node& node);

TomlTable copy_of_table(const toml::table& table) {
  TomlTable copy;
  copy.members.reserve(table.size());
  for (const auto& [key, value] : table) {
    copy.members.push_back({std::string(key.str()), line_of(key.source()), copy_of(value)});
  }
  return copy;
}

TomlArray copy_of_array(const toml::array& array) {
  TomlArray copy;
  copy.elements.reserve(array.size());
  for (const toml::node& element : array) copy.elements.push_back(copy_of(element));
  return copy;
}

TomlValue copy_of(const toml::node& node) {
  TomlValue copy{.line = line_of(node.source())};
  if (const auto* table = node.as_table()) {
    copy.value = copy_of_table(*table);
  } else if (const auto* array = node.as_array()) {
    copy.value = copy_of_array(*array);
  } else if (const auto* text = node.as_string()) {
    copy.value = text->get();
  } else if (const auto* integer = node.as_integer()) {
    // The base is a number of two bits: binary 1, octal 2, hexadecimal 3.
    const auto base = integer->flags() & toml::value_flags::format_as_hexadecimal;
    copy.value = TomlInteger{integer->get(), base == toml::value_flags::format_as_octal};
  } else if (const auto* boolean = node.as_boolean()) {
    copy.value = boolean->get();
  }
  return copy;
}

}  // namespace

Expected<TomlTable> parse_toml(std::string_view text, std::string_view file_name) {
  if (const size_t line = line_of_many_dots(text); line != 0) {
    return failure(place(file_name, line), "more than " + std::to_string(kMaxTomlDotsPerLine) + " dots in one line",
                   "break the line up");
  }
  const toml::parse_result result = toml::parse(text, file_name);
  if (!result) {
    return failure(place(file_name, line_of(result.error().source())), problem_of(result.error().description()));
  }
  return copy_of_table(result.table());
}

}  // namespace spigrp
