// Outbound: packets that are routed to a protected interface: their eroute's verdict, the transforms of their group,
// and the way of what comes out of them.
#pragma once

#include <array>
#include <cstdint>

#include "engine/network.h"
#include "engine/plain_packet.h"
#include "engine/transmit.h"
#include "transform/transform.h"

namespace spigrp {

class Outbound {
 public:
  Outbound(WorkerContext& context, const Network& network, Transmitter& transmitter) noexcept
      : context_(context), network_(network), transmitter_(transmitter) {}

  // Takes over a packet that is routed to `interface`, with the eroute of its flow (null: none).
  void take(const PlainPacket& packet, const Eroute* eroute, const NextHop& interface, Passage passage) noexcept;
  // Applies all transforms to all packets taken, and sends them.
  void run() noexcept;

 private:
  void count_packet(const Eroute& eroute) noexcept;
  void protect(rte_mbuf* packet, const SaGroup& group) noexcept;
  void apply_step(SaProtocol protocol) noexcept;
  void send_done() noexcept;

  WorkerContext& context_;
  const Network& network_;
  Transmitter& transmitter_;
  const Eroute* counted_ = nullptr;  // the eroute of the packets counted so far in this run
  uint64_t counted_packets_ = 0;
  std::array<Burst, kSaProtocolCount> waiting_;  // by the protocol of the next step
  Burst done_;                                   // have all transforms of their group
};

}  // namespace spigrp
