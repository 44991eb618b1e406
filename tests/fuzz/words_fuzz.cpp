// Lines taken apart into words: SplitText beside a plain reading of the shell's rules, a character at a time. Both must
// find the same words, and refuse the same lines.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "commands/split_text.h"

namespace {

bool is_one_of(std::string_view characters, char c) {
  return characters.find(c) != std::string_view::npos;
}

// Adds the line's words; false where it is refused.
bool split(std::string_view line, std::vector<std::string>& words) {
  if (is_one_of(line, '\0')) return false;
  std::optional<std::string> word;
  char quote = '\0';
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const bool is_last = i + 1 == line.size();
    if (quote == '\0') {
      if (!word && c == '#') return true;
      if (is_one_of(" \t\n\v\f\r", c)) {
        if (word) words.push_back(*std::exchange(word, std::nullopt));
        continue;
      }
      if (!word) word.emplace();
    }
    if (c == quote) {
      quote = '\0';
    } else if (quote == '\0' && is_one_of("'\"", c)) {
      quote = c;
    } else if (quote == '\0' && c == '\\') {
      if (is_last) return false;
      word->push_back(line[++i]);
    } else if (quote == '"' && c == '\\' && !is_last && is_one_of("\"\\$`", line[i + 1])) {
      word->push_back(line[++i]);
    } else {
      word->push_back(c);
    }
  }
  if (word) words.push_back(*word);
  return quote == '\0';
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  spigrp::SplitText taken(size);
  std::vector<std::string> expected;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    const bool is_good = split(line, expected);
    if (taken.add_line(line).has_value() != is_good) abort();
    if (!is_good) return 0;
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  const spigrp::SplitText moved(std::move(taken));
  const std::vector<std::string> words(moved.words().begin(), moved.words().end());
  if (words != expected) abort();
  return 0;
}
