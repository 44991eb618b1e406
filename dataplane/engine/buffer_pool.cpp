// See buffer_pool.h.
#include "engine/buffer_pool.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_memzone.h>

namespace spigrp {
namespace {

BufferPool failed(int error) {
  rte_errno = error;
  return nullptr;
}

void free_zone(rte_mempool_memhdr*, void* zone) {
  rte_memzone_free(static_cast<const rte_memzone*>(zone));
}

// DPDK lets no buffer lie on two pages, for devices that know memory by its physical addresses. Where pages are small
// each then has one for itself, and all begin at the same place of theirs: so the first lines of all go to the same
// twelve places of the first cache, and wait for each other, and a store to one looks as if it were to the next one,
// of which the processor compares the place in the page. One behind the other they have the cache to themselves.
BufferPool in_one_piece(const std::string& name, const BufferPoolSizes& sizes) {
  BufferPool pool(rte_mempool_create_empty(
      name.c_str(), sizes.packets, static_cast<unsigned>(sizeof(rte_mbuf)) + sizes.packet_bytes, sizes.cache_packets,
      sizeof(rte_pktmbuf_pool_private), SOCKET_ID_ANY, RTE_MEMPOOL_F_NO_IOVA_CONTIG));
  if (!pool) return nullptr;
  if (const int wrong = rte_mempool_set_ops_byname(pool.get(), rte_mbuf_best_mempool_ops(), nullptr); wrong != 0) {
    return failed(-wrong);
  }
  rte_pktmbuf_pool_private of_packets{};
  of_packets.mbuf_data_room_size = sizes.packet_bytes;
  rte_pktmbuf_pool_init(pool.get(), &of_packets);
  rte_mempool_objsz size{};
  rte_mempool_calc_obj_size(pool->elt_size, pool->flags, &size);
  const size_t bytes = size_t{size.total_size} * sizes.packets;
  const rte_memzone* zone =
      rte_memzone_reserve_aligned((name + "_zone").c_str(), bytes, SOCKET_ID_ANY, 0, RTE_CACHE_LINE_SIZE);
  if (zone == nullptr) return nullptr;
  const int filled =
      rte_mempool_populate_iova(pool.get(), static_cast<char*>(zone->addr), reinterpret_cast<rte_iova_t>(zone->addr),
                                zone->len, free_zone, const_cast<rte_memzone*>(zone));
  if (filled <= 0) rte_memzone_free(zone);
  if (filled != static_cast<int>(sizes.packets)) return failed(filled < 0 ? -filled : ENOMEM);
  rte_mempool_obj_iter(pool.get(), rte_pktmbuf_init, nullptr);
  return pool;
}

}  // namespace

BufferPool make_buffer_pool(const std::string& name, const BufferPoolSizes& sizes) {
  // Devices then know memory by its virtual addresses, in which a buffer on two pages is one piece.
  const bool may_lie_on_two_pages = rte_eal_has_hugepages() == 0 && rte_eal_iova_mode() == RTE_IOVA_VA;
  if (may_lie_on_two_pages) return in_one_piece(name, sizes);
  return BufferPool(
      rte_pktmbuf_pool_create(name.c_str(), sizes.packets, sizes.cache_packets, 0, sizes.packet_bytes, SOCKET_ID_ANY));
}

void FreeBufferPool::operator()(rte_mempool* pool) const noexcept {
  rte_mempool_free(pool);
}

}  // namespace spigrp
