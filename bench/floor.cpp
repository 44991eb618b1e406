// floor: what the crypto of one packet costs in ipsec-mb alone on this machine: each manager and each of its
// interfaces, on the bytes that a packet of the pipeline has encrypted and hashed. The cheapest is the floor that
// `pipeline` is compared with. Beside it, what the daemon's CryptoEngine takes for the same.
#include <iostream>
#include <map>

#include "crypto_floor.h"
#include "run_options.h"
#include "table.h"

namespace spigrp::bench {
namespace {

constexpr size_t kRounds = 51, kQuickRounds = 5;

constexpr std::string_view kLegend =
    "TSC cycles per packet, medians. Way: ipsec-mb's cheapest manager and interface. next: the cheapest way with\n"
    "another manager first. daemon: the same jobs given to the daemon's CryptoEngine; ratio: daemon / floor, slice by\n"
    "slice beside each other. esp: text and ICV of ESP; ah: the ICV over the whole outer packet (hmac-sha2_256-128).\n";

// One line: ESP one way, or AH.
struct Work {
  PacketCase packet_case;
  Direction direction;
  EngineCrypto::Part part;
};

std::vector<Work> all_work(const std::vector<PacketCase>& cases) {
  using enum EngineCrypto::Part;
  std::vector<Work> work;
  for (const PacketCase& packet_case : cases) {
    if (packet_case.group == Group::kTunEsp) {
      for (const Direction direction : kDirections) work.push_back({packet_case, direction, kEsp});
    } else {
      work.push_back({packet_case, Direction::kOutbound, kAh});  // inbound is the same
    }
  }
  return work;
}

std::string_view first_word(const std::string& name) {
  return std::string_view(name).substr(0, name.find(' '));
}

// The cheapest among those that another manager does (the first part of).
std::string next_manager(const std::vector<TimedWay>& ways, const TimedWay& best) {
  std::vector<TimedWay> others;
  for (const TimedWay& way : ways) {
    if (first_word(way.way.name) != first_word(best.way.name)) others.push_back(way);
  }
  if (others.empty()) return "-";
  const TimedWay& next = cheapest(others);
  return figure(next.cycles.summary().median, 0) + " " + std::string(first_word(next.way.name));
}

std::string name_of(const Work& work) {
  if (work.part == EngineCrypto::Part::kEsp) {
    return "esp " + std::string(esp_algorithm(work.packet_case.suite)) + " " +
           std::string(direction_name(work.direction));
  }
  return "ah over " + std::string(esp_algorithm(work.packet_case.suite));
}

class FloorReport {
 public:
  explicit FloorReport(size_t rounds) : rounds_(rounds) {}

  Expected<void> run(std::vector<Library>& libraries, const Work& work) {
    const bool is_esp = work.part == EngineCrypto::Part::kEsp;
    CryptoBuffers buffers(layout_of(work.packet_case), work.direction);
    const size_t sas = work.packet_case.sas;
    auto ways =
        time_ways(is_esp ? esp_ways(libraries, work.packet_case, work.direction) : ah_ways(libraries, work.packet_case),
                  buffers, sas, rounds_);
    if (!ways) return tl::unexpected(ways.error());
    const TimedWay& best = cheapest(*ways);
    auto engine = EngineCrypto::create(work.packet_case, work.direction, work.part);
    if (!engine) return tl::unexpected(engine.error());
    Series floor, daemon;
    for (size_t round = 0; round < rounds_; ++round) {
      floor.add(buffers.time(round * kSlicePackets, sas, best.way.run));
      daemon.add(engine->time(round * kSlicePackets));
    }
    add(work, *ways, best, floor, daemon);
    return {};
  }

  void print(std::ostream& out) const { table_.print(out); }
  const nlohmann::json& cases() const noexcept { return cases_; }

 private:
  void add(const Work& work, const std::vector<TimedWay>& ways, const TimedWay& best, const Series& floor,
           const Series& daemon) {
    const Summary cycles = floor.summary(), ratio = (daemon / floor).summary();
    table_.add({name_of(work), std::to_string(work.packet_case.inner_bytes), std::to_string(work.packet_case.sas),
                best.way.name, figure(cycles.median, 0),
                figure(cycles.lower_quartile, 0) + "-" + figure(cycles.upper_quartile, 0), next_manager(ways, best),
                figure(daemon.summary().median, 0), figure(ratio.median, 2)});
    nlohmann::json one = to_json(work.packet_case, work.direction);
    one.erase("group");
    one["part"] = work.part == EngineCrypto::Part::kEsp ? "esp" : "ah";
    one["way"] = best.way.name;
    one["floor"] = to_json(cycles);
    one["daemon"] = to_json(daemon.summary());
    one["daemon_to_floor"] = to_json(ratio);
    for (const TimedWay& way : ways) one["ways"][way.way.name] = to_json(way.cycles.summary());
    cases_.push_back(std::move(one));
  }

  size_t rounds_;
  Table table_{{"", "inner B", "SAs", "way", "floor", "quartiles", "next", "daemon", "ratio"}, 5};
  nlohmann::json cases_ = nlohmann::json::array();
};

Expected<void> run(const RunOptions& options) {
  const auto core = pin_to_core(options.core);
  if (!core) return tl::unexpected(core.error());
  const Machine machine = describe_machine(*core);
  std::map<uint32_t, std::vector<Library>> libraries;  // by the number of SAs
  FloorReport report(options.rounds_or(kRounds, kQuickRounds));
  for (const Work& work : all_work(options.quick ? quick_cases() : all_cases())) {
    const uint32_t sas = work.packet_case.sas;
    if (!options.wants(work.packet_case)) continue;
    if (!libraries.contains(sas)) libraries.emplace(sas, make_libraries(sas));
    if (auto done = report.run(libraries.at(sas), work); !done) return done;
  }
  std::cout << "floor: ipsec-mb alone. " << text(machine) << "\n" << kLegend << '\n';
  report.print(std::cout);
  if (options.json_file.empty()) return {};
  return write_json(options.json_file,
                    {{"unit", "TSC cycles per packet"}, {"machine", to_json(machine)}, {"cases", report.cases()}});
}

}  // namespace
}  // namespace spigrp::bench

int main(int count, char** words) {
  return spigrp::bench::run_program("floor", spigrp::bench::run, count, words);
}
