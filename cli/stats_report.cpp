// Reading the daemon's counters, and taking one report from another.
#include "cli/stats_report.h"

#include <algorithm>

#include "config/json_fields.h"

namespace spigrp {
namespace {

// Objects whose keys are data: drop reasons.
template <class Value>
Expected<std::map<std::string, Value>> read_map(const RawJson& raw, const char* name) {
  std::map<std::string, Value> map;
  if (raw.json == nullptr || !raw.json->is_object()) return failure(name, "must be an object");
  for (const auto& [key, value] : raw.json->items()) {
    if (const auto read = read_json(value, map[key]); !read) return failure(key, read.error().problem);
  }
  return map;
}

struct RawCounts {
  PacketCounts* counts;
  RawJson dropped;
};

void fields(FieldReader& f, RawCounts& raw) {
  PacketCounts& counts = *raw.counts;
  f("received", counts.received);
  f("originated", counts.originated);
  f("sent", counts.sent);
  f("delivered", counts.delivered);
  f("punted", counts.punted);
  f("injected", counts.injected);
  f("joined", counts.joined);
  f("held", counts.held);
  f("forwarded_plain", counts.forwarded_plain);
  f("encapsulated", counts.encapsulated);
  f("decapsulated", counts.decapsulated);
  f("dropped", raw.dropped);
}

void fields(FieldReader& f, WorkerReport& worker) {
  f("name", worker.name);
  f("core", worker.core, std::optional<int64_t>());
  f("busy_cycles", worker.busy_cycles, uint64_t{0});
  f("idle_cycles", worker.idle_cycles, uint64_t{0});
  f("bursts", worker.bursts, uint64_t{0});
}

void fields(FieldReader& f, PortReport& port) {
  f("name", port.name);
  f("device", port.device);
  f("mac", port.mac);
  f("mtu_bytes", port.mtu_bytes);
  f("link_up", port.link_up);
  f("received_packets", port.received_packets);
  f("received_bytes", port.received_bytes);
  f("sent_packets", port.sent_packets);
  f("sent_bytes", port.sent_bytes);
  f("missed_packets", port.missed_packets);
  f("receive_errors", port.receive_errors);
  f("no_buffer", port.no_buffer);
}

struct RawReport {
  StatsReport* report;
  RawJson workers, ports, total, meanings;
};

void fields(FieldReader& f, RawReport& raw) {
  f("generation", raw.report->generation);
  f("workers", raw.workers);
  f("ports", raw.ports);
  f("total", raw.total);
  f("unaccounted", raw.report->unaccounted);
  f("drop_meanings", raw.meanings);
}

template <class Struct>
Expected<void> read_fields(const nlohmann::json& json, const std::string& path, Struct& value) {
  FieldReader reader(json, path, UnknownFields::kIgnored);
  fields(reader, value);
  return reader.finish();
}

Expected<PacketCounts> read_counts(const nlohmann::json& json, const std::string& path) {
  PacketCounts counts;
  RawCounts raw{&counts, {}};
  if (const auto read = read_fields(json, path, raw); !read) return tl::unexpected(read.error());
  auto dropped = read_map<uint64_t>(raw.dropped, "dropped");
  if (!dropped) return tl::unexpected(dropped.error());
  counts.dropped = std::move(*dropped);
  return counts;
}

Expected<std::vector<WorkerReport>> read_workers(const nlohmann::json& json) {
  if (!json.is_array()) return failure("workers", "must be an array");
  std::vector<WorkerReport> workers;
  for (const nlohmann::json& row : json) {
    const std::string path = "workers[" + std::to_string(workers.size()) + ']';
    WorkerReport& worker = workers.emplace_back();
    if (const auto read = read_fields(row, path, worker); !read) return tl::unexpected(read.error());
    auto counts = read_counts(row, path);
    if (!counts) return tl::unexpected(counts.error());
    worker.packets = std::move(*counts);
  }
  return workers;
}

Expected<std::vector<PortReport>> read_ports(const nlohmann::json& json) {
  if (!json.is_array()) return failure("ports", "must be an array");
  std::vector<PortReport> ports;
  for (const nlohmann::json& row : json) {
    const std::string path = "ports[" + std::to_string(ports.size()) + ']';
    if (const auto read = read_fields(row, path, ports.emplace_back()); !read) return tl::unexpected(read.error());
  }
  return ports;
}

Expected<StatsReport> read_stats(const nlohmann::json& result) {
  StatsReport report;
  RawReport raw{&report, {}, {}, {}, {}};
  if (const auto read = read_fields(result, {}, raw); !read) return tl::unexpected(read.error());
  auto workers = read_workers(*raw.workers.json);
  if (!workers) return tl::unexpected(workers.error());
  auto ports = read_ports(*raw.ports.json);
  if (!ports) return tl::unexpected(ports.error());
  auto total = read_counts(*raw.total.json, "total");
  if (!total) return tl::unexpected(total.error());
  auto meanings = read_map<std::string>(raw.meanings, "drop_meanings");
  if (!meanings) return tl::unexpected(meanings.error());
  report.workers = std::move(*workers);
  report.ports = std::move(*ports);
  report.total = std::move(*total);
  report.meanings = std::move(*meanings);
  return report;
}

uint64_t grown(uint64_t before, uint64_t now) {
  return now >= before ? now - before : now;
}

PacketCounts difference(const PacketCounts& before, const PacketCounts& now) {
  PacketCounts grew = now;
  for (const auto counter :
       {&PacketCounts::received, &PacketCounts::originated, &PacketCounts::sent, &PacketCounts::delivered,
        &PacketCounts::punted, &PacketCounts::injected, &PacketCounts::joined, &PacketCounts::forwarded_plain,
        &PacketCounts::encapsulated, &PacketCounts::decapsulated}) {
    grew.*counter = grown(before.*counter, now.*counter);
  }
  for (auto& [reason, count] : grew.dropped) {
    const auto old = before.dropped.find(reason);
    if (old != before.dropped.end()) count = grown(old->second, count);
  }
  std::erase_if(grew.dropped, [](const auto& drop) { return drop.second == 0; });
  return grew;
}

template <class Row>
const Row* named(const std::vector<Row>& rows, const std::string& name) {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

}  // namespace

uint64_t PacketCounts::all_dropped() const noexcept {
  uint64_t all = 0;
  for (const auto& [reason, count] : dropped) all += count;
  return all;
}

Expected<StatsReport> parse_stats(const nlohmann::json& result) {
  auto report = read_stats(result);
  if (!report) {
    return failure("the daemon's reply", report.error().text(),
                   "the daemon and this command may be of different versions");
  }
  return report;
}

StatsReport difference(const StatsReport& before, const StatsReport& now) {
  StatsReport grew = now;
  grew.total = difference(before.total, now.total);
  for (WorkerReport& worker : grew.workers) {
    const WorkerReport* old = named(before.workers, worker.name);
    if (old == nullptr) continue;
    for (const auto counter : {&WorkerReport::busy_cycles, &WorkerReport::idle_cycles, &WorkerReport::bursts}) {
      worker.*counter = grown(old->*counter, worker.*counter);
    }
    worker.packets = difference(old->packets, worker.packets);
  }
  for (PortReport& port : grew.ports) {
    const PortReport* old = named(before.ports, port.name);
    if (old == nullptr) continue;
    for (const auto counter :
         {&PortReport::received_packets, &PortReport::received_bytes, &PortReport::sent_packets,
          &PortReport::sent_bytes, &PortReport::missed_packets, &PortReport::receive_errors, &PortReport::no_buffer}) {
      port.*counter = grown(old->*counter, port.*counter);
    }
  }
  return grew;
}

}  // namespace spigrp
