// See input.h.
#include "cli/input.h"

#include <unistd.h>

#include "config/text_file.h"

namespace spigrp {

Expected<std::string> read_input(std::string_view file, size_t most_bytes) {
  if (file == "-") return read_descriptor(STDIN_FILENO, "standard input", most_bytes);
  return read_text_file(std::string(file), most_bytes);
}

}  // namespace spigrp
