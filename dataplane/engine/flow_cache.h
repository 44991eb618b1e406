// FlowCache: which eroutes a flow and its reverse have, remembered by one worker. An entry counts only as long as no
// eroute is added, changed or removed (the stamp); what an eroute leads to is looked up anew for every burst, so
// regrouping needs nothing from this cache.
#pragma once

#include <cstdint>
#include <vector>

#include "packet/ip_packet.h"
#include "sa/sa_tables.h"

namespace spigrp {

struct FlowPolicy {
  const Eroute* eroute;   // null: none
  const Eroute* reverse;  // of the flow the other way round; of an ICMP query or reply see look_up()
  bool unclear;           // the packet does not show enough to say: see ErouteTable::Found
};

// An eroute to an SA, whether its group is there or dissolved: the flow must not be seen in the clear.
inline bool demands_protection(const Eroute* eroute) noexcept {
  return eroute != nullptr && eroute->head != kNoSlot;
}

class FlowCache {
 public:
  // What the tables say; nothing is remembered.
  static FlowPolicy look_up(const FlowKey& flow, const SaTables& sas, Generation g) noexcept;

  explicit FlowCache(uint32_t entries);  // a power of two

  uint32_t hash(const FlowKey& flow) const noexcept;
  void prefetch(uint32_t hash) const noexcept { __builtin_prefetch(&entries_[hash & mask_]); }
  // `stamp` is sas.eroutes_changed_at(g). A flow of which something is unknown is looked up anew each time.
  FlowPolicy find(const FlowKey& flow, uint32_t hash, const SaTables& sas, Generation stamp, Generation g) noexcept {
    if (flow.unknown != UnknownFields::kNone) [[unlikely]] {
      return look_up(flow, sas, g);
    }
    Entry& entry = entries_[hash & mask_];
    if (entry.stamp != stamp || !(entry.flow == flow)) [[unlikely]] {
      const FlowPolicy policy = look_up(flow, sas, g);
      entry = {flow, stamp, policy.eroute, policy.reverse};
    }
    return {entry.eroute, entry.reverse, false};
  }

 private:
  struct alignas(64) Entry {
    FlowKey flow;
    Generation stamp = UINT64_MAX;  // never one of a table
    const Eroute* eroute;
    const Eroute* reverse;
  };
  static_assert(sizeof(Entry) == 64, "one cache line");

  std::vector<Entry> entries_;
  uint32_t mask_;
};

}  // namespace spigrp
