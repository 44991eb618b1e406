// Counters that one thread writes and any may read. A worker adds without a locked instruction; the control thread
// sums.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "packet/drop_reason.h"

namespace spigrp {

class Counter {  // owner: rw, others: ro
 public:
  void add(uint64_t n) noexcept { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  void subtract(uint64_t n) noexcept { add(~n + 1); }  // of one that says how many there are now
  uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Of one thread that handles packets. What goes in comes out, always:
//   received + originated = sent + delivered + dropped + punted − injected + joined + held   (see each)
struct alignas(64) PacketCounters {
  Counter received;         // from a port
  Counter originated;       // made here: ICMP errors and replies, ARP, NDP; of n fragments of a packet n − 1
  Counter sent;             // taken by a port
  Counter delivered;        // ended here as meant: ARP, NDP and ICMP for the gateway itself
  Counter punted;           // handed to the control thread, or kept by an eroute to %hold
  Counter injected;         // taken over from the control thread (or another worker), or out of such an eroute
  Counter joined;           // fragments that were put together: of n that made a packet n − 1
  Counter held;             // fragments that wait for the rest of their packet now
  Counter forwarded_plain;  // of those sent: without any transform
  Counter encapsulated;     // packets that got all transforms of a group
  Counter decapsulated;     // packets that lost all transforms of a group
  Counter mtu_reports;      // of those delivered: ICMP errors about outer packets that were believed
  std::array<Counter, kDropReasonCount> dropped;

  void count_drop(DropReason reason) noexcept { dropped[static_cast<size_t>(reason)].add(1); }
};

}  // namespace spigrp
