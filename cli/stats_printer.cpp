// Counters and rates as tables.
#include "cli/stats_printer.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "cli/table.h"

namespace spigrp {
namespace {

std::string decimal(double value, int places) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", places, value);
  return text;
}

std::string thread_name(const WorkerReport& worker) {
  const bool pinned = worker.core && *worker.core >= 0;
  return worker.name + (pinned ? " (core " + std::to_string(*worker.core) + ')' : "");
}

std::vector<std::string> counter_words(std::string name, const PacketCounts& counts) {
  std::vector<std::string> words{std::move(name)};
  for (const uint64_t count : {counts.received, counts.originated, counts.sent, counts.delivered, counts.all_dropped(),
                               counts.punted, counts.injected, counts.joined, counts.held, counts.forwarded_plain,
                               counts.encapsulated, counts.decapsulated}) {
    words.push_back(std::to_string(count));
  }
  return words;
}

std::string workers_text(const StatsReport& report) {
  Table table({{"thread", Lean::kLeft},
               {"received"},
               {"originated"},
               {"sent"},
               {"delivered"},
               {"dropped"},
               {"punted"},
               {"injected"},
               {"joined"},
               {"held"},
               {"plain"},
               {"encapsulated"},
               {"decapsulated"}});
  for (const WorkerReport& worker : report.workers) table.add(counter_words(thread_name(worker), worker.packets));
  table.add(counter_words("total", report.total));
  return table.text();
}

std::string ports_text(const StatsReport& report) {
  Table table({{"port", Lean::kLeft},
               {"link", Lean::kLeft},
               {"mac", Lean::kLeft},
               {"mtu"},
               {"received"},
               {"bytes"},
               {"sent"},
               {"bytes"},
               {"missed"},
               {"errors"},
               {"no buffer"},
               {"device", Lean::kLeft}});
  for (const PortReport& port : report.ports) {
    table.add({port.name, port.link_up ? "up" : "down", port.mac, std::to_string(port.mtu_bytes),
               std::to_string(port.received_packets), std::to_string(port.received_bytes),
               std::to_string(port.sent_packets), std::to_string(port.sent_bytes), std::to_string(port.missed_packets),
               std::to_string(port.receive_errors), std::to_string(port.no_buffer), port.device});
  }
  return table.text();
}

// The most frequent first.
std::vector<std::pair<std::string, uint64_t>> drops_by_count(const DropCounts& dropped) {
  std::vector<std::pair<std::string, uint64_t>> drops;
  std::copy_if(dropped.begin(), dropped.end(), std::back_inserter(drops), [](const auto& drop) { return drop.second; });
  std::stable_sort(drops.begin(), drops.end(),
                   [](const auto& one, const auto& other) { return one.second > other.second; });
  return drops;
}

std::string meaning_of(const StatsReport& report, const std::string& reason) {
  const auto meaning = report.meanings.find(reason);
  return meaning == report.meanings.end() ? std::string() : meaning->second;
}

std::string drops_text(const StatsReport& report) {
  Table table({{"dropped as", Lean::kLeft}, {"packets"}, {"meaning", Lean::kLeft}});
  for (const auto& [reason, count] : drops_by_count(report.total.dropped)) {
    table.add({reason, std::to_string(count), meaning_of(report, reason)});
  }
  return table.has_rows() ? table.text() : "nothing was dropped\n";
}

std::string worker_rates(const StatsReport& grew, double seconds) {
  Table table({{"thread", Lean::kLeft},
               {"received/s"},
               {"sent/s"},
               {"dropped/s"},
               {"encapsulated/s"},
               {"decapsulated/s"},
               {"busy"},
               {"cycles/packet"}});
  const auto rate = [&](uint64_t count) { return decimal(static_cast<double>(count) / seconds, 0); };
  for (const WorkerReport& worker : grew.workers) {
    const PacketCounts& packets = worker.packets;
    const uint64_t cycles = worker.busy_cycles + worker.idle_cycles;
    const uint64_t handled = packets.received + packets.injected + packets.originated;
    table.add({thread_name(worker), rate(packets.received), rate(packets.sent), rate(packets.all_dropped()),
               rate(packets.encapsulated), rate(packets.decapsulated),
               cycles == 0
                   ? "-"
                   : decimal(100.0 * static_cast<double>(worker.busy_cycles) / static_cast<double>(cycles), 1) + '%',
               cycles == 0 || handled == 0
                   ? "-"
                   : decimal(static_cast<double>(worker.busy_cycles) / static_cast<double>(handled), 0)});
  }
  return table.text();
}

std::string port_rates(const StatsReport& grew, double seconds) {
  Table table(
      {{"port", Lean::kLeft}, {"link", Lean::kLeft}, {"received/s"}, {"Mbit/s"}, {"sent/s"}, {"Mbit/s"}, {"missed/s"}});
  const auto rate = [&](uint64_t count) { return decimal(static_cast<double>(count) / seconds, 0); };
  const auto megabits = [&](uint64_t bytes) { return decimal(static_cast<double>(bytes) * 8e-6 / seconds, 1); };
  for (const PortReport& port : grew.ports) {
    table.add({port.name, port.link_up ? "up" : "down", rate(port.received_packets), megabits(port.received_bytes),
               rate(port.sent_packets), megabits(port.sent_bytes), rate(port.missed_packets)});
  }
  return table.text();
}

}  // namespace

std::string stats_text(const StatsReport& report) {
  std::string text = workers_text(report) + '\n' + ports_text(report) + '\n' + drops_text(report) + '\n';
  text += report.unaccounted == 0 ? "every packet is accounted for\n"
                                  : "on their way while this was read: " + std::to_string(report.unaccounted) + '\n';
  return text;
}

std::string sa_stats_text(std::span<const SaRow> rows) {
  Table table({{"SA", Lean::kLeft},
               {"dir", Lean::kLeft},
               {"packets"},
               {"bytes"},
               {"sequence"},
               {"authentication failed"},
               {"replayed"},
               {"outside window"},
               {"malformed"},
               {"exhausted"},
               {"expired"},
               {"idle s"}});
  for (const SaRow& row : rows) {
    std::vector<std::string> words{row.id.text(), row.direction};
    for (const uint64_t count : {row.packets, row.bytes, row.sequence, row.authentication_failures, row.replays,
                                 row.outside_window, row.malformed, row.exhausted, row.expired}) {
      words.push_back(std::to_string(count));
    }
    words.push_back(row.idle_s < 0 ? "-" : std::to_string(row.idle_s));
    table.add(std::move(words));
  }
  return table.has_rows() ? table.text() : "there are no SAs\n";
}

std::string rates_text(const StatsReport& grew, double seconds) {
  std::string text = worker_rates(grew, seconds) + '\n' + port_rates(grew, seconds);
  Table drops({{"dropped as", Lean::kLeft}, {"packets/s"}, {"meaning", Lean::kLeft}});
  for (const auto& [reason, count] : drops_by_count(grew.total.dropped)) {
    drops.add({reason, decimal(static_cast<double>(count) / seconds, 1), meaning_of(grew, reason)});
  }
  return drops.has_rows() ? text + '\n' + drops.text() : text;
}

}  // namespace spigrp
