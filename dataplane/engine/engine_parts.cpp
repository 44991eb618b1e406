// See engine_parts.h.
#include "engine/engine_parts.h"

#include <atomic>
#include <bit>
#include <cstdlib>
#include <string>

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "route/route_edit.h"

namespace spigrp {
namespace {

constexpr unsigned kBufferCachePackets = 256;  // per thread

// Large enough for 9,600 bytes with every transform, and for what fragments and IPComp may make of smaller packets.
constexpr uint16_t kLargeBufferBytes = 16384;
constexpr uint32_t kLeastLargeBuffers = 256;
constexpr uint32_t kGroupRoomBytes = 800;  // what eight SAs may add to a packet, so that it still fits an ordinary one

// DPDK's names are the process's; an engine may be made again.
std::string unique_name(const std::string& name) {
  static std::atomic<unsigned> number{0};
  return "spigrp_" + name + "_" + std::to_string(number++);
}

Expected<void> validate(const Options& options) {
  if (options.ports.empty()) return failure("ports", "there is none", "name one or more in [[ports]]");
  if (options.ports.size() > kMaxPorts) {
    return failure("ports", "there are more than " + std::to_string(kMaxPorts));
  }
  if (options.workers.count == 0 || options.workers.count >= RTE_MAX_LCORE) {
    return failure("workers.count", "must be 1 … " + std::to_string(RTE_MAX_LCORE - 1));
  }
  if (!options.workers.cores.empty() && options.workers.cores.size() != options.workers.count) {
    return failure("workers.cores", "must name one core for each worker, or none at all");
  }
  if (!std::has_single_bit(options.tables.flow_cache_entries_meant())) {
    return failure("tables.flow_cache_entries", "must be a power of two");
  }
  return {};
}

// With all queues full there must still be something to receive into. Returns how many more there are.
Expected<uint32_t> spare_buffers(const Options& options, const std::vector<Port>& ports) {
  uint32_t wanted = uint32_t{options.workers.count} * (kBufferCachePackets + kBurstCapacity);
  for (size_t i = 0; i < ports.size(); ++i) {
    wanted += uint32_t{ports[i].rx_queues()} * options.ports[i].rx_queue_packets;
    wanted += uint32_t{ports[i].tx_queues()} * options.ports[i].tx_queue_packets;
  }
  if (options.memory.packet_buffers >= wanted) return options.memory.packet_buffers - wanted;
  return failure("memory.packet_buffers", "the ports' queues and the workers alone can hold " + std::to_string(wanted),
                 "raise it, or shorten the queues");
}

// A device may keep what it has sent until its queue is full, so ports that send packets of that size would have all of
// them but for these.
uint32_t large_buffers_wanted(const Options& options, const std::vector<Port>& ports) {
  uint32_t wanted = kLeastLargeBuffers + 2u * options.workers.count * kBurstCapacity;
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].mtu_bytes() + RTE_PKTMBUF_HEADROOM + kGroupRoomBytes <= options.memory.buffer_bytes) continue;
    wanted += uint32_t{ports[i].tx_queues()} * options.ports[i].tx_queue_packets;
  }
  return wanted;
}

}  // namespace

Expected<std::unique_ptr<EngineParts>> EngineParts::create(const Options& options) {
  if (const auto valid = validate(options); !valid) return tl::unexpected(valid.error());
  std::unique_ptr<EngineParts> parts(new EngineParts);
  for (const auto step : {&EngineParts::make_buffers, &EngineParts::make_tables, &EngineParts::open_ports,
                          &EngineParts::make_large_buffers, &EngineParts::set_addresses, &EngineParts::make_workers}) {
    if (const auto done = (parts.get()->*step)(options); !done) return tl::unexpected(done.error());
  }
  return parts;
}

EngineParts::~EngineParts() {
  close();
}

void EngineParts::close() noexcept {
  for (Port& port : ports_) port.stop();
  for (const auto& worker : workers_) worker->end();
  if (control_plane_) control_plane_->end();
}

Expected<void> EngineParts::make_buffers(const Options& options) {
  buffers_ = make_buffer_pool(unique_name("packets"), {options.memory.packet_buffers, kBufferCachePackets,
                                                       static_cast<uint16_t>(options.memory.buffer_bytes)});
  if (buffers_) return {};
  return failure("memory.packet_buffers",
                 std::to_string(options.memory.packet_buffers) + " buffers of " +
                     std::to_string(options.memory.buffer_bytes) + " bytes: " + rte_strerror(rte_errno),
                 "raise memory.megabytes");
}

// Without a cache per thread: few are used, and none must lie idle where others lack one.
Expected<void> EngineParts::make_large_buffers(const Options& options) {
  if (options.memory.buffer_bytes >= kLargeBufferBytes) return {};
  const uint32_t wanted = large_buffers_wanted(options, ports_);
  large_buffers_ = make_buffer_pool(unique_name("large"), {wanted, 0, kLargeBufferBytes});
  if (large_buffers_) return {};
  return failure("memory.megabytes",
                 std::to_string(wanted) + " large buffers of " + std::to_string(kLargeBufferBytes) +
                     " bytes: " + rte_strerror(rte_errno),
                 "raise it, or shorten the transmit queues of ports with a large mtu_bytes");
}

Expected<void> EngineParts::make_tables(const Options& options) {
  auto sas = SaTables::create(options.tables);
  if (!sas) return tl::unexpected(sas.error());
  sas_ = std::move(*sas);
  auto routes = RouteTables::create(options.tables);
  if (!routes) return tl::unexpected(routes.error());
  routes_ = std::move(*routes);
  auto versions = Versions::create(options.workers.count);
  if (!versions) return tl::unexpected(versions.error());
  versions_ = std::move(*versions);
  return {};
}

Expected<void> EngineParts::open_ports(const Options& options) {
  for (const PortOptions& port_options : options.ports) {
    auto port = Port::open(port_options, static_cast<uint16_t>(ports_.size()), options.workers.count, buffers_.get());
    if (!port) return tl::unexpected(port.error());
    ports_.push_back(std::move(*port));
  }
  const auto spare = spare_buffers(options, ports_);
  if (!spare) return tl::unexpected(spare.error());
  spare_buffers_ = *spare;
  std::vector<PortFacts> facts;
  for (const Port& port : ports_) facts.push_back({port.name(), port.mtu_bytes(), port.mac()});
  set_ports(*routes_, std::move(facts));
  network_ = std::make_unique<Network>(Network{*versions_, *sas_, *routes_, ports_, own_addresses_, path_mtus_});
  return {};
}

Expected<void> EngineParts::set_addresses(const Options& options) {
  RouteEdit edit(*routes_, *versions_);
  for (const PortOptions& port : options.ports) {
    for (const IpPrefix& address : port.addresses) {
      if (const auto added = edit.add_address({address, port.name}); !added) return tl::unexpected(added.error());
    }
  }
  edit.link();
  versions_->publish();
  return {};
}

Expected<void> EngineParts::make_workers(const Options& options) {
  for (uint16_t id = 0; id < options.workers.count; ++id) {
    auto punts = Ring<Punt>::create(unique_name("punts"), kPuntQueuePackets, RingWriters::kOne);
    if (!punts) return tl::unexpected(punts.error());
    auto injected = Ring<Frame>::create(unique_name("injected"), kInjectQueueFrames, RingWriters::kOne);
    if (!injected) return tl::unexpected(injected.error());
    auto handed_over = Ring<Frame>::create(unique_name("handed"), kHandoverQueueFrames, RingWriters::kMany);
    if (!handed_over) return tl::unexpected(handed_over.error());
    auto resumed = Ring<rte_mbuf*>::create(unique_name("resumed"), kResumeQueuePackets, RingWriters::kOne);
    if (!resumed) return tl::unexpected(resumed.error());
    queues_.push_back({std::move(*punts), std::move(*injected), std::move(*handed_over), std::move(*resumed)});
  }
  for (uint16_t id = 0; id < options.workers.count; ++id) {
    using Library = CryptoEngine::Library;
    auto crypto = CryptoEngine::create(options.workers.count == 1 ? Library::kShared : Library::kOwn);
    if (!crypto) return tl::unexpected(crypto.error());
    auto notices = Ring<Notice>::create(unique_name("notices"), kNoticeQueue, RingWriters::kOne);
    if (!notices) return tl::unexpected(notices.error());
    workers_.push_back(std::make_unique<Worker>(
        *network_,
        WorkerParts{id, std::move(*crypto), std::move(*notices), BufferPools(buffers_.get(), large_buffers_.get()),
                    queues_, options.tables.flow_cache_entries_meant(), spare_buffers_ / 2 / options.workers.count}));
  }
  std::vector<Notices*> notices;
  for (const auto& worker : workers_) notices.push_back(&worker->notices());
  events_ = std::make_unique<EventSource>(*sas_, std::move(notices));
  control_plane_ = std::make_unique<ControlPlane>(*network_, ControlPlane::Cells{own_addresses_, path_mtus_}, queues_,
                                                  BufferPools(buffers_.get(), large_buffers_.get()), *events_);
  return {};
}

}  // namespace spigrp
