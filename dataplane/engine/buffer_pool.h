// A pool of packet buffers, shared by all threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

struct rte_mempool;

namespace spigrp {

struct FreeBufferPool {
  void operator()(rte_mempool* pool) const noexcept;
};
using BufferPool = std::unique_ptr<rte_mempool, FreeBufferPool>;

// What a pool has.
struct BufferPoolSizes {
  uint32_t packets;
  unsigned cache_packets;  // of each thread; 0: none
  uint16_t packet_bytes;   // headroom included
};
// `name`: DPDK's, at most 25 characters, and nobody else's. Null: rte_errno says why.
BufferPool make_buffer_pool(const std::string& name, const BufferPoolSizes& sizes);

}  // namespace spigrp
