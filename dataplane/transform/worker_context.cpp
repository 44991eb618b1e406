// See worker_context.h.
#include "transform/worker_context.h"

#include <rte_mbuf.h>

namespace spigrp {

void WorkerContext::drop(rte_mbuf* packet, DropReason reason) noexcept {
  counters->count_drop(reason);
  rte_pktmbuf_free(packet);
}

}  // namespace spigrp
