// Inbound: packets addressed to the gateway that carry ESP (in UDP or not), AH, IPComp or a tunnel: their group is
// found and taken off, SA by SA, all of it or the packet is dropped.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "engine/known_groups.h"
#include "engine/network.h"
#include "engine/plain_packet.h"
#include "engine/reassembly.h"
#include "engine/tunnel_search.h"
#include "transform/transform.h"

namespace spigrp {

inline constexpr uint8_t kMaxRemovedSas = 16;  // of one packet, over all its groups

// ESP, AH, IPComp or a tunnel.
inline bool carries_protection(const IpPacket& ip) noexcept {
  return names_sa(ip.next_header) || is_tunnel_protocol(ip.next_header);
}

// Whether it is Inbound that takes this packet, which is addressed to the gateway: it carries protection, or is UDP to
// a port where ESP may be in it, or a fragment of UDP that does not show its port, or one of what begins with
// destination options, behind which protection may be. Policy asks nothing of it before.
bool is_for_inbound_udp(const Network& network, const PlainPacket& packet) noexcept;
inline bool is_for_inbound(const Network& network, const PlainPacket& packet) noexcept {
  if (carries_protection(packet.ip)) return true;
  if (packet.ip.is_fragment && packet.ip.next_header == kProtocolDestinationOptions) return true;
  return packet.ip.next_header == kProtocolUdp && is_for_inbound_udp(network, packet);
}

class Inbound {
 public:
  // What it may hold and remember.
  struct Sizes {
    uint32_t max_fragments;
    uint32_t known_groups;  // a power of two
  };
  Inbound(WorkerContext& context, const Network& network, const Sizes& sizes)
      : context_(context),
        network_(network),
        reassembly_(context, sizes.max_fragments),
        known_groups_(sizes.known_groups) {}

  void take(const PlainPacket& packet) noexcept {
    arrived_.push(packet);
    some_fragments_ = some_fragments_ || packet.ip.is_fragment;
  }
  // Takes the groups of all packets taken off; what comes out of them goes to `plain`, to be routed.
  void run(PlainBurst& plain) noexcept;
  // Fragments that wait for the rest of their packets.
  Reassembly& reassembly() noexcept { return reassembly_; }

 private:
  void join_fragments() noexcept;
  void find_groups() noexcept;
  void look_up(std::span<const uint16_t> places, FoundGroup* found) noexcept;
  void find_by_spi(const uint16_t* places, const SaKey* keys, uint16_t count, FoundGroup* found) noexcept;
  FoundGroup group_of(const SaEntry* entry, const SaKey& key, const PlainPacket& packet) const noexcept;
  void begin(uint16_t place, const SaGroup& group) noexcept;
  void queue(rte_mbuf* packet, const SaGroup& group, uint8_t left, uint16_t tag, const IpPacket& ip) noexcept;
  using Decap = void (*)(WorkerContext& context, Burst& burst);
  bool remove_one(Burst& burst, Decap decap, PlainBurst& plain) noexcept;
  bool remove_two(PlainBurst& plain) noexcept;
  void advance_all(Burst& burst, uint8_t steps, const IpPacket* inner, PlainBurst& plain) noexcept;
  void advance(const BurstEntry& entry, uint8_t left, const IpPacket& ip, PlainBurst& plain) noexcept;
  void finish(const BurstEntry& entry, const IpPacket& ip, PlainBurst& plain) noexcept;

  WorkerContext& context_;
  const Network& network_;
  Reassembly reassembly_;
  KnownGroups known_groups_;
  PlainBurst arrived_;                           // a burst entry of one of them has its place as tag
  bool some_fragments_ = false;                  // among them
  std::array<Burst, kSaProtocolCount> waiting_;  // by the protocol of the next SA to remove
  Burst waiting_for_two_;                        // whose next two are removed at once: esp, and tun in it
};

}  // namespace spigrp
