// WorkerContext: what one worker brings along to every step: its crypto engine, its compressor, its buffers, its
// counters, and the generation of the burst. Each field belongs to the worker alone.
#pragma once

#include <cstdint>
#include <memory>

#include "crypto/crypto_engine.h"
#include "packet/buffer.h"
#include "packet/counters.h"
#include "state/versions.h"
#include "state/writers.h"
#include "transform/deflate.h"
#include "transform/notices.h"

struct rte_mbuf;
struct rte_mempool;

namespace spigrp {

struct WorkerContext {
  uint16_t id = 0;                        // the worker's number, from 0
  CryptoEngine* crypto = nullptr;         // this worker's own
  rte_mempool* packet_buffers = nullptr;  // shared, with a cache per thread
  PacketCounters* counters = nullptr;     // this worker's own; control: ro
  Generation generation = 0;              // of the present burst
  uint64_t now_tsc = 0;                   // read once a burst
  Deflate* deflate = nullptr;             // this worker's own
  Notices* notices = nullptr;             // this worker's own; or nobody is told
  rte_mempool* large_buffers = nullptr;   // shared; null: there are none
  Writers writers = Writers::kMany;       // of what workers share: whether this one is alone

  // Whether the SAs of the last burst had left the near caches, so that what the next one needs is worth fetching
  // before it is asked for.
  bool is_cold = true;

  // For packets that must be in one piece.
  BufferPools buffers() const noexcept { return {packet_buffers, large_buffers}; }

  // make_writable() from these; they are named only where they are needed.
  rte_mbuf* writable(rte_mbuf* packet, uint16_t head_bytes, uint16_t tail_bytes) const noexcept {
    if (is_writable(packet, head_bytes, tail_bytes)) [[likely]]
      return packet;
    return detail::copied_or_moved(packet, head_bytes, tail_bytes, buffers());
  }

  // Counts the packet under its reason and frees it.
  void drop(rte_mbuf* packet, DropReason reason) noexcept;
  // A packet of a group one of whose SAs has come to its end.
  void drop_expired(rte_mbuf* packet, Sa& expired) noexcept;
};

}  // namespace spigrp
