// ExpandedWords are a command's words with every `--optionsfrom FILE` replaced by the words of that file, which may
// lead to further files. It owns the words of files; those that were typed belong to the caller.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "commands/command.h"
#include "commands/split_text.h"

namespace spigrp {

inline constexpr size_t kMaxOptionsFileBytes = 256u << 10;
inline constexpr unsigned kMaxOptionsFileDepth = 4;
inline constexpr size_t kMaxOptionsFiles = 16;  // of one command

class ExpandedWords {
 public:
  // Errors: a file that cannot be read or taken apart, files nested too deep, too many of them.
  static Expected<ExpandedWords> read(std::span<const std::string_view> typed, const CommandWorld& world);

  std::span<const std::string_view> words() const noexcept { return words_; }

 private:
  Expected<void> add(std::span<const std::string_view> words, unsigned depth, const CommandWorld& world);
  Expected<void> add_file(std::string_view file, unsigned depth, const CommandWorld& world);

  std::vector<std::string_view> words_;
  std::vector<SplitText> files_;
  size_t files_read_ = 0;
  bool options_are_over_ = false;  // after "--" all words are operands
};

}  // namespace spigrp
