// Outbound: packets that are routed to a protected interface: their eroute's verdict, the transforms of their group,
// and the way of what comes out of them.
#pragma once

#include <array>
#include <cstdint>

#include "engine/local.h"
#include "engine/network.h"
#include "engine/plain_packet.h"
#include "engine/transmit.h"
#include "transform/transform.h"

namespace spigrp {

class Outbound {
 public:
  Outbound(WorkerContext& context, const Network& network, LocalDelivery& local, Transmitter& transmitter) noexcept
      : context_(context), network_(network), local_(local), transmitter_(transmitter) {}

  // What becomes of a packet that is routed to `interface`, with the eroute of its flow (null: none).
  enum class Fate : uint8_t { kTaken, kPasses };  // kPasses: as it is, in the clear, by the caller
  [[nodiscard]] Fate take(const PlainPacket& packet, const Eroute* eroute, const NextHop& interface,
                          PlainBurst& answers) noexcept;
  // Applies all transforms to all packets taken, and sends them.
  void run() noexcept;

 private:
  void count_packet(const Eroute& eroute) noexcept;
  void protect(const PlainPacket& packet, const SaGroup& group, uint16_t mtu_bytes, PlainBurst& answers) noexcept;
  void protect_outgrowing(const PlainPacket& packet, const SaGroup& group, uint16_t mtu_bytes,
                          PlainBurst& answers) noexcept;
  void begin(rte_mbuf* packet, const SaGroup& group) noexcept;
  void apply_steps() noexcept;
  void apply_step(SaProtocol protocol) noexcept;
  void send_done() noexcept;

  WorkerContext& context_;
  const Network& network_;
  LocalDelivery& local_;
  Transmitter& transmitter_;
  const Eroute* counted_ = nullptr;  // the eroute of the packets counted so far in this run
  uint64_t counted_packets_ = 0;
  uint16_t taken_ = 0;                           // packets in the bursts below, so that none of them overflows
  std::array<Burst, kSaProtocolCount> waiting_;  // by the protocol of the next step
  Burst done_;                                   // have all transforms of their group
};

}  // namespace spigrp
