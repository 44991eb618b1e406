// Transmitter: the last step of every packet that leaves: fragments where it is too large for the port, its next hop's
// MAC address, an Ethernet header, the port's queue. Packets whose next hop is unknown go to the control thread; those
// for a queue that another worker owns go to that worker.
#pragma once

#include <array>
#include <cstdint>

#include <rte_mbuf.h>

#include "engine/departure.h"
#include "engine/network.h"
#include "engine/plain_packet.h"
#include "engine/punt.h"
#include "packet/buffer.h"
#include "packet/burst.h"
#include "transform/worker_context.h"

namespace spigrp {

// Whose the IP header of a leaving packet is. Only its source may fragment an IPv6 packet (RFC 8200 section 4.5).
enum class HeaderFrom : uint8_t { kElsewhere, kHere };
inline HeaderFrom header_from(Origin origin) noexcept {
  return origin == Origin::kSelf ? HeaderFrom::kHere : HeaderFrom::kElsewhere;
}
// Of what leaves a group; `origin` that of the packet which went into it.
inline HeaderFrom header_from(const SaGroup& group, Origin origin) noexcept {
  return group.makes_header() ? HeaderFrom::kHere : header_from(origin);
}

// How a packet that begins at its IP header leaves.
struct Leaving {
  enum class Way : uint8_t { kWhole, kInFragments, kDropped };
  Way way;
  DropReason reason;   // kDropped
  uint16_t mtu_bytes;  // kInFragments: of each at most
};
struct Sending {
  Passage passage;
  HeaderFrom from;
};
Leaving rule_leaving(const Network& network, Generation g, const rte_mbuf* packet, const NextHop& hop,
                     Sending sending) noexcept;

// Where a packet goes on the link of the port that it leaves by.
NeighbourKey neighbour_key(const IpAddress& destination, const NextHop& hop) noexcept;

// Whether send_along() takes it: a packet in one piece that begins at its IP header, with room in front of it.
inline bool departs(const rte_mbuf* packet, const Departure& departure) noexcept {
  return rte_pktmbuf_pkt_len(packet) <= departure.whole_bytes && packet->nb_segs == 1 &&
         rte_pktmbuf_headroom(packet) >= sizeof(EthernetHeader);
}

// The packet as the port takes it, with room for an Ethernet header; null: there is no room.
rte_mbuf* fit_for_port(rte_mbuf* packet, const Port& port, BufferPools buffers) noexcept;

class Transmitter {
 public:
  // `queues` are those of all workers, by number.
  Transmitter(WorkerContext& context, const Network& network, std::vector<WorkerQueues>& queues) noexcept
      : context_(context), network_(network), queues_(queues) {}

  // A packet that begins at its IP header, by a next hop that is kPort or kInterface.
  void send(rte_mbuf* packet, const NextHop& hop, Passage passage, HeaderFrom from) noexcept;
  // How packets to `destination` leave by a next hop; one without a port: send() has to say.
  Departure departure(const NextHop& hop, const IpAddress& destination, Passage passage) const noexcept;
  // What send() would do with a packet that departs().
  void send_along(rte_mbuf* packet, const Departure& departure, Passage passage) noexcept {
    rte_pktmbuf_prepend(packet, sizeof(EthernetHeader));
    *rte_pktmbuf_mtod(packet, EthernetHeader*) = departure.ethernet;
    send_frame({packet, departure.port, passage});
  }
  // A frame with its Ethernet header complete, by a port whose queue this worker owns.
  void send_frame(const Frame& frame) noexcept {
    Collected& collected = collected_[frame.port];
    const uint16_t place = collected.count;
    if (place == 0) ports_in_use_ |= 1u << frame.port;
    collected.frames[place] = frame.packet;
    collected.passages[place] = frame.passage;
    collected.count = static_cast<uint16_t>(place + 1);
    if (place + 1 == kBurstCapacity) [[unlikely]]
      flush_port(frame.port);
  }
  // Gives the packet to the control thread.
  void punt(const Punt& punt) noexcept;
  // Puts everything collected on the wire.
  void flush() noexcept;

 private:
  struct Collected {
    uint16_t count = 0;
    std::array<rte_mbuf*, kBurstCapacity> frames;
    std::array<Passage, kBurstCapacity> passages;
  };

  void send_fragments(rte_mbuf* packet, const NextHop& hop, Passage passage, uint16_t mtu_bytes) noexcept;
  void send_fitting(rte_mbuf* packet, const NextHop& hop, Passage passage) noexcept;
  void flush_port(uint16_t port) noexcept;
  void leave(const Frame& frame) noexcept;

  WorkerContext& context_;
  const Network& network_;
  std::vector<WorkerQueues>& queues_;
  uint32_t ports_in_use_ = 0;  // a bit for each port that has collected something
  std::array<Collected, kMaxPorts> collected_;
};

}  // namespace spigrp
