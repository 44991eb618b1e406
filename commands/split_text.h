// SplitText takes lines apart into words as the shell does: blanks separate, single and double quotes and the backslash
// hold together, '#' at a word's start begins a comment. Nothing is expanded. It owns the words, which may hold keys,
// and wipes them.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "config/error.h"

namespace spigrp {

class SplitText {
 public:
  // Room for the lines to come, all of them together.
  explicit SplitText(size_t bytes);
  SplitText(SplitText&& other) noexcept = default;
  SplitText& operator=(SplitText&& other) = delete;
  ~SplitText();

  // A line without its newline. Errors (without an object): a quote that is not closed, a backslash at the end, a NUL.
  Expected<void> add_line(std::string_view line);

  // Valid as long as this object or the one that it was moved to.
  std::span<const std::string_view> words() const noexcept { return words_; }

 private:
  Expected<size_t> add_word(std::string_view line, size_t at);

  std::vector<char> characters_;  // never grows beyond what was reserved, so that words_ may point into it
  std::vector<std::string_view> words_;
};

}  // namespace spigrp
