// receive_frames: from Ethernet frames to IP packets. Frames of other hosts, broken headers and what is neither IP nor
// ARP end here; ARP goes to the control thread.
#pragma once

#include <cstdint>

#include "engine/network.h"
#include "engine/plain_packet.h"
#include "engine/transmit.h"
#include "transform/worker_context.h"

namespace spigrp {

// `count` ≤ kBurstCapacity frames of one port; their IP packets are added to `plain`.
void receive_frames(WorkerContext& context, const Port& port, uint16_t port_index, rte_mbuf** frames, uint16_t count,
                    Transmitter& transmitter, PlainBurst& plain) noexcept;

}  // namespace spigrp
