// FileText is what a word led to: a key file, a file of options, standard input. It may hold keys and is wiped.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "commands/command.h"

namespace spigrp {

class FileText {
 public:
  // Errors: the world's own; nothing can be read here.
  static Expected<FileText> read(std::string_view file, size_t most_bytes, const CommandWorld& world);

  FileText(FileText&& other) noexcept = default;
  FileText& operator=(FileText&& other) = delete;
  ~FileText() { wipe_text(); }

  std::string_view text() const noexcept { return text_; }

 private:
  explicit FileText(std::string&& text) noexcept : text_(std::move(text)) {}
  void wipe_text() noexcept;

  std::string text_;
};

}  // namespace spigrp
