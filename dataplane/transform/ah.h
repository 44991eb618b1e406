// What inbound.cpp does with AH headers: decap_ah() (transform.h) of packets whose IP headers it has read already.
#pragma once

#include "packet/burst.h"
#include "packet/ip_packet.h"
#include "transform/worker_context.h"

namespace spigrp {

// `headers`: by place what each packet is; of those that are left it becomes what is left of them. One that is not in
// order then is dropped.
void decap_ah(WorkerContext& context, Burst& burst, IpPacket* headers) noexcept;

}  // namespace spigrp
