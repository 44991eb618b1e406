// Outbound: packets that are routed to a protected interface: their eroute's verdict, the transforms of their group,
// and the way of what comes out of them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "engine/local.h"
#include "engine/network.h"
#include "engine/plain_packet.h"
#include "engine/transmit.h"
#include "engine/trap_shares.h"
#include "packet/buffer.h"
#include "state/token_bucket.h"
#include "transform/transform.h"
#include "transform/tunnel_esp.h"

namespace spigrp {

// What becomes of a packet that is routed to a protected interface, by the eroute of its flow (null: none).
struct ErouteRuling {
  enum class Way : uint8_t { kDrop, kProtect, kPass, kReject, kTrap, kHold };
  Way way;
  DropReason reason;     // kDrop
  const SaGroup* group;  // kProtect
};
ErouteRuling rule_outbound(const Network& network, Generation g, const NextHop& interface,
                           const Eroute* eroute) noexcept;

// The MTU that a packet of a group is held to: that of the interface's port, or less where routers said that less fits
// through to where its outer header leads. What leaves by another port meets that one's in transmit.cpp.
uint16_t outbound_mtu(const Network& network, Generation g, const NextHop& interface, const PlainPacket& packet,
                      const SaGroup& group) noexcept;

// Packets of up to so many bytes may go into the group as they are, whatever they are: fit() would say so.
uint16_t most_bytes_into(const Network& network, Generation g, const NextHop& interface, const SaGroup& group) noexcept;

// How a packet goes into its group so that what comes out fits.
struct Fitting {
  enum class Way : uint8_t { kAsItIs, kInFragments, kRefused };
  Way way;
  uint32_t bytes;  // kInFragments: of each at most; kRefused: what would fit
};
Fitting fit(const PlainPacket& packet, const SaGroup& group, uint16_t mtu_bytes) noexcept;

// In front of a packet for its group and an Ethernet header.
inline uint16_t head_bytes_for(const SaGroup& group) noexcept {
  return static_cast<uint16_t>(group.overhead().head_bytes + sizeof(EthernetHeader));
}
// The packet with room for its group and an Ethernet header; null: there is none.
inline rte_mbuf* with_room_for(rte_mbuf* packet, const SaGroup& group, BufferPools buffers) noexcept {
  return make_writable(packet, head_bytes_for(group), group.overhead().tail_bytes, buffers);
}

// Why what came out of a group cannot leave by this route.
std::optional<DropReason> outer_objection(const NextHop& hop) noexcept;

class Outbound {
 public:
  Outbound(WorkerContext& context, const Network& network, LocalDelivery& local, Transmitter& transmitter) noexcept;

  // What becomes of a packet that is routed to `interface`, with the eroute of its flow (null: none).
  enum class Fate : uint8_t { kTaken, kPasses };  // kPasses: as it is, in the clear, by the caller
  [[nodiscard]] Fate take(const PlainPacket& packet, const Eroute* eroute, const NextHop& interface,
                          PlainBurst& answers) noexcept;
  // What take() does with one that is protected, and that fits: for who knows that already, and how it departs after.
  void count_packet(Slot eroute) noexcept {  // of the eroute
    if (eroute != counted_) [[unlikely]]
      write_count_down(eroute);
    ++counted_packets_;
  }
  void begin(rte_mbuf* packet, const SaGroup& group, Origin origin, const Departure& departure) noexcept {
    rte_mbuf* writable = context_.writable(packet, head_bytes_for(group), group.overhead().tail_bytes);
    if (writable == nullptr) [[unlikely]]
      return context_.drop(packet, DropReason::no_room);
    if (taken_ == kBurstCapacity) [[unlikely]]
      apply_steps();  // fragments can be more than a burst holds: those before them go first
    afterwards_[taken_].departure = departure;
    afterwards_[taken_].from = header_from(group, origin);
    queue(writable, group, 0, taken_++);
  }
  // Applies all transforms to all packets taken, and sends them.
  void run() noexcept;

 private:
  void trap(const PlainPacket& packet) noexcept;
  void hold(const PlainPacket& packet, HeldPacket& held) noexcept;
  void protect(const PlainPacket& packet, const SaGroup& group, uint16_t mtu_bytes, PlainBurst& answers) noexcept;
  void apply_steps() noexcept;
  using Encap = void (*)(WorkerContext& context, Burst& burst);
  bool apply_step(Burst& burst, Encap encap, uint8_t steps) noexcept;
  void write_count_down(Slot next) noexcept;
  void queue(rte_mbuf* packet, const SaGroup& group, uint8_t step, uint16_t tag) noexcept {
    Sa* sa = group.at(step);
    const bool takes_two = group.has_tunnel_in_esp_at(step) && rte_pktmbuf_pkt_len(packet) <= kMostTunnelledBytes;
    Burst& burst = takes_two ? waiting_for_two_ : waiting_[static_cast<size_t>(sa->id.protocol)];
    burst.add(packet, sa, group, step, tag);
  }
  void send(const BurstEntry& entry) noexcept;

  WorkerContext& context_;
  const Network& network_;
  LocalDelivery& local_;
  Transmitter& transmitter_;
  TokenBucket traps_;       // that the control thread is told of: its queue is for others too
  TrapShares trap_shares_;  // of which each flow gets its share
  Slot counted_ = kNoSlot;  // of the eroute of the packets counted so far in this run
  uint64_t counted_packets_ = 0;
  uint16_t taken_ = 0;  // packets in the bursts below, so that none of them overflows; each has its number as tag
  // How a packet leaves when all steps are done, and who made the header that it leaves with.
  struct Afterwards {
    Departure departure;
    HeaderFrom from;
  };
  std::array<Afterwards, kBurstCapacity> afterwards_;  // by tag
  std::array<Burst, kSaProtocolCount> waiting_;        // by the protocol of the next step
  Burst waiting_for_two_;                              // whose next two steps are taken at once: tun, and esp around it
};

}  // namespace spigrp
