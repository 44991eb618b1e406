// See flow_cache.h.
#include "engine/flow_cache.h"

#include <bit>

#include <nmmintrin.h>

namespace spigrp {

FlowCache::FlowCache(uint32_t entries) : entries_(entries), mask_(entries - 1) {}

uint32_t FlowCache::hash(const FlowKey& flow) const noexcept {
  uint64_t hash = 0;
  for (const uint64_t word : std::bit_cast<std::array<uint64_t, sizeof(FlowKey) / 8>>(flow)) {
    hash = _mm_crc32_u64(hash, word);
  }
  return static_cast<uint32_t>(hash);
}

FlowPolicy FlowCache::look_up(const FlowKey& flow, const SaTables& sas, Generation g) noexcept {
  const ErouteTable& eroutes = sas.eroutes();
  const ErouteTable::Found there = eroutes.find(flow, g), back = eroutes.find(reversed(flow), g);
  return {there.eroute, back.eroute, there.unclear || back.unclear};
}

}  // namespace spigrp
