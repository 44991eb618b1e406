// ControlPlane: what the control thread does with packets: it answers ARP requests and neighbour solicitations for the
// gateway's own addresses, resolves next hops for packets that wait for one, passes on those that met %trap, and keeps
// the lists of own addresses and of path MTUs that workers read.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/arp.h"
#include "engine/ndp.h"
#include "engine/network.h"
#include "engine/punt.h"
#include "engine/trap_maker.h"
#include "engine/waiting_packets.h"
#include "transform/worker_context.h"

namespace spigrp {

class ControlPlane {
 public:
  // What it writes for workers to read.
  struct Cells {
    VersionedCell<OwnAddresses>& own_addresses;
    VersionedCell<PathMtus>& path_mtus;
  };
  // Events are what it tells of traps.
  ControlPlane(const Network& network, Cells cells, std::vector<WorkerQueues>& queues, BufferPools buffers,
               EventSource& events);
  ~ControlPlane();  // ends
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;

  // Serves what workers punted, and times out what waits. Publishes what it learned.
  void poll(uint64_t now_ns);
  // The same in a turn of a transaction that takes long, in a Versions::Interlude; only the holds of traps wait.
  void poll_aside(uint64_t now_ns);
  // Drops what waits and what is in the queues, as shutting_down. The workers have ended.
  void end() noexcept;

  std::vector<PathMtuRow> path_mtus() const { return known_path_mtus_.rows(now_ns_); }
  const PacketCounters& counters() const noexcept { return counters_; }

 private:
  void refresh_own_addresses();
  void serve_punts();
  void time_out();
  void take_over(const Punt& punt);
  // These keep what they have to, for which there may be no memory, before they pass the packet on.
  void take(const Punt& punt);
  void take_arp(const Punt& punt);
  void take_neighbour_message(const Punt& punt);
  void take_path_mtu(const Punt& punt);
  void publish_path_mtus();
  // What waits for it is sent. Returns where it is, as far as can be known: a static one is where the operator says.
  MacAddress learn(const NextHopAddress& neighbour, const MacAddress& mac);
  bool is_known(const NextHopAddress& neighbour) const noexcept;
  // Sends a packet that begins at its IP header, or lets it wait for its next hop.
  void send_or_wait(const NextHopAddress& next_hop, const WaitingPacket& packet) noexcept;
  void let_wait(const NextHopAddress& next_hop, const WaitingPacket& packet);
  void send_waiting(const NextHopAddress& next_hop, const MacAddress& mac, const WaitingPacket& packet) noexcept;
  bool has_no_eroute(const rte_mbuf* packet) const noexcept;  // as things are published
  void send_packet(const NextHopAddress& next_hop, const MacAddress& mac, rte_mbuf* packet, Passage passage) noexcept;
  WaitingPacket own_packet(rte_mbuf* packet) const noexcept;
  void ask(const NextHopAddress& next_hop) noexcept;
  void originate(rte_mbuf* frame, uint16_t port) noexcept;
  void inject(const Frame& frame) noexcept;
  void finish(rte_mbuf* packet) noexcept;
  std::optional<LinkSource> source_towards(const NextHopAddress& next_hop) const noexcept;

  const Network& network_;
  Cells cells_;
  std::vector<WorkerQueues>& queues_;
  PacketCounters counters_;
  WorkerContext context_;  // of this thread; it has no crypto engine
  OwnAddresses own_;
  Generation own_at_ = UINT64_MAX;  // when own_ was made
  WaitingPackets waiting_;
  KnownPathMtus known_path_mtus_;
  bool path_mtus_are_old_ = false;  // those that workers read
  TrapMaker traps_;
  uint64_t now_ns_ = 0;
};

}  // namespace spigrp
