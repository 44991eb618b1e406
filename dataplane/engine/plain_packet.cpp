// See plain_packet.h.
#include "engine/plain_packet.h"

namespace spigrp {

void trim_packet(rte_mbuf* packet, uint32_t total_bytes) noexcept {
  if (rte_pktmbuf_pkt_len(packet) == total_bytes) [[likely]] {
    return;
  }
  packet->pkt_len = total_bytes;
  rte_mbuf* last = packet;
  uint16_t segments = 1;
  for (; last->data_len < total_bytes; last = last->next, ++segments) total_bytes -= last->data_len;
  last->data_len = static_cast<uint16_t>(total_bytes);
  if (last->next == nullptr) return;
  packet->nb_segs = segments;
  rte_pktmbuf_free(last->next);
  last->next = nullptr;
}

}  // namespace spigrp
