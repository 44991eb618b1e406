// Forwarding: where a plain packet goes: through its own group (inbound), to the gateway itself, to a protected
// interface (outbound) or out of a port as it is; and whether policy lets it.
#pragma once

#include <cstdint>

#include "engine/flow_cache.h"
#include "engine/inbound.h"
#include "engine/local.h"
#include "engine/network.h"
#include "engine/outbound.h"
#include "engine/plain_packet.h"
#include "engine/transmit.h"

namespace spigrp {

// What becomes of a packet, as far as its addresses say.
enum class AddressKind : uint8_t { kUnicast, kMulticast, kMartian };
AddressKind address_kind(const PlainPacket& packet) noexcept;

// Packets for which no policy is looked up here: they end, or their groups are taken off first.
bool needs_policy(const Network& network, const PlainPacket& packet, const NextHop& hop) noexcept;

// What becomes of a unicast packet by its route and the eroutes of its flow. Like everything else that decides about
// packets it looks at tables of one generation and changes nothing, so that explain.cpp decides by the same functions.
struct Ruling {
  enum class Way : uint8_t { kDrop, kInbound, kLocal, kOnward };
  Way way;
  DropReason reason;  // kDrop
};
Ruling rule(const Network& network, Generation g, const PlainPacket& packet, const NextHop& hop,
            const FlowPolicy& policy) noexcept;

// Takes one hop off; false where there is none left.
bool use_up_hop(const PlainPacket& packet) noexcept;

// Whether a packet that leaves as it is is refused, and its sender told so.
bool is_too_big_for(const PlainPacket& packet, uint16_t mtu_bytes) noexcept;

class Forwarding {
 public:
  struct Ways {
    LocalDelivery& local;
    Outbound& outbound;
    Inbound& inbound;
    Transmitter& transmitter;
  };
  Forwarding(WorkerContext& context, const Network& network, Ways ways, uint32_t flow_cache_entries)
      : context_(context), network_(network), ways_(ways), flows_(flow_cache_entries) {}

  // Sends every packet on its way and empties the burst; answers of the gateway itself go to `answers`.
  void route(PlainBurst& burst, PlainBurst& answers) noexcept;

 private:
  void look_at_stamps() noexcept;
  bool goes_inbound(const PlainPacket& packet) const noexcept;
  [[gnu::always_inline]] bool follow(const PlainPacket& packet, const HashedFlow& flow) noexcept;
  const Decision* earlier_decision(const PlainPacket& packet, const HashedFlow& flow) noexcept;
  void decide(const PlainPacket& packet, const HashedFlow& flow, PlainBurst& answers) noexcept;
  void decide_unicast(const PlainPacket& packet, const HashedFlow& flow, PlainBurst& answers) noexcept;
  bool remember(const PlainPacket& packet, const HashedFlow& flow, const NextHop& hop,
                const FlowPolicy& policy) noexcept;
  Departure outer_departure(const PlainPacket& packet, const SaGroup& group, const NextHop& hop) const noexcept;
  void forward(const PlainPacket& packet, const NextHop& hop, const FlowPolicy& policy, PlainBurst& answers) noexcept;
  void send_plain(const PlainPacket& packet, const NextHop& hop, PlainBurst& answers) noexcept;

  WorkerContext& context_;
  const Network& network_;
  Ways ways_;
  FlowCache flows_;
  ChangeStamps stamps_;
  // An address of the gateway's to which protected packets came since the ways last changed; of each family.
  struct InboundAddress {
    Generation ways = UINT64_MAX;
    std::array<uint8_t, 16> bytes{};
  };
  InboundAddress inbound_ipv4_, inbound_ipv6_;
};

}  // namespace spigrp
