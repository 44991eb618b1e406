// WorkerContext: what one worker brings along to every step: its crypto engine, its compressor, its buffers, its
// counters, and the generation of the burst. Each field belongs to the worker alone.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "crypto/crypto_engine.h"
#include "packet/buffer.h"
#include "packet/counters.h"
#include "sa/deferred_uses.h"
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
  DeferredUses* deferred = nullptr;       // this worker's own; null: SAs and eroutes are told at once

  // Whether the SAs of the last burst had left the near caches, so that what the next one needs is worth fetching
  // before it is asked for.
  bool is_cold = true;
  // Whether they had rested for so long that they are not used again before they are told: then it is done at once, as
  // long as their lines are near.
  bool tells_at_once = false;

  // For packets that must be in one piece.
  BufferPools buffers() const noexcept { return {packet_buffers, large_buffers}; }

  // make_writable() from these; they are named only where they are needed.
  rte_mbuf* writable(rte_mbuf* packet, uint16_t head_bytes, uint16_t tail_bytes) const noexcept {
    if (is_writable(packet, head_bytes, tail_bytes)) [[likely]]
      return packet;
    return detail::copied_or_moved(packet, head_bytes, tail_bytes, buffers());
  }

  // Of packets that an SA has been used for, with so many bytes. One with a lifetime is told at once: that may begin
  // with the first packet.
  void note_use(Sa& sa, uint64_t packets, uint64_t bytes, bool has_lifetime) const noexcept {
    if (deferred != nullptr && !has_lifetime && !tells_at_once) return deferred->note(sa, packets, bytes, now_tsc);
    sa.counters.note_use(packets, bytes, now_tsc, writers);
  }

  // The same of an eroute.
  void note_eroute_use(std::atomic<uint64_t>& packets_of_eroute, uint64_t packets) const noexcept {
    if (deferred != nullptr && !tells_at_once) return deferred->note_eroute(packets_of_eroute, packets);
    add_to(packets_of_eroute, packets, writers);
  }

  // Counts the packet under its reason and frees it.
  void drop(rte_mbuf* packet, DropReason reason) noexcept;
  // A packet of a group one of whose SAs has come to its end.
  void drop_expired(rte_mbuf* packet, Sa& expired) noexcept;
};

}  // namespace spigrp
