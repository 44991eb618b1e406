// What the daemon says of itself: its algorithms, its state in numbers, its log topics.
#include <climits>
#include <ctime>

#include <unistd.h>

#include "control/handlers/handlers.h"
#include "control/version.h"
#include "crypto/algorithms.h"
#include "crypto/crypto_engine.h"

namespace spigrp {
namespace {

std::string host_name() {
  char name[HOST_NAME_MAX + 1] = {};
  return gethostname(name, HOST_NAME_MAX) == 0 ? name : "unknown";
}

// TSC cycles for 1,024 bytes, for each of list_algorithms(); 0 where it cannot be measured.
std::vector<uint32_t> measure_algorithms() {
  std::vector<uint32_t> cycles;
  const auto engine = CryptoEngine::create();
  for (const AlgorithmRow& row : list_algorithms()) {
    const auto keys = KeySchedule::sample(row.algorithm);
    cycles.push_back(engine && keys ? (*engine)->cycles_per_kilobyte(*keys) : 0);
  }
  return cycles;
}

}  // namespace

nlohmann::json answer_algorithms() {
  // Measured when somebody asks for the first time; then it takes some milliseconds.
  static const std::vector<uint32_t> kCycles = measure_algorithms();
  const auto bits = [](uint16_t bytes) { return static_cast<uint16_t>(bytes * 8); };
  nlohmann::json rows = nlohmann::json::array();
  for (const AlgorithmRow& row : list_algorithms()) {
    rows.push_back(to_row_json(AlgorithmListRow{row.name, row.protocol, bits(row.encryption_key_bytes),
                                                bits(row.authentication_key_bytes), bits(row.icv_bytes),
                                                std::string(requirement_text(row.requirement)), kCycles[rows.size()]}));
  }
  rows.push_back(to_row_json(AlgorithmListRow{std::string(kCompressionAlgorithm), "comp", 0, 0, 0, "MAY", 0}));
  return {{"rows", std::move(rows)}};
}

nlohmann::json answer_status(const HandlerContext& context, Generation edited_at) {
  SaTables& sas = context.engine.sas();
  return {{"version", kDaemonVersion},
          {"host", host_name()},
          {"time_s", static_cast<int64_t>(std::time(nullptr))},
          {"generation", context.engine.versions().published()},
          {"edited_at", edited_at},
          {"stored", context.store != nullptr},
          {"old_versions", context.engine.versions().waiting()},
          {"sas", sas.sa_count()},
          {"groups", sas.group_count()},
          {"eroutes", sas.eroutes().eroute_count()},
          {"crypto_library", crypto_library_version()},
          {"crypto_manager", crypto_manager_name()}};
}

nlohmann::json answer_debug(const HandlerContext& context, const DebugFlags& flags) {
  for (const std::string& topic : flags.clear) context.topics.clear(topic);
  for (const std::string& topic : flags.set) context.topics.set(topic);
  return {{"topics", context.topics.list()}};
}

}  // namespace spigrp
