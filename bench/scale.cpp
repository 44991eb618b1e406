// scale: what more of everything costs: 100,000 SAs, a million eroutes, IPv6, packets that are unlike each other, a
// second worker on the same SA. What is compared is taken in turns. It ends with 1 when a packet was lost.
#include <algorithm>
#include <iostream>

#include <sched.h>

#include <rte_eal.h>

#include "crypto_floor.h"
#include "engine/engine.h"
#include "run_options.h"
#include "scale_rig.h"
#include "table.h"

namespace spigrp::bench {
namespace {

constexpr size_t kRounds = 101, kQuickRounds = 3, kFloorRounds = 11;

constexpr std::string_view kLegend =
    "TSC cycles per packet, medians; tun+esp, bursts of 64, from the received frame to the port's transmit ring.\n"
    "ratio    to what it is beside, slice by slice\n";

TableContent content_of(Suite suite, uint32_t sas) {
  return {.packet_case = {suite, Group::kTunEsp, 64, sas}};
}

class ScaleReport {
 public:
  explicit ScaleReport(const RunOptions& options)
      : options_(options), rounds_(options.rounds_or(kRounds, kQuickRounds)) {}

  bool wants(std::string_view what) const {
    return options_.only.empty() || what.find(options_.only) != std::string_view::npos;
  }
  bool is_quick() const noexcept { return options_.quick; }
  size_t rounds() const noexcept { return rounds_; }

  struct Line {
    std::string what, beside;
    uint16_t inner_bytes;  // 0: several
    Direction direction;
    double goal;  // the ratio is to be at most this, or where it is a gain at least this
    bool is_gain = false;
  };
  void add(const Line& line, const Series& cycles, const Series& ratio) {
    const Summary now = cycles.summary(), times = ratio.summary();
    const bool met = line.is_gain ? times.median >= line.goal : times.median <= line.goal;
    table_.add({line.what, std::string(direction_name(line.direction)),
                line.inner_bytes == 0 ? "IMIX" : std::to_string(line.inner_bytes), figure(now.median, 0), line.beside,
                figure(times.median, 2), figure(times.lower_quartile, 2) + "-" + figure(times.upper_quartile, 2),
                figure(line.goal, 2) + (met ? " met" : " missed")});
    cases_.push_back({{"what", line.what},
                      {"beside", line.beside},
                      {"direction", direction_name(line.direction)},
                      {"inner_bytes", line.inner_bytes},
                      {"total", to_json(now)},
                      {"ratio", to_json(times)},
                      {"goal", line.goal}});
  }
  void print(std::ostream& out) const { table_.print(out); }
  const nlohmann::json& cases() const noexcept { return cases_; }

 private:
  const RunOptions& options_;
  size_t rounds_;
  Table table_{{"", "", "inner B", "total", "beside", "ratio", "quartiles", "goal"}, 0};
  nlohmann::json cases_ = nlohmann::json::array();
};

struct TwoSeries {
  Series out, in;
  void add(const TwoWays& cycles) {
    out.add(cycles.out);
    in.add(cycles.in);
  }
  const Series& of(Direction direction) const { return direction == Direction::kOutbound ? out : in; }
};

// One rig beside another, at one size.
Expected<void> compare(ScaleReport& report, ScaleRig& rig, ScaleRig& base, ScaleReport::Line line) {
  TwoSeries cycles, beside;
  for (size_t round = 0; round <= report.rounds(); ++round) {
    const auto one = rig.time(round * 2 * kSlicePackets, {&line.inner_bytes, 1});
    if (!one) return tl::unexpected(one.error());
    const auto other = base.time(round * 2 * kSlicePackets, {&line.inner_bytes, 1});
    if (!other) return tl::unexpected(other.error());
    if (round == 0) continue;  // nothing was used before
    cycles.add(*one);
    beside.add(*other);
  }
  for (const Direction direction : kDirections) {
    line.direction = direction;
    report.add(line, cycles.of(direction), cycles.of(direction) / beside.of(direction));
  }
  return {};
}

// One packet of each: from then on it is remembered where there is room.
Expected<void> see_all_flows(ScaleRig& rig, uint32_t flows) {
  for (size_t first = 0; first < flows; first += kSlicePackets) {
    const auto through = rig.time(first, {kInnerBytes, 1});
    if (!through) return tl::unexpected(through.error());
  }
  return {};
}

Expected<void> add_families(ScaleReport& report) {
  TableContent content = content_of(Suite::kGcm, 1);
  auto ipv4 = ScaleRig::create(content);
  if (!ipv4) return tl::unexpected(ipv4.error());
  content.packet_case.family = Family::kIpv6;
  auto ipv6 = ScaleRig::create(content);
  if (!ipv6) return tl::unexpected(ipv6.error());
  for (const uint16_t bytes : kInnerBytes) {
    auto done = compare(report, *ipv6, *ipv4, {"IPv6 in IPv6", "IPv4 in IPv4", bytes, {}, 1.08});
    if (!done) return done;
  }
  return {};
}

Expected<void> add_sas(ScaleReport& report) {
  const uint32_t sas = report.is_quick() ? 5'000 : 100'000;
  auto rig = ScaleRig::create(content_of(Suite::kGcm, sas));
  if (!rig) return tl::unexpected(rig.error());
  if (auto done = see_all_flows(*rig, sas); !done) return done;
  std::vector<Library> libraries = make_libraries(sas);
  constexpr double kGoals[] = {1.8, 1.4, 1.25};
  for (size_t size = 0; size < std::size(kInnerBytes); ++size) {
    const PacketCase packet_case{Suite::kGcm, Group::kTunEsp, kInnerBytes[size], sas};
    std::vector<CryptoFloor> floors;
    for (const Direction direction : kDirections) {
      auto floor = CryptoFloor::find(libraries, packet_case, direction, kFloorRounds);
      if (!floor) return tl::unexpected(floor.error());
      floors.push_back(std::move(*floor));
    }
    TwoSeries cycles, floor;
    for (size_t round = 0; round <= report.rounds(); ++round) {
      const size_t first = round * 2 * kSlicePackets;
      // Of other keys, so that the one does not find in the cache what the other left there.
      const TwoWays crypto{floors[0].time(first), floors[1].time(first + sas / 2)};
      const auto through = rig->time(first, {&kInnerBytes[size], 1});
      if (!through) return tl::unexpected(through.error());
      if (round == 0) continue;
      floor.add(crypto);
      cycles.add(*through);
    }
    for (const Direction direction : kDirections) {
      report.add({std::to_string(sas) + " SAs at random", "the floor with as many keys", kInnerBytes[size], direction,
                  kGoals[size]},
                 cycles.of(direction), cycles.of(direction) / floor.of(direction));
    }
  }
  return {};
}

Expected<void> add_eroutes(ScaleReport& report) {
  const uint32_t many = report.is_quick() ? 20'000 : 1'000'000;
  for (const uint8_t shapes : {uint8_t{1}, uint8_t{32}}) {
    TableContent content = content_of(Suite::kGcm, 1);
    content.shapes = shapes;
    content.flows = 1'000;
    auto few = ScaleRig::create(content);
    if (!few) return tl::unexpected(few.error());
    content.flows = many;
    content.used = 1'000;
    auto few_used = ScaleRig::create(content);
    if (!few_used) return tl::unexpected(few_used.error());
    content.used = 0;
    auto rig = ScaleRig::create(content);
    if (!rig) return tl::unexpected(rig.error());
    const std::string kind = shapes == 1 ? " of 1 shape" : " of " + std::to_string(shapes) + " shapes";
    const std::string what = std::to_string(many) + " eroutes" + kind;
    auto done = compare(report, *few_used, *few, {what + ", 1000 used", "1000 eroutes", 64, {}, 1.25});
    if (done) done = see_all_flows(*rig, many);
    if (done) done = compare(report, *rig, *few, {what + ", all used", "1000 eroutes", 64, {}, 1.25});
    if (!done) return done;
  }
  return {};
}

// Half GCM half CBC, seven small, four middle and one large: beside what each of them costs among its like.
Expected<void> add_mixed(ScaleReport& report) {
  constexpr std::array<uint16_t, 12> kImix = {64, 64, 512, 64, 64, 512, 64, 512, 64, 1420, 512, 64};
  auto gcm = ScaleRig::create(content_of(Suite::kGcm, 1));
  if (!gcm) return tl::unexpected(gcm.error());
  auto cbc = ScaleRig::create(content_of(Suite::kCbcSha, 1));
  if (!cbc) return tl::unexpected(cbc.error());
  TableContent content = content_of(Suite::kGcm, 2);
  content.mixed = true;
  auto mixed = ScaleRig::create(content);
  if (!mixed) return tl::unexpected(mixed.error());
  TwoSeries cycles, apart;
  for (size_t round = 0; round <= report.rounds(); ++round) {
    TwoWays sum;
    for (const uint16_t bytes : kInnerBytes) {
      for (const size_t suite : {0u, 1u}) {
        double share = 0;
        for (size_t i = 0; i < kImix.size(); ++i) share += kImix[i] == bytes && i % 2 == suite ? 1.0 / kImix.size() : 0;
        const auto one = (suite == 0 ? *gcm : *cbc).time(0, {&bytes, 1});
        if (!one) return tl::unexpected(one.error());
        sum.out += share * one->out;
        sum.in += share * one->in;
      }
    }
    const auto all = mixed->time(0, kImix);
    if (!all) return tl::unexpected(all.error());
    if (round == 0) continue;
    cycles.add(*all);
    apart.add(sum);
  }
  for (const Direction direction : kDirections) {
    report.add({"half GCM, half CBC+SHA2-256", "each among its like", 0, direction, 1.10}, cycles.of(direction),
               cycles.of(direction) / apart.of(direction));
  }
  return {};
}

std::vector<int> own_cores(const cpu_set_t& allowed) {
  std::vector<int> cores;
  for (int core = CPU_SETSIZE; core-- > 0;) {
    if (CPU_ISSET(static_cast<size_t>(core), &allowed)) cores.push_back(core);
  }
  return cores;
}

struct WorkerSeries {
  TwoSeries shared;    // cycles with one SA
  TwoSeries gain;      // in throughput, to one worker: on each of the two cores by itself, which need not be alike
  TwoSeries to_apart;  // to two workers with an SA each: what is below 1 they lose by sharing
};

Expected<void> time_workers(ScaleRig& rig, std::span<const int> cores, uint16_t bytes, WorkerSeries* series) {
  using Use = ScaleRig::Use;
  TwoWays alone;
  for (size_t core = 0; core < cores.size(); ++core) {
    const auto cycles = rig.time_together(cores.subspan(core, 1), bytes, Use::kTheSame);
    if (!cycles) return tl::unexpected(cycles.error());
    alone.out += cycles->out / 2;
    alone.in += cycles->in / 2;
  }
  const auto apart = rig.time_together(cores, bytes, Use::kOneEach);
  if (!apart) return tl::unexpected(apart.error());
  const auto both = rig.time_together(cores, bytes, Use::kTheSame);
  if (!both) return tl::unexpected(both.error());
  if (series == nullptr) return {};
  series->shared.add(*both);
  series->gain.add({2 * alone.out / both->out, 2 * alone.in / both->in});
  series->to_apart.add({apart->out / both->out, apart->in / both->in});
  return {};
}

// Throughput of two workers on one SA.
Expected<void> add_workers(ScaleReport& report, const std::vector<int>& cores) {
  if (cores.size() < 2) {
    std::cout << "(one core only: nothing of two workers)\n";
    return {};
  }
  auto rig = ScaleRig::create(content_of(Suite::kGcm, 2), 2);
  if (!rig) return tl::unexpected(rig.error());
  for (const uint16_t bytes : kInnerBytes) {
    WorkerSeries series;
    for (size_t round = 0; round <= report.rounds(); ++round) {
      auto timed = time_workers(*rig, std::span(cores).first(2), bytes, round == 0 ? nullptr : &series);
      if (!timed) return timed;
    }
    for (const Direction direction : kDirections) {
      const TwoSeries& shared = series.shared;
      report.add({"2 workers on one SA", "1, in throughput", bytes, direction, 1.85, true}, shared.of(direction),
                 series.gain.of(direction));
      report.add({"2 workers on one SA", "2 with one each", bytes, direction, 0.925, true}, shared.of(direction),
                 series.to_apart.of(direction));
    }
  }
  return {};
}

Expected<void> start_eal() {
  MemoryOptions memory;
  memory.megabytes = 3072;
  memory.file_prefix = "spigrp-bench";
  memory.eal_arguments = {"--no-telemetry", "--log-level=error"};
  return initialise_eal(memory, {});
}

Expected<void> run_all(const RunOptions& options, const Machine& machine, const std::vector<int>& cores) {
  ScaleReport report(options);
  Expected<void> done;
  if (report.wants("families")) done = add_families(report);
  if (done && report.wants("sas")) done = add_sas(report);
  if (done && report.wants("eroutes")) done = add_eroutes(report);
  if (done && report.wants("mixed")) done = add_mixed(report);
  if (done && report.wants("workers")) done = add_workers(report, cores);
  if (!done) return done;
  std::cout << "scale: what more of everything costs. " << text(machine) << '\n' << kLegend << '\n';
  report.print(std::cout);
  if (options.json_file.empty()) return {};
  return write_json(options.json_file,
                    {{"unit", "TSC cycles per packet"}, {"machine", to_json(machine)}, {"cases", report.cases()}});
}

Expected<void> run(const RunOptions& options) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return failure("cores", "the kernel does not say which");
  const auto core = pin_to_core(options.core);
  if (!core) return tl::unexpected(core.error());
  if (auto started = start_eal(); !started) return started;
  auto done = run_all(options, describe_machine(*core), own_cores(allowed));
  rte_eal_cleanup();
  return done;
}

}  // namespace
}  // namespace spigrp::bench

int main(int count, char** words) {
  return spigrp::bench::run_program("scale", spigrp::bench::run, count, words);
}
