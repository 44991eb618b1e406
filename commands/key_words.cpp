// See key_words.h.
#include "commands/key_words.h"

#include <string>

#include "commands/address_words.h"
#include "commands/file_text.h"

namespace spigrp {
namespace {

constexpr size_t kMaxKeyFileBytes = 4096;  // the longest key, in hexadecimal with separators, is a quarter of it

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

}  // namespace

Expected<Key> read_key(const Words& words, std::string_view option, const CommandWorld& world) {
  const auto word = words.value(option);
  if (!word) return Key();
  const bool in_file = word->starts_with('@');
  if (!in_file && *word != "-") {
    auto key = parse_key(*word);
    if (!key) return in_option(option, key.error());
    return key;
  }
  const std::string_view file = in_file ? word->substr(1) : *word;
  if (file.empty()) return failure(std::string(option), "names no file", "write @FILE");
  const auto text = FileText::read(file, kMaxKeyFileBytes, world);
  if (!text) return in_option(option, text.error());
  auto key = parse_key(trimmed(text->text()));
  if (!key) {
    return failure(std::string(option) + " " + as_typed(*word), "its key " + key.error().problem, key.error().remedy);
  }
  return key;
}

}  // namespace spigrp
