// CryptoBuffers: as many packet buffers as a slice of the pipeline has, laid out like its mbufs: one packet in each, at
// the place where a group's transforms leave it. What ipsec-mb alone is measured on.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "measure.h"
#include "packet_case.h"

namespace spigrp::bench {

// Where things are in one packet.
struct PacketPlaces {
  uint8_t* outer;  // IP header
  uint8_t* esp;
  uint8_t* iv;
  uint8_t* text;
  uint8_t* esp_icv;  // outbound: its place in the packet; inbound: aside, as the one received stays where it is
  uint8_t* ah_icv;
  alignas(16) std::array<uint8_t, 16> nonce;  // GCM: 12 bytes, salt and IV
};

// One burst and its packets' SAs, by number.
struct Batch {
  std::span<const PacketPlaces> packets;
  std::span<const uint32_t> sas;
};

class CryptoBuffers {
 public:
  CryptoBuffers(const PacketLayout& layout, Direction direction);

  // Writes all packets anew, as receiving them would, with packets of SAs visited(first_sa, sas), visited(first_sa + 1,
  // sas) ….
  void refill(size_t first_sa, size_t sas) noexcept;
  Batch burst(size_t number) const noexcept {
    return {std::span(places_).subspan(number * kBurstCapacity, kBurstCapacity),
            std::span(sas_).subspan(number * kBurstCapacity, kBurstCapacity)};
  }
  // Times run(batch) over one slice, those before it included; cycles per packet. prepare(batch) is not timed; it makes
  // of the packets of each slice what they have to be.
  template <class F, class Prepare>
  double time(size_t first_sa, size_t sas, F&& run, Prepare&& prepare) {
    const size_t lead = lead_slices(sas);
    for (size_t slice = 0; slice < lead; ++slice) time_refilled(first_sa + slice * kSlicePackets, sas, run, prepare);
    return time_refilled(first_sa + lead * kSlicePackets, sas, run, prepare);
  }
  template <class F>
  double time(size_t first_sa, size_t sas, F&& run) {
    return time(first_sa, sas, run, [](const Batch&) {});
  }
  // A number that depends on every byte of every packet and ICV: two ways to the same result have the same.
  uint64_t fingerprint() const noexcept;

 private:
  struct FreeMemory {
    void operator()(uint8_t* memory) const noexcept { std::free(memory); }
  };

  template <class F, class Prepare>
  double time_refilled(size_t first_sa, size_t sas, F& run, Prepare& prepare) {
    refill(first_sa, sas);
    for (size_t number = 0; number < kSliceBursts; ++number) prepare(burst(number));
    return time_slice([&](size_t number) { run(burst(number)); });
  }

  PacketLayout layout_;
  std::unique_ptr<uint8_t, FreeMemory> memory_;
  std::vector<PacketPlaces> places_;
  std::vector<uint32_t> sas_;
  std::vector<std::array<uint8_t, kIcvBytes>> icvs_aside_;
};

}  // namespace spigrp::bench
