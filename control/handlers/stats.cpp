// Counters as JSON: of workers, of ports, of all together, and what the drop reasons mean.
#include "control/handlers/handlers.h"
#include "packet/counters.h"

namespace spigrp {
namespace {

struct NamedCounter {
  const char* name;
  Counter PacketCounters::*counter;
};
constexpr NamedCounter kCounters[] = {
    {"received", &PacketCounters::received},
    {"originated", &PacketCounters::originated},
    {"sent", &PacketCounters::sent},
    {"delivered", &PacketCounters::delivered},
    {"punted", &PacketCounters::punted},
    {"injected", &PacketCounters::injected},
    {"joined", &PacketCounters::joined},
    {"held", &PacketCounters::held},
    {"forwarded_plain", &PacketCounters::forwarded_plain},
    {"encapsulated", &PacketCounters::encapsulated},
    {"decapsulated", &PacketCounters::decapsulated},
    {"mtu_reports", &PacketCounters::mtu_reports},
};

nlohmann::json counters_json(const PacketCounters& counters) {
  nlohmann::json json = nlohmann::json::object();
  for (const NamedCounter& named : kCounters) json[named.name] = (counters.*named.counter).value();
  nlohmann::json dropped = nlohmann::json::object();
  for (size_t reason = 0; reason < kDropReasonCount; ++reason) {
    const uint64_t count = counters.dropped[reason].value();
    if (count != 0) dropped[std::string(drop_reason_name(static_cast<DropReason>(reason)))] = count;
  }
  json["dropped"] = std::move(dropped);
  return json;
}

nlohmann::json worker_json(const WorkerStatistics& worker, bool is_control) {
  nlohmann::json json = counters_json(*worker.counters);
  json["name"] = is_control ? "control" : "worker " + std::to_string(worker.id);
  json["core"] = worker.core < 0 ? nlohmann::json() : nlohmann::json(worker.core);
  json["busy_cycles"] = worker.busy_cycles;
  json["idle_cycles"] = worker.idle_cycles;
  json["bursts"] = worker.bursts;
  return json;
}

nlohmann::json port_json(const PortStatistics& port) {
  return {{"name", port.name},
          {"device", port.device},
          {"mac", text(port.mac)},
          {"mtu_bytes", port.mtu_bytes},
          {"link_up", port.link_up},
          {"received_packets", port.received_packets},
          {"received_bytes", port.received_bytes},
          {"sent_packets", port.sent_packets},
          {"sent_bytes", port.sent_bytes},
          {"missed_packets", port.missed_packets},
          {"receive_errors", port.receive_errors},
          {"no_buffer", port.no_buffer}};
}

// Adds numbers, and numbers of drops by reason.
void add_counters(nlohmann::json& total, const nlohmann::json& worker) {
  for (const NamedCounter& named : kCounters) {
    total[named.name] = total[named.name].get<uint64_t>() + worker[named.name].get<uint64_t>();
  }
  for (const auto& [reason, count] : worker["dropped"].items()) {
    total["dropped"][reason] = total["dropped"].value(reason, uint64_t{0}) + count.get<uint64_t>();
  }
}

// What went in and has not come out yet (counters.h).
int64_t unaccounted(const nlohmann::json& total) {
  const auto of = [&](const char* name) { return total[name].get<int64_t>(); };
  int64_t left = of("received") + of("originated") + of("injected") - of("punted") - of("sent") - of("delivered") -
                 of("joined") - of("held");
  for (const auto& [reason, count] : total["dropped"].items()) left -= count.get<int64_t>();
  return left;
}

}  // namespace

nlohmann::json answer_stats(Engine& engine) {
  nlohmann::json total = counters_json(PacketCounters());
  nlohmann::json workers = nlohmann::json::array();
  const std::vector<WorkerStatistics> statistics = engine.worker_statistics();
  for (const WorkerStatistics& worker : statistics) {
    workers.push_back(worker_json(worker, &worker == &statistics.back()));
    add_counters(total, workers.back());
  }
  nlohmann::json ports = nlohmann::json::array();
  for (const PortStatistics& port : engine.port_statistics()) ports.push_back(port_json(port));
  nlohmann::json meanings = nlohmann::json::object();
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    const auto reason = static_cast<DropReason>(i);
    const std::string name(drop_reason_name(reason));
    if (total["dropped"].contains(name)) meanings[name] = drop_reason_meaning(reason);
  }
  const int64_t on_their_way = unaccounted(total);
  return {{"generation", engine.versions().published()},
          {"workers", std::move(workers)},
          {"ports", std::move(ports)},
          {"total", std::move(total)},
          {"unaccounted", on_their_way},
          {"drop_meanings", std::move(meanings)}};
}

}  // namespace spigrp
