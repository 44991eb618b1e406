// EngineParts: everything an engine is made of except threads: buffers, tables, ports, workers. Engine runs them; tests
// and benchmarks step a worker by hand:
//   auto parts = EngineParts::create(options).value();
//   parts->worker(0).process(port, frames, count);
#pragma once

#include <memory>
#include <vector>

#include "config/options.h"
#include "engine/buffer_pool.h"
#include "engine/control_plane.h"
#include "engine/event_source.h"
#include "engine/network.h"
#include "engine/port.h"
#include "engine/worker.h"

namespace spigrp {

class EngineParts {
 public:
  // EAL must be initialised. Opens the ports, but does not start them; gives them the addresses of the options. Errors
  // name the port or the setting.
  static Expected<std::unique_ptr<EngineParts>> create(const Options& options);
  ~EngineParts();
  EngineParts(const EngineParts&) = delete;
  EngineParts& operator=(const EngineParts&) = delete;

  Versions& versions() noexcept { return *versions_; }
  SaTables& sas() noexcept { return *sas_; }
  RouteTables& routes() noexcept { return *routes_; }
  const Network& network() const noexcept { return *network_; }
  rte_mempool* buffers() noexcept { return buffers_.get(); }
  rte_mempool* large_buffers() noexcept { return large_buffers_.get(); }  // or null
  std::vector<Port>& ports() noexcept { return ports_; }
  std::vector<std::unique_ptr<Worker>>& workers() noexcept { return workers_; }
  Worker& worker(uint16_t id) noexcept { return *workers_[id]; }
  ControlPlane& control_plane() noexcept { return *control_plane_; }
  EventSource& events() noexcept { return *events_; }

  // Drops what waits in queues and closes the ports. The workers have ended.
  void close() noexcept;

 private:
  EngineParts() = default;

  Expected<void> make_tables(const Options& options);
  Expected<void> make_buffers(const Options& options);
  Expected<void> make_large_buffers(const Options& options);
  Expected<void> open_ports(const Options& options);
  Expected<void> set_addresses(const Options& options);
  Expected<void> make_workers(const Options& options);

  // Destroyed from the last to the first: ports hold buffers, versions free what the tables point to.
  BufferPool buffers_, large_buffers_;
  std::unique_ptr<SaTables> sas_;
  std::unique_ptr<RouteTables> routes_;
  VersionedCell<OwnAddresses> own_addresses_;
  VersionedCell<PathMtus> path_mtus_;
  std::unique_ptr<Versions> versions_;
  std::vector<Port> ports_;
  uint32_t spare_buffers_ = 0;  // that are there with all queues full
  std::unique_ptr<Network> network_;
  std::vector<WorkerQueues> queues_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<EventSource> events_;
  std::unique_ptr<ControlPlane> control_plane_;
};

}  // namespace spigrp
