// See crypto_buffers.h.
#include "crypto_buffers.h"

#include <cstring>
#include <new>

namespace spigrp::bench {
namespace {

// A buffer of the daemon's pool: the pool's header, the mbuf, 2432 bytes of data of which 128 are headroom; then what
// the pool leaves empty so that neighbours lie in different cache sets.
constexpr size_t kStrideBytes = 2624;
constexpr size_t kInnerOffset = 64 + 128 + 128 + 14;  // the inner packet stays where it was received, behind Ethernet
static_assert(kInnerOffset + 1420 + 64 < kStrideBytes);

uint8_t* allocate() {
  void* memory = std::aligned_alloc(4096, (kSlicePackets * kStrideBytes + 4095) / 4096 * 4096);
  if (memory == nullptr) throw std::bad_alloc();
  return static_cast<uint8_t*>(memory);
}

}  // namespace

CryptoBuffers::CryptoBuffers(const PacketLayout& layout, Direction direction)
    : layout_(layout), memory_(allocate()), sas_(kSlicePackets), icvs_aside_(2 * kSlicePackets) {
  for (size_t i = 0; i < kSlicePackets; ++i) {
    PacketPlaces places{};
    places.text = memory_.get() + i * kStrideBytes + kInnerOffset;
    places.iv = places.text - layout.iv_bytes;
    places.esp = places.iv - 8;
    places.outer = places.esp - layout.ah_bytes - layout.outer_ip_bytes;
    places.esp_icv = places.text + layout.text_bytes;
    places.ah_icv = places.outer + layout.outer_ip_bytes + 12;
    if (direction == Direction::kInbound) {
      places.esp_icv = icvs_aside_[2 * i].data();
      places.ah_icv = icvs_aside_[2 * i + 1].data();
    }
    std::memcpy(places.nonce.data(), &i, sizeof(i));
    places_.push_back(places);
  }
}

void CryptoBuffers::refill(size_t first_sa, size_t sas) noexcept {
  for (size_t i = 0; i < kSlicePackets; ++i) {
    sas_[i] = static_cast<uint32_t>(visited(first_sa + i, sas));
    std::memset(places_[i].outer, static_cast<int>(i & 0xff), layout_.outer_bytes);
  }
}

uint64_t CryptoBuffers::fingerprint() const noexcept {
  uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  const auto add = [&hash](const uint8_t* bytes, size_t count) {
    for (size_t i = 0; i < count; ++i) hash = (hash ^ bytes[i]) * 0x100000001b3u;
  };
  for (const PacketPlaces& places : places_) add(places.outer, layout_.outer_bytes);
  for (const auto& icv : icvs_aside_) add(icv.data(), icv.size());
  return hash;
}

}  // namespace spigrp::bench
