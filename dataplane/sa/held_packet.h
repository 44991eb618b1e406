// HeldPacket: the place of the one packet that an eroute to %hold keeps: the last of its flow. Workers put packets in;
// when no worker can reach the eroute any more, it ends, and what it still has goes to ReleasedPackets, whence the
// control thread sends it on its way again.
#pragma once

#include <atomic>
#include <list>
#include <utility>

#include "packet/buffer.h"

namespace spigrp {

// Control only. It owns what is in it.
class ReleasedPackets {
 public:
  struct Released {
    rte_mbuf* packet;
    bool expired;  // nobody has replaced the eroute in time: it is dropped
  };

  ReleasedPackets() = default;
  ~ReleasedPackets() {
    for (const Released& released : packets_) free_packet(released.packet);
  }
  ReleasedPackets(const ReleasedPackets&) = delete;
  ReleasedPackets& operator=(const ReleasedPackets&) = delete;

  // Brings its place along, so that it takes no memory.
  void add(std::list<Released>& released) noexcept { packets_.splice(packets_.end(), released); }
  bool empty() const noexcept { return packets_.empty(); }
  std::list<Released> take() noexcept {
    std::list<Released> all;
    all.swap(packets_);
    return all;
  }

 private:
  std::list<Released> packets_;
};

class HeldPacket {
 public:
  explicit HeldPacket(ReleasedPackets& released) : place_(1), released_(released) {}
  // control: whoever had the eroute before has passed a quiescent state, so nobody puts any more.
  ~HeldPacket() {
    place_.front() = {take(), expired_};
    if (place_.front().packet != nullptr) released_.add(place_);
  }
  HeldPacket(const HeldPacket&) = delete;
  HeldPacket& operator=(const HeldPacket&) = delete;

  // All of these return a packet that is the caller's, or null: each puts one in for good or gives it back.

  // worker: this one is newer than what is there
  [[nodiscard]] rte_mbuf* put(rte_mbuf* packet) noexcept { return packet_.exchange(packet, std::memory_order_acq_rel); }
  // worker: this one is older, it comes from another eroute
  [[nodiscard]] rte_mbuf* put_if_empty(rte_mbuf* packet) noexcept { return put_instead_of(nullptr, packet); }
  // control: this one is newer than those put here by put_late(), and older than those that workers put: it met %trap
  // on its way to this eroute
  [[nodiscard]] rte_mbuf* put_late(rte_mbuf* packet) noexcept {
    rte_mbuf* const before = std::exchange(put_late_, packet);
    return put_instead_of(before, packet);
  }
  // control
  [[nodiscard]] rte_mbuf* take() noexcept { return packet_.exchange(nullptr, std::memory_order_acq_rel); }

  // control: what is there at the end is dropped
  void expire() noexcept { expired_ = true; }

 private:
  rte_mbuf* put_instead_of(rte_mbuf* before, rte_mbuf* packet) noexcept {
    rte_mbuf* there = before;
    return packet_.compare_exchange_strong(there, packet, std::memory_order_acq_rel) ? before : packet;
  }

  std::atomic<rte_mbuf*> packet_{nullptr};  // worker: rw, control: rw
  rte_mbuf* put_late_ = nullptr;            // control only, and below; may be gone since, only compared
  bool expired_ = false;
  std::list<ReleasedPackets::Released> place_;  // at the end
  ReleasedPackets& released_;
};

}  // namespace spigrp
