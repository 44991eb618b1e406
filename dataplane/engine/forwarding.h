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
  void keep_unicast(PlainBurst& burst) noexcept;
  void decide(const PlainPacket& packet, const NextHop& hop, const FlowPolicy& policy, PlainBurst& answers) noexcept;
  void deliver(const PlainPacket& packet, const FlowPolicy& policy, PlainBurst& answers) noexcept;
  void forward(const PlainPacket& packet, const NextHop& hop, const FlowPolicy& policy, PlainBurst& answers) noexcept;
  bool accept(const PlainPacket& packet, const FlowPolicy& policy) noexcept;
  bool suits(const SaGroup& removed, const Eroute& reverse) const noexcept;
  bool may_come_plain(const Eroute& reverse) const noexcept;
  bool must_be_protected(const PlainPacket& packet) const noexcept;
  bool leads_to_protection(const Eroute* eroute) const noexcept;
  void send_plain(const PlainPacket& packet, const NextHop& hop, PlainBurst& answers) noexcept;

  WorkerContext& context_;
  const Network& network_;
  Ways ways_;
  FlowCache flows_;
};

}  // namespace spigrp
