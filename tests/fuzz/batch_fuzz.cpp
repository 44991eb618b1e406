// Batch files: parse_batch over any bytes. What it accepts must be edits whose lines exist.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "commands/command.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  spigrp::CommandWorld world;
  world.read_file = [](std::string_view file, size_t /*most_bytes*/) -> spigrp::Expected<std::string> {
    return spigrp::failure(std::string(file), "there are no files here");
  };
  const auto batch = spigrp::parse_batch(text, "fuzzed", world);
  if (!batch) return 0;
  const auto lines = static_cast<uint32_t>(std::count(text.begin(), text.end(), '\n') + 1);
  for (const spigrp::NumberedEdit& edit : batch->edits) {
    if (edit.line == 0 || edit.line > lines) abort();
  }
  return 0;
}
