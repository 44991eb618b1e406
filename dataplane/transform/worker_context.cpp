// See worker_context.h.
#include "transform/worker_context.h"

#include <rte_mbuf.h>

namespace spigrp {

void WorkerContext::drop(rte_mbuf* packet, DropReason reason) noexcept {
  counters->count_drop(reason);
  rte_pktmbuf_free(packet);
}

void WorkerContext::drop_expired(rte_mbuf* packet, Sa& expired) noexcept {
  expired.counters.expired.fetch_add(1, std::memory_order_relaxed);
  if (notices != nullptr) notices->tell_of_lifetime(expired);
  drop(packet, DropReason::sa_expired);
}

}  // namespace spigrp
