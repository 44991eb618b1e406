// pipeline: what a packet costs on its way through a worker, out and in, without NICs: all of it beside the crypto
// floor of the same run, and by stage. It ends with 1 when a packet was lost or came out other than it went in, as the
// figures would then be of something else.
#include <iostream>
#include <map>

#include <rte_eal.h>

#include "engine/engine.h"
#include "goals.h"
#include "pipeline_rounds.h"
#include "run_options.h"
#include "table.h"

namespace spigrp::bench {
namespace {

constexpr size_t kRounds = 101, kQuickRounds = 5;
constexpr size_t kFloorRounds = 11, kQuickFloorRounds = 3;

constexpr std::string_view kLegend =
    "TSC cycles per packet, medians; bursts of 64, IPv4 in IPv4, ah is hmac-sha2_256-128.\n"
    "total    Worker::process(), from the received frame to the port's transmit ring\n"
    "floor    ipsec-mb alone for the same bytes, the cheapest way (last column), in turns with total\n"
    "ratio    total / floor, slice by slice\n"
    "goal     the ratio that is wanted; with 64 SAs, a packet of each in every burst: total / that with one SA\n";

constexpr std::string_view kStageLegend =
    "forward  a packet forwarded plain: receive, parse, route, policy (flow cache), neighbour, transmit\n"
    "eroute   out: what an eroute to %pass adds\n"
    "tun esp ah  the transform by itself, called on bursts of 64\n"
    "rest     total less all of these. Out: from the eroute to its group, queueing between steps, the outer route.\n"
    "         In: SA lookup, matching the group, the second route and policy\n"
    "crypto   part of esp and ah: the same jobs given to the daemon's CryptoEngine; crypto - floor is what its\n"
    "         choice of manager and interface costs, esp + ah - crypto is headers, IVs, sequence, replay, counters\n"
    "lookup   no part of total: one search of the eroute table; a flow cache miss makes two\n";

class PipelineReport {
 public:
  void add(const PacketCase& packet_case, Direction direction, const DirectionResult& result) {
    const std::vector<std::string> name{std::string(group_name(packet_case.group)),
                                        std::string(esp_algorithm(packet_case.suite)),
                                        std::string(direction_name(direction)), std::to_string(packet_case.inner_bytes),
                                        std::to_string(packet_case.sas)};
    const Summary total = result.total.summary(), ratio = (result.total / result.floor).summary();
    std::vector<std::string> row = name;
    row.insert(row.end(),
               {figure(total.median, 0), figure(total.lower_quartile, 0) + "-" + figure(total.upper_quartile, 0),
                figure(result.floor.summary().median, 0), figure(ratio.median, 2),
                figure(ratio.lower_quartile, 2) + "-" + figure(ratio.upper_quartile, 2),
                goals_.verdict(packet_case, direction, total.median, ratio.median), result.floor_way});
    totals_.add(row);

    row = name;
    nlohmann::json one = to_json(packet_case, direction);
    one["total"] = to_json(total);
    one["floor"] = to_json(result.floor.summary());
    one["floor_way"] = result.floor_way;
    one["ratio"] = to_json(ratio);
    row.push_back(figure(total.median, 0));
    for (const auto& [stage, series] : result.stages()) {
      row.push_back(figure(series->summary().median, 0));
      one["stages"][stage] = to_json(series->summary());
    }
    row.push_back(figure(result.crypto.summary().median, 0));
    row.push_back(figure(result.lookup.summary().median, 0));
    one["eroute_lookup"] = to_json(result.lookup.summary());
    one["crypto"] = to_json(result.crypto.summary());
    stages_.add(row);
    cases_.push_back(std::move(one));
  }

  void print(std::ostream& out) const {
    out << kLegend << '\n';
    totals_.print(out);
    out << "\npipeline by stage\n" << kStageLegend << '\n';
    stages_.print(out);
  }
  const nlohmann::json& cases() const noexcept { return cases_; }

 private:
  Table totals_{
      {"group", "esp", "", "inner B", "SAs", "total", "quartiles", "floor", "ratio", "quartiles", "goal", "floor is"},
      0};
  Table stages_{{"group", "esp", "", "inner B", "SAs", "total", "forward", "eroute", "tun", "esp", "ah", "rest",
                 "crypto", "lookup"},
                9};
  Goals goals_;
  nlohmann::json cases_ = nlohmann::json::array();
};

Expected<void> start_eal() {
  MemoryOptions memory;
  memory.megabytes = 1024;
  memory.file_prefix = "spigrp-bench";
  memory.eal_arguments = {"--no-telemetry", "--log-level=error"};
  return initialise_eal(memory, {});
}

Expected<void> run_cases(const RunOptions& options, const Machine& machine) {
  auto rig = Rig::create();
  if (!rig) return tl::unexpected(rig.error());
  std::map<uint32_t, std::vector<Library>> libraries;  // by the number of SAs
  PipelineReport report;
  for (const PacketCase& packet_case : options.quick ? quick_cases() : all_cases()) {
    if (!options.wants(packet_case)) continue;
    if (!libraries.contains(packet_case.sas)) libraries.emplace(packet_case.sas, make_libraries(packet_case.sas));
    auto rounds = PipelineRounds::prepare(*rig, libraries.at(packet_case.sas), packet_case,
                                          options.quick ? kQuickFloorRounds : kFloorRounds);
    if (!rounds) return tl::unexpected(rounds.error());
    if (auto done = rounds->run(options.rounds_or(kRounds, kQuickRounds)); !done) return done;
    for (const Direction direction : kDirections) report.add(packet_case, direction, rounds->result(direction));
  }
  std::cout << "pipeline: a worker's path beside the floor. " << text(machine) << ",\ndaemon's manager "
            << crypto_manager_name() << '\n';
  report.print(std::cout);
  if (options.json_file.empty()) return {};
  return write_json(options.json_file,
                    {{"unit", "TSC cycles per packet"}, {"machine", to_json(machine)}, {"cases", report.cases()}});
}

Expected<void> run(const RunOptions& options) {
  const auto core = pin_to_core(options.core);
  if (!core) return tl::unexpected(core.error());
  if (auto started = start_eal(); !started) return started;
  auto done = run_cases(options, describe_machine(*core));
  rte_eal_cleanup();
  return done;
}

}  // namespace
}  // namespace spigrp::bench

int main(int count, char** words) {
  return spigrp::bench::run_program("pipeline", spigrp::bench::run, count, words);
}
