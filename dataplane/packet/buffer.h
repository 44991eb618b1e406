// Room in mbufs, and the right to write to them. Transforms ask here before they touch a packet: a buffer that someone
// else holds too (refcount above one, indirect, external) is copied first, a chained one is made one piece.
#pragma once

#include <cstdint>

struct rte_mbuf;
struct rte_mempool;

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

// A packet that is one segment, ours alone, with at least head_bytes before its data and tail_bytes behind it. Returns
// the packet itself, its replacement (then the old one is freed), or null when there is no buffer or it cannot fit; the
// packet is then left to the caller, who drops it as no_room. The usual case is a few compares.
rte_mbuf* make_writable(rte_mbuf* packet, uint16_t head_bytes, uint16_t tail_bytes, BufferPools pools) noexcept;

// Back to its pool, with all that is chained to it.
void free_packet(rte_mbuf* packet) noexcept;

}  // namespace spigrp
