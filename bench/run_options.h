// The command line that the benchmarks have in common, and the JSON file that they leave beside their table.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "measure.h"
#include "packet_case.h"

namespace spigrp::bench {

struct RunOptions {
  bool quick = false;
  std::optional<int> core;
  std::string json_file;  // empty: none
  size_t rounds = 0;      // slices of each thing that is measured; 0: the program's own
  std::string only;       // part of the names of the cases to be measured; empty: all

  size_t rounds_or(size_t full, size_t quick_rounds) const noexcept {
    return rounds != 0 ? rounds : quick ? quick_rounds : full;
  }
  bool wants(const PacketCase& packet_case) const { return name_of(packet_case).find(only) != std::string::npos; }
};

// [--quick] [--core N] [--json FILE] [--rounds N] [--only "tun+esp aes128gcm16 64 B 1 SAs"]. Error: anything else.
Expected<RunOptions> parse_run_options(int count, char** words);

nlohmann::json to_json(const Summary& summary);
nlohmann::json to_json(const Machine& machine);
nlohmann::json to_json(const PacketCase& packet_case, Direction direction);

// The line above a table: processor, clock, library.
std::string text(const Machine& machine);

// main() of a benchmark: 0 done, 1 failed, 2 wrong usage; errors go to standard error.
int run_program(const char* name, Expected<void> (*run)(const RunOptions& options), int count, char** words) noexcept;

Expected<void> write_json(const std::string& file, const nlohmann::json& content);

}  // namespace spigrp::bench
