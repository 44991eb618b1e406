// Burst: up to 64 packets on their way through one step. It owns nothing but the mbufs in it; whoever takes a packet
// out sends it, frees it or hands it on. A step keeps survivors in their order, at the front.
#pragma once

#include <cstdint>

struct rte_mbuf;

namespace spigrp {

struct Sa;
class SaGroup;

inline constexpr uint16_t kBurstCapacity = 64;

struct BurstEntry {
  rte_mbuf* packet;      // its data begins at the IP header, except in receive and transmit
  Sa* sa;                // the SA that the present step applies or removes
  const SaGroup* group;  // outbound: whose steps are applied; inbound: whose steps are being removed; or null
  uint64_t sequence;     // of the present step: outbound reserved, inbound the one received (ESN filled in)
  uint8_t step;          // outbound: SAs of the group already applied; inbound: SAs of the group still to remove
  uint16_t tag;          // the engine's: where it keeps what else it knows of the packet; transforms leave it alone
};

struct Burst {
  uint16_t count = 0;
  BurstEntry entries[kBurstCapacity];

  bool empty() const noexcept { return count == 0; }
  bool full() const noexcept { return count == kBurstCapacity; }
  void push(const BurstEntry& entry) noexcept { entries[count++] = entry; }  // not when full
  // One that has no number yet, without a copy. (Copying what was stored a moment ago in smaller pieces makes the
  // processor wait until it is in the cache.)
  void add(rte_mbuf* packet, Sa* sa, const SaGroup& group, uint8_t step, uint16_t tag) noexcept {
    BurstEntry& entry = entries[count++];
    entry.packet = packet;
    entry.sa = sa;
    entry.group = &group;
    entry.step = step;
    entry.tag = tag;
  }
  void clear() noexcept { count = 0; }
  BurstEntry* begin() noexcept { return entries; }
  BurstEntry* end() noexcept { return entries + count; }
};

}  // namespace spigrp
