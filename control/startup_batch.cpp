// See startup_batch.h.
#include "control/startup_batch.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

namespace spigrp {
namespace {

Expected<std::string> read_file(std::string_view name) {
  if (name == "-") return failure("-", "the daemon reads nothing from standard input", "name a file");
  const std::string path(name);
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) return failure(path, std::string("cannot be read: ") + std::strerror(errno));
  return text;
}

}  // namespace

Expected<Batch> read_startup_batch(const std::filesystem::path& file) {
  const auto text = read_file(file.string());
  if (!text) return tl::unexpected(text.error());
  return parse_batch(*text, file.string(), CommandWorld{resolve_numeric, read_file});
}

}  // namespace spigrp
