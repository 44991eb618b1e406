// Command lines: the words are the input's lines, the first of them the command.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "commands/command.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> words;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    words.emplace_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  if (words.empty()) return 0;
  spigrp::CommandWorld world;
  world.read_file = [](std::string_view file, size_t /*most_bytes*/) -> spigrp::Expected<std::string> {
    return spigrp::failure(std::string(file), "there are no files here");
  };
  const std::string command = words.front();
  words.erase(words.begin());
  (void)spigrp::parse_command(command, words, world);
  return 0;
}
