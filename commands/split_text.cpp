// See split_text.h.
#include "commands/split_text.h"

#include <array>

#include "config/key.h"

namespace spigrp {
namespace {

constexpr bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// By character: neither a blank nor a quote. A look at a table, because a million lines are read byte by byte.
constexpr auto kOrdinary = [] {
  std::array<bool, 256> ordinary{};
  for (size_t i = 0; i < ordinary.size(); ++i) {
    const char c = static_cast<char>(i);
    ordinary[i] = !is_blank(c) && c != '\'' && c != '"' && c != '\\';
  }
  return ordinary;
}();

bool is_ordinary(char c) {
  return kOrdinary[static_cast<unsigned char>(c)];
}

// What a backslash makes ordinary between double quotes; before anything else it stands for itself there.
bool is_special_when_quoted(char c) {
  return c == '"' || c == '\\' || c == '$' || c == '`';
}

}  // namespace

SplitText::SplitText(size_t bytes) {
  constexpr size_t kWordsOfALine = 16;  // as a rule
  characters_.reserve(bytes);
  words_.reserve(kWordsOfALine);
}

SplitText::~SplitText() {
  wipe(characters_.data(), characters_.size());
}

Expected<void> SplitText::add_line(std::string_view line) {
  if (line.find('\0') != std::string_view::npos) return failure({}, "holds a NUL byte", "is it a text file?");
  if (line.size() > characters_.capacity() - characters_.size()) return failure({}, "is longer than there is room for");
  for (size_t at = 0;;) {
    while (at < line.size() && is_blank(line[at])) ++at;
    if (at == line.size() || line[at] == '#') return {};
    const size_t begin = characters_.size();
    const auto end = add_word(line, at);
    if (!end) return tl::unexpected(end.error());
    words_.emplace_back(characters_.data() + begin, characters_.size() - begin);
    at = *end;
  }
}

// Appends the word that begins at `at` and returns where it ends.
Expected<size_t> SplitText::add_word(std::string_view line, size_t at) {
  char quote = '\0';
  size_t ordinary = at;  // most words are no more than that
  while (ordinary < line.size() && is_ordinary(line[ordinary])) ++ordinary;
  characters_.insert(characters_.end(), line.begin() + static_cast<std::ptrdiff_t>(at),
                     line.begin() + static_cast<std::ptrdiff_t>(ordinary));
  at = ordinary;
  for (; at < line.size() && (quote != '\0' || !is_blank(line[at])); ++at) {
    const char c = line[at];
    if (c == quote) {
      quote = '\0';
    } else if (quote == '\0' && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == '\\' && quote != '\'') {
      const bool last = at + 1 == line.size();
      if (last && quote == '\0') return failure({}, "ends in a backslash", "a command is one line");
      if (!last && (quote == '\0' || is_special_when_quoted(line[at + 1]))) ++at;
      characters_.push_back(line[at]);
    } else {
      characters_.push_back(c);
    }
  }
  if (quote != '\0') {
    return failure({}, std::string("a ") + (quote == '"' ? "double" : "single") + " quote is not closed",
                   "close it on the same line");
  }
  return at;
}

}  // namespace spigrp
