// See expanded_words.h. No option takes a value that begins with "--" as a word of its own, so "--optionsfrom" is the
// option wherever it stands.
#include "commands/expanded_words.h"

#include <string>

#include "commands/file_text.h"

namespace spigrp {
namespace {

constexpr std::string_view kOption = "--optionsfrom";
constexpr std::string_view kOptionWithValue = "--optionsfrom=";

Expected<SplitText> split_file(std::string_view file, std::string_view text) {
  SplitText split(text.size());
  for (size_t line = 1; !text.empty(); ++line) {
    const size_t end = text.find('\n');
    if (const auto added = split.add_line(text.substr(0, end)); !added) {
      return failure(as_typed(file) + ":" + std::to_string(line), added.error().problem, added.error().remedy);
    }
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return split;
}

}  // namespace

Expected<ExpandedWords> ExpandedWords::read(std::span<const std::string_view> typed, const CommandWorld& world) {
  ExpandedWords expanded;
  if (const auto added = expanded.add(typed, 0, world); !added) return tl::unexpected(added.error());
  return expanded;
}

Expected<void> ExpandedWords::add(std::span<const std::string_view> words, unsigned depth, const CommandWorld& world) {
  words_.reserve(words_.size() + words.size());
  for (size_t i = 0; i < words.size(); ++i) {
    std::string_view word = words[i];
    if (word == "--") options_are_over_ = true;
    const bool apart = word == kOption;
    if (options_are_over_ || (!apart && !word.starts_with(kOptionWithValue))) {
      words_.push_back(word);
      continue;
    }
    std::string_view file = apart ? std::string_view() : word.substr(kOptionWithValue.size());
    if (apart && i + 1 < words.size() && !words[i + 1].starts_with("--")) file = words[++i];
    if (file.empty()) return failure(std::string(kOption), "has no value", "write --optionsfrom FILE");
    if (auto added = add_file(file, depth + 1, world); !added) return added;
  }
  return {};
}

Expected<void> ExpandedWords::add_file(std::string_view file, unsigned depth, const CommandWorld& world) {
  const std::string object = std::string(kOption) + " " + as_typed(file);
  if (depth > kMaxOptionsFileDepth) {
    return failure(object, "files lead to files deeper than " + std::to_string(kMaxOptionsFileDepth),
                   "does one lead to itself?");
  }
  if (++files_read_ > kMaxOptionsFiles) {
    return failure(object, "a command takes words from up to " + std::to_string(kMaxOptionsFiles) + " files",
                   "put them into one");
  }
  const auto text = FileText::read(file, kMaxOptionsFileBytes, world);
  if (!text) return failure(object, text.error().text());
  auto split = split_file(file, text->text());
  if (!split) return tl::unexpected(split.error());
  // The words point into the SplitText's own buffer, which moves with it.
  const std::vector<std::string_view> words(split->words().begin(), split->words().end());
  files_.push_back(std::move(*split));
  return add(words, depth, world);
}

}  // namespace spigrp
