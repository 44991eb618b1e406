// Ring: a queue of plain values between threads, an rte_ring that copies its elements. Neither end waits for the other.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>

#include <rte_errno.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "config/error.h"

namespace spigrp {

enum class RingWriters : uint8_t { kOne, kMany };

template <class T>
class Ring {
  static constexpr unsigned kElementBytes = sizeof(T);  // NOLINT(bugprone-sizeof-expression): it may be a pointer
  static_assert(std::is_trivially_copyable_v<T> && kElementBytes % 4 == 0, "rte_ring copies elements in words");

 public:
  // One reader; room for `capacity` elements, a power of two. The name is unique in the process. Error: no memory.
  static Expected<Ring> create(const std::string& name, uint32_t capacity, RingWriters writers) {
    // Many writers relax each other's order (RTS), so that one that loses its core stops nobody else.
    const unsigned flags = RING_F_SC_DEQ | (writers == RingWriters::kOne ? RING_F_SP_ENQ : RING_F_MP_RTS_ENQ);
    rte_ring* ring = rte_ring_create_elem(name.c_str(), kElementBytes, capacity, SOCKET_ID_ANY, flags);
    if (ring == nullptr) return failure("queue " + name, rte_strerror(rte_errno), "raise memory.megabytes");
    return Ring(ring);
  }

  bool push(T element) noexcept { return rte_ring_enqueue_elem(ring_.get(), &element, kElementBytes) == 0; }
  // Takes up to `count` elements out; returns how many.
  uint16_t pop(T* elements, uint16_t count) noexcept {
    return static_cast<uint16_t>(rte_ring_dequeue_burst_elem(ring_.get(), elements, kElementBytes, count, nullptr));
  }
  bool empty() const noexcept { return rte_ring_empty(ring_.get()) != 0; }

 private:
  struct Free {
    void operator()(rte_ring* ring) const noexcept { rte_ring_free(ring); }
  };

  explicit Ring(rte_ring* ring) noexcept : ring_(ring) {}

  std::unique_ptr<rte_ring, Free> ring_;
};

}  // namespace spigrp
