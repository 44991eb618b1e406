// See startup_batch.h.
#include "control/startup_batch.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

namespace spigrp {
namespace {

Expected<std::string> read_file(std::string_view name) {
  if (name == "-") return failure("-", "the daemon reads nothing from standard input", "name a file");
  const std::string path(name);
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  errno = 0;
  if (file.is_open() && file.peek() != std::ifstream::traits_type::eof()) text << file.rdbuf();
  if (!file.is_open() || file.bad()) return failure(path, std::string("cannot be read: ") + std::strerror(errno));
  return std::move(text).str();
}

}  // namespace

Expected<Batch> read_startup_batch(const std::filesystem::path& file) {
  const auto text = read_file(file.string());
  if (!text) return tl::unexpected(text.error());
  return parse_batch(*text, file.string(), CommandWorld{resolve_numeric, read_file});
}

}  // namespace spigrp
