// A whole gateway without threads for hostile packets: two ports that lead nowhere, groups of every shape in, and out
// of it protection and every magic eroute. Whatever comes, every packet must end in exactly one counter (invariant 4)
// and every buffer back in the pool; where that does not hold, it aborts.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine_parts.h"

namespace spigrp::fuzz {

inline constexpr uint16_t kLan = 0, kWan = 1;
inline constexpr MacAddress kHostMac{2, 0, 0, 0, 9, 1}, kPeerMac{2, 0, 0, 0, 9, 2};

template <class T>
T must(Expected<T> expected) {
  if (expected) {
    if constexpr (!std::is_void_v<T>) return std::move(*expected);
    return T();
  }
  std::fprintf(stderr, "%s\n", expected.error().text().c_str());
  abort();
}

// Once, before the first gateway.
void start_eal();

class Gateway {
 public:
  Gateway();

  // A buffer that begins with as much of the data as it has room for.
  rte_mbuf* buffer_with(const uint8_t* data, size_t size);
  // A frame to the gateway, which it is given.
  void receive(uint16_t port, rte_mbuf* frame);

  // Serves what workers have left to the control thread.
  void settle();
  // Lets the time pass that whatever is kept is kept for, and sees that nothing is.
  void let_all_expire();

  EngineParts& parts() { return *parts_; }
  // The outermost SA of each group of packets that come in, once more, as its peer has it.
  const std::vector<std::unique_ptr<Sa>>& outer() const { return outer_; }

 private:
  void make_routes();
  void make_groups_in();
  void make_groups_out();
  void check_counters();

  std::unique_ptr<EngineParts> parts_;
  std::vector<std::unique_ptr<Sa>> outer_;
  unsigned in_use_ = 0;
  uint64_t now_ns_ = 0;
};

}  // namespace spigrp::fuzz
