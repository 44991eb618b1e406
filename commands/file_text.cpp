// See file_text.h.
#include "commands/file_text.h"

#include "config/key.h"

namespace spigrp {

Expected<FileText> FileText::read(std::string_view file, size_t most_bytes, const CommandWorld& world) {
  if (!world.read_file) return failure(as_typed(file), "files cannot be read here");
  auto read = world.read_file(file, most_bytes);
  if (!read) return tl::unexpected(read.error());
  return FileText(std::move(*read));
}

void FileText::wipe_text() noexcept {
  text_.resize(text_.capacity());  // what an earlier, longer text left is wiped as well; nothing is allocated
  wipe(text_.data(), text_.size());
}

}  // namespace spigrp
