// StatsReport is the daemon's answer to `stats` as a value: counters by worker, port and drop reason. Counters only
// grow while one daemon runs; what two reports differ by is what happened between them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "config/error.h"

namespace spigrp {

using DropCounts = std::map<std::string, uint64_t>;  // by reason; only reasons that occurred

// Of one thread, or of all together:
// received + originated = sent + delivered + dropped + punted − injected + joined + held.
struct PacketCounts {
  uint64_t received = 0, originated = 0, sent = 0, delivered = 0, punted = 0, injected = 0, joined = 0;
  uint64_t held = 0;  // now: the one that does not only grow
  uint64_t forwarded_plain = 0, encapsulated = 0, decapsulated = 0;
  DropCounts dropped;

  uint64_t all_dropped() const noexcept;
};

struct WorkerReport {
  std::string name;  // "worker 0", "control"
  std::optional<int64_t> core;
  uint64_t busy_cycles = 0, idle_cycles = 0, bursts = 0;
  PacketCounts packets;
};

struct PortReport {
  std::string name, device, mac;
  uint64_t mtu_bytes = 0;
  bool link_up = false;
  uint64_t received_packets = 0, received_bytes = 0, sent_packets = 0, sent_bytes = 0;
  uint64_t missed_packets = 0, receive_errors = 0, no_buffer = 0;
};

struct StatsReport {
  uint64_t generation = 0;
  std::vector<WorkerReport> workers;
  std::vector<PortReport> ports;
  PacketCounts total;
  int64_t unaccounted = 0;                      // packets on their way while the counters were read
  std::map<std::string, std::string> meanings;  // of drop reasons, a sentence each
};

// Fields that this version does not know are passed over. Error: the daemon's reply lacks one that is needed.
Expected<StatsReport> parse_stats(const nlohmann::json& result);

// What happened between two reports of one daemon. Where a counter is smaller than before, the daemon has started anew
// and all of it is new.
StatsReport difference(const StatsReport& before, const StatsReport& now);

}  // namespace spigrp
