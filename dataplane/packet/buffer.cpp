// See buffer.h.
#include "packet/buffer.h"

#include <cstring>

#include <rte_mbuf.h>

namespace spigrp {
namespace {

// Where the data begins when what is left over in a buffer is shared out between head and tail.
uint16_t balanced_offset(uint32_t free_bytes, uint16_t head_bytes, uint16_t tail_bytes) noexcept {
  return static_cast<uint16_t>(head_bytes + (free_bytes - head_bytes - tail_bytes) / 2);
}

void copy_segments(const rte_mbuf* from, uint8_t* to) noexcept {
  for (const rte_mbuf* segment = from; segment != nullptr; segment = segment->next) {
    std::memcpy(to, rte_pktmbuf_mtod(segment, const uint8_t*), rte_pktmbuf_data_len(segment));
    to += rte_pktmbuf_data_len(segment);
  }
}

void copy_metadata(const rte_mbuf* from, rte_mbuf* to) noexcept {
  to->port = from->port;
  to->ol_flags = from->ol_flags & ~(RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL);
  to->packet_type = from->packet_type;
  to->vlan_tci = from->vlan_tci;
  to->vlan_tci_outer = from->vlan_tci_outer;
  to->hash = from->hash;
  to->tx_offload = from->tx_offload;
  rte_mbuf_dynfield_copy(to, from);
}

rte_mbuf* copied(rte_mbuf* packet, uint16_t head_bytes, uint16_t tail_bytes, const BufferPools& pools) noexcept {
  const uint32_t packet_bytes = rte_pktmbuf_pkt_len(packet);
  rte_mempool* pool = pools.of(packet_bytes + head_bytes + tail_bytes);
  rte_mbuf* copy = pool == nullptr ? nullptr : rte_pktmbuf_alloc(pool);
  if (copy == nullptr) return nullptr;
  copy->data_off = balanced_offset(copy->buf_len - packet_bytes, head_bytes, tail_bytes);
  copy->data_len = static_cast<uint16_t>(packet_bytes);
  copy->pkt_len = packet_bytes;
  copy_segments(packet, rte_pktmbuf_mtod(copy, uint8_t*));
  copy_metadata(packet, copy);
  rte_pktmbuf_free(packet);
  return copy;
}

}  // namespace

rte_mempool* BufferPools::of(uint32_t bytes) const noexcept {
  if (bytes <= rte_pktmbuf_data_room_size(ordinary)) return ordinary;
  return large != nullptr && bytes <= rte_pktmbuf_data_room_size(large) ? large : nullptr;
}

uint32_t BufferPools::most_bytes() const noexcept {
  return rte_pktmbuf_data_room_size(large != nullptr ? large : ordinary);
}

rte_mbuf* detail::copied_or_moved(rte_mbuf* packet, uint16_t head_bytes, uint16_t tail_bytes,
                                  BufferPools pools) noexcept {
  if (packet->nb_segs != 1 || !is_ours_alone(packet)) return copied(packet, head_bytes, tail_bytes, pools);
  const uint32_t free_bytes = packet->buf_len - rte_pktmbuf_data_len(packet);
  if (free_bytes < uint32_t{head_bytes} + tail_bytes) return copied(packet, head_bytes, tail_bytes, pools);
  const auto* data = rte_pktmbuf_mtod(packet, const uint8_t*);
  packet->data_off = balanced_offset(free_bytes, head_bytes, tail_bytes);
  std::memmove(rte_pktmbuf_mtod(packet, uint8_t*), data, rte_pktmbuf_data_len(packet));
  return packet;
}

void free_packet(rte_mbuf* packet) noexcept {
  rte_pktmbuf_free(packet);
}

}  // namespace spigrp
