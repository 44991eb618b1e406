// Room in mbufs, and the right to write to them. Transforms ask here before they touch a packet: a buffer that someone
// else holds too (refcount above one, indirect, external) is copied first, a chained one is made one piece.
#pragma once

#include <cstdint>

#include <rte_mbuf.h>

namespace spigrp {

// Where a packet that must become one piece gets its buffer: an ordinary one where it fits, a large one where only that
// holds it, so that small packets do not pay with memory for what few need.
struct BufferPools {
  BufferPools(rte_mempool* ordinary_pool, rte_mempool* large_pool = nullptr) noexcept
      : ordinary(ordinary_pool), large(large_pool) {}

  // The one for so many bytes, headroom included; null: no buffer holds them.
  rte_mempool* of(uint32_t bytes) const noexcept;
  uint32_t most_bytes() const noexcept;  // that of() has one for

  rte_mempool* ordinary;
  rte_mempool* large;  // or null
};

// Nobody else can read or write the bytes of this segment: not through another mbuf, not through another reference to
// this one.
inline bool is_ours_alone(const rte_mbuf* segment) noexcept {
  return RTE_MBUF_DIRECT(segment) && rte_mbuf_refcnt_read(segment) == 1;
}

namespace detail {
rte_mbuf* copied_or_moved(rte_mbuf* packet, uint16_t head_bytes, uint16_t tail_bytes, BufferPools pools) noexcept;
}

// One segment, ours alone, with at least head_bytes before its data and tail_bytes behind it.
inline bool is_writable(const rte_mbuf* packet, uint16_t head_bytes, uint16_t tail_bytes) noexcept {
  return packet->nb_segs == 1 && is_ours_alone(packet) && rte_pktmbuf_headroom(packet) >= head_bytes &&
         rte_pktmbuf_tailroom(packet) >= tail_bytes;
}

// A packet that is. Returns the packet itself, its replacement (then the old one is freed), or null when there is no
// buffer or it cannot fit; the packet is then left to the caller, who drops it as no_room. The usual case is a few
// compares.
inline rte_mbuf* make_writable(rte_mbuf* packet, uint16_t head_bytes, uint16_t tail_bytes, BufferPools pools) noexcept {
  if (is_writable(packet, head_bytes, tail_bytes)) [[likely]]
    return packet;
  return detail::copied_or_moved(packet, head_bytes, tail_bytes, pools);
}

// Back to its pool, with all that is chained to it.
void free_packet(rte_mbuf* packet) noexcept;

}  // namespace spigrp
