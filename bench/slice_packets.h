// SlicePackets: the packet buffers of one slice. They are filled outside of what is timed, go through gateways, and are
// taken back where they come out: nothing is allocated or freed, as that is the NIC driver's part.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gateway.h"
#include "measure.h"

namespace spigrp::bench {

class SlicePackets {
 public:
  static Expected<SlicePackets> create(rte_mempool* buffers);
  SlicePackets(SlicePackets&&) noexcept = default;
  SlicePackets& operator=(SlicePackets&&) = delete;
  ~SlicePackets();

  // What packets are made: UDP from one host to flows visited(first_flow, flows), visited(first_flow + 1, flows) …
  struct Filling {
    FlowNetwork network;
    size_t first_flow, flows;
    std::span<const uint16_t> inner_bytes;  // the sizes of a packet and those after it, again and again
    Family family = Family::kIpv4;
    size_t stride = 1;  // from a packet's flow to the next one's
  };
  // Frames as they come in at the near LAN.
  void fill(const Filling& filling) noexcept;
  // Brings the packets into the cache that filling them would have left them in.
  void touch() const noexcept;
  // Without their Ethernet headers.
  void strip_ethernet() noexcept;
  // Whether the packets are again what fill() made, but for `hops` hops: those after `offset` bytes.
  bool are_as_filled(uint16_t inner_bytes, size_t offset, uint8_t hops) const noexcept;
  bool have_bytes(size_t bytes) const noexcept;  // each

  std::span<rte_mbuf*> burst(size_t number) noexcept {
    return std::span(packets_).subspan(number * kBurstCapacity, kBurstCapacity);
  }
  // Where take_sent puts them.
  std::span<rte_mbuf*> all() noexcept { return packets_; }
  // Only this many of them came back; the rest is freed or lost.
  void keep_first(size_t count) noexcept { packets_.resize(count); }

 private:
  SlicePackets() = default;
  std::vector<rte_mbuf*> packets_;
};

}  // namespace spigrp::bench
