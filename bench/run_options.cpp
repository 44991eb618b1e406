// See run_options.h.
#include "run_options.h"

#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>

#include "config/process.h"
#include "crypto/crypto_engine.h"
#include "table.h"

namespace spigrp::bench {
namespace {

template <class T>
bool read_number(const char* word, T& out) {
  const char* end = word + std::strlen(word);
  const auto [stopped, error] = std::from_chars(word, end, out);
  return error == std::errc() && stopped == end;
}

}  // namespace

Expected<RunOptions> parse_run_options(int count, char** words) {
  RunOptions options;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    const char* value = i + 1 < count ? words[i + 1] : "";
    if (word == "--quick") {
      options.quick = true;
      continue;
    }
    bool good = false;
    if (word == "--core") {
      good = read_number(value, options.core.emplace());
    } else if (word == "--rounds") {
      good = read_number(value, options.rounds);
    } else if (word == "--json") {
      options.json_file = value;
      good = !options.json_file.empty();
    } else if (word == "--only") {
      options.only = value;
      good = !options.only.empty();
    }
    if (!good)
      return failure(as_typed(word), "is not understood",
                     "[--quick] [--core N] [--json FILE] [--rounds N] [--only PART-OF-A-CASE]");
    ++i;
  }
  return options;
}

nlohmann::json to_json(const Summary& summary) {
  return {{"median", summary.median},
          {"lower_quartile", summary.lower_quartile},
          {"upper_quartile", summary.upper_quartile}};
}

nlohmann::json to_json(const Machine& machine) {
  return {{"processor", machine.processor},
          {"core", machine.core},
          {"tsc_ghz", machine.tsc_ghz},
          {"ipsec_mb", machine.library},
          {"daemon_manager", crypto_manager_name()}};
}

nlohmann::json to_json(const PacketCase& packet_case, Direction direction) {
  return {{"group", group_name(packet_case.group)},
          {"esp", esp_algorithm(packet_case.suite)},
          {"direction", direction_name(direction)},
          {"inner_bytes", packet_case.inner_bytes},
          {"outer_bytes", layout_of(packet_case).outer_bytes},
          {"sas", packet_case.sas}};
}

std::string text(const Machine& machine) {
  return machine.processor + ", TSC " + figure(machine.tsc_ghz, 2) + " GHz, ipsec-mb " + machine.library + ", core " +
         std::to_string(machine.core);
}

int run_program(const char* name, Expected<void> (*run)(const RunOptions& options), int count, char** words) noexcept {
  take_large_pages(words);  // as the daemon does
  try {
    const auto options = parse_run_options(count, words);
    const auto done = options ? run(*options) : tl::unexpected(options.error());
    if (done) return 0;
    std::fprintf(stderr, "%s: %s\n", name, done.error().text().c_str());
    return options ? 1 : 2;
  } catch (const std::exception& exception) {  // no memory, mostly
    std::fprintf(stderr, "%s: %s\n", name, exception.what());
    return 1;
  }
}

Expected<void> write_json(const std::string& file, const nlohmann::json& content) {
  std::ofstream out(file);
  out << content.dump(1) << '\n';
  out.close();
  if (!out) return failure(file, "cannot be written");
  return {};
}

}  // namespace spigrp::bench
