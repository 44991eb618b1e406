// LocalDelivery: packets for the gateway itself, and what it says of its own accord: ICMP echo replies and errors
// (RFC 792, RFC 4443). Neighbour discovery goes to the control thread; nothing here takes TCP or UDP.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/icmp.h"
#include "engine/network.h"
#include "engine/plain_packet.h"
#include "engine/transmit.h"
#include "state/token_bucket.h"
#include "transform/worker_context.h"

namespace spigrp {

inline constexpr uint32_t kIcmpErrorsPerSecond = 100;      // of one worker (RFC 1812 section 4.3.2.8)
inline constexpr uint32_t kPathMtuReportsPerSecond = 100;  // of one worker, that the control thread gets
inline constexpr uint8_t kOwnTtl = 64;

// What the gateway does with a packet for one of its addresses, or for a multicast address or everyone.
struct LocalRuling {
  enum class Way : uint8_t { kDrop, kNeighbourDiscovery, kEcho, kPathMtuReport, kTaken };
  Way way;
  DropReason reason;  // kDrop
};
LocalRuling rule_local(const PlainPacket& packet) noexcept;
LocalRuling rule_multicast(const PlainPacket& packet) noexcept;

// Makes an echo request the answer to it.
PlainPacket as_echo_reply(const PlainPacket& request) noexcept;
// The address that tells the packet's sender of an error; nothing: nobody tells.
std::optional<IpAddress> error_speaker(const Network& network, Generation g, const PlainPacket& packet) noexcept;
// What it says. Nothing: no buffer.
std::optional<PlainPacket> error_about(const PlainPacket& packet, const IpAddress& speaker, IcmpError error,
                                       rte_mempool* buffers) noexcept;

class LocalDelivery {
 public:
  LocalDelivery(WorkerContext& context, const Network& network, Transmitter& transmitter) noexcept;

  // For one of the gateway's addresses. Answers go to `answers`, to be routed like any other packet.
  void deliver(const PlainPacket& packet, PlainBurst& answers) noexcept;
  // For a multicast address or everyone.
  void deliver_multicast(const PlainPacket& packet, PlainBurst& answers) noexcept;
  // Drops the packet for a reason and tells its sender, as far as the rate limit allows.
  void refuse(const PlainPacket& packet, DropReason reason, IcmpError error, PlainBurst& answers) noexcept;

 private:
  void take(const PlainPacket& packet, const LocalRuling& ruling, PlainBurst& answers) noexcept;
  void take_path_mtu_report(const PlainPacket& packet) noexcept;
  void finish(rte_mbuf* packet) noexcept;

  WorkerContext& context_;
  const Network& network_;
  Transmitter& transmitter_;
  TokenBucket errors_, path_mtu_reports_;
};

// What plain packets the gateway takes although an eroute protects its traffic with their sender: neighbour discovery
// from the link, and ICMP errors, which any router on the way may send.
bool is_exempt_from_policy(const PlainPacket& packet) noexcept;

}  // namespace spigrp
