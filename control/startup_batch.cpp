// See startup_batch.h.
#include "control/startup_batch.h"

#include <string>

#include "config/text_file.h"

namespace spigrp {
namespace {

constexpr size_t kMaxBatchBytes = 512u << 20;  // a million SAs have about 200 MiB

}  // namespace

Expected<Batch> read_startup_batch(const std::filesystem::path& file) {
  const auto text = read_regular_file(file.string(), kMaxBatchBytes);
  if (!text) return tl::unexpected(text.error());
  // Where the daemon is started must not decide which files it reads.
  const auto read_file = [&file](std::string_view name, size_t most_bytes) -> Expected<std::string> {
    if (name == "-") return failure("-", "the daemon reads nothing from standard input", "name a file");
    return read_regular_file((file.parent_path() / name).string(), most_bytes);
  };
  return parse_batch(*text, file.string(), CommandWorld{resolve_numeric, read_file});
}

}  // namespace spigrp
