// load_options: a configuration file out of the file system. See options.h.
#include "config/options.h"
#include "config/text_file.h"

namespace spigrp {

Expected<Options> load_options(const std::filesystem::path& file) {
  const auto text = read_text_file(file.string(), kMaxOptionsBytes);
  if (!text) return failure(text.error().object, text.error().problem, "name a configuration file");
  auto options = parse_options(*text, file.string());
  // Where the daemon is started must not decide which commands it starts with.
  if (options && options->startup_batch) options->startup_batch = file.parent_path() / *options->startup_batch;
  return options;
}

}  // namespace spigrp
