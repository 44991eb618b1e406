// Engine: ports, workers and what they share. Made from Options; the control thread starts and stops it, edits its
// tables between (sa_edit.h, route_edit.h), and serves what workers punt to it: ARP, NDP, packets that wait for a
// neighbour.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/event.h"
#include "config/explanation.h"
#include "config/options.h"
#include "config/route_spec.h"
#include "packet/counters.h"
#include "route/route_tables.h"
#include "sa/sa_tables.h"
#include "state/versions.h"

namespace spigrp {

struct PortStatistics {
  std::string name, device;
  MacAddress mac;
  uint16_t mtu_bytes;
  bool link_up;
  uint64_t received_packets, received_bytes, sent_packets, sent_bytes, missed_packets, receive_errors, no_buffer;
};

struct WorkerStatistics {
  uint16_t id;
  int core;  // −1: not pinned
  const PacketCounters* counters;
  uint64_t busy_cycles, idle_cycles, bursts;  // TSC
};

class Engine {
 public:
  // Opens the ports and makes tables, buffers and workers. EAL must be initialised. Errors name the port or the
  // setting.
  static Expected<std::unique_ptr<Engine>> create(const Options& options);
  ~Engine();  // stops

  Expected<void> start();  // ports up, workers running
  void stop() noexcept;    // workers ended, ports drained and closed

  Versions& versions() noexcept;
  SaTables& sas() noexcept;
  RouteTables& routes() noexcept;

  // control, a few hundred times a second and after each publish: serves the punt queue (ARP, NDP, unresolved
  // neighbours), times out what waits, looks at lifetimes, reclaims old versions.
  void poll_control();
  // control, in a turn of a transaction that takes long: the same, but that the holds of traps wait, and lifetimes
  // are not looked at while the transaction is being linked
  void poll_aside();
  // control: what has happened since the last call
  std::vector<Event> take_events();

  // control: SAs whose sequence numbers came near their limits since the last call; to be called where limits are set
  std::vector<SaId> take_near_limit();

  // control: what the workers would do with a packet (explain.h). Errors: no such port or SA, no memory.
  Expected<Explanation> explain(const ExplainQuery& query);

  std::vector<PortStatistics> port_statistics() const;
  std::vector<PathMtuRow> path_mtus() const;  // control
  // Whether workers wait for each other where they encrypt (CryptoEngine::is_slowed_by_others).
  bool has_slow_crypto() const noexcept;
  std::vector<WorkerStatistics> worker_statistics() const;  // the control thread's own counters come last

 private:
  struct State;
  explicit Engine(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Initialises EAL as the options say: core, memory, file prefix, huge pages or none. Error: what EAL refused.
Expected<void> initialise_eal(const MemoryOptions& memory, const WorkerOptions& workers);

}  // namespace spigrp
