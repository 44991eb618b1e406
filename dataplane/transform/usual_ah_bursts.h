// What ah.cpp does with bursts in which all is usual: IP headers are without options and extension headers
// (usual_ah.h), packets are in one piece, as long as their headers say, and have room for what is put in, and nothing
// is near its end, neither sequence numbers nor a lifetime. Packets are taken in runs of one SA, and what all of a run
// have in common is asked once.
#pragma once

#include "packet/burst.h"
#include "packet/ip_packet.h"
#include "transform/worker_context.h"

namespace spigrp {

// encap_ah(). False: something is not usual, and nothing has been done.
[[nodiscard]] bool encap_usual_ah(WorkerContext& context, Burst& burst) noexcept;
// decap_ah() in ah.h. False: the same.
[[nodiscard]] bool decap_usual_ah(WorkerContext& context, Burst& burst, IpPacket* headers) noexcept;

}  // namespace spigrp
