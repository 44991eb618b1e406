// tun and esp in one go, for groups in which esp comes around tun: the usual ones. What is done to a packet, counted of
// it and dropped is what the two transforms do one after the other; but headers are written once, where they end up,
// and read once.
#pragma once

#include "packet/burst.h"
#include "packet/ip_packet.h"
#include "transform/worker_context.h"

namespace spigrp {

// A longer packet might not stay below 65,536 bytes with both on.
inline constexpr uint32_t kMostTunnelledBytes = 65535 - 1024;

// Of entries whose group has_tunnel_in_esp_at(entry.step), and whose packet is as long as its IP header says, at most
// kMostTunnelledBytes, and has room for both. entry.sa is the tun SA.
void encap_tunnel_in_esp(WorkerContext& context, Burst& burst) noexcept;

// Of entries whose group has_tunnel_in_esp_at(entry.step − 2). entry.sa is the esp SA; of what comes out it is one of
// the two. The packet is as long as its IP header says, and ESP follows that header: no options, no extensions.
// `inner`, for as many as there are entries, gets the headers of the packets that come out, which have been checked;
// behind them may be more than their length.
void decap_tunnel_in_esp(WorkerContext& context, Burst& burst, IpPacket* inner) noexcept;

}  // namespace spigrp
