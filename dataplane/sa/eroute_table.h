// ErouteTable: selectors → targets, most specific first: longer source prefix, then longer destination prefix, then
// protocol, source port (or ICMP type), destination port (or code) given over not given. One hash table holds all
// eroutes; the list of "shapes" (which prefix lengths and which fields occur) says in which order to probe it, and two
// filters which of them are worth it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "config/selector.h"
#include "packet/ip_packet.h"
#include "sa/held_packet.h"
#include "sa/sa_group.h"
#include "sa/shape_filter.h"
#include "state/prefetch.h"
#include "state/versioned_map.h"

namespace spigrp {

struct Eroute {
  // What a packet to an SA needs comes first, in one cache line.
  Slot slot = kNoSlot;      // its own, in the eroute table
  Slot head = kNoSlot;      // of the target SA in the SA table; kNoSlot for magic targets
  uint64_t pointed_by = 0;  // number of the edit that set the target
  static constexpr size_t kNeededBytes = 2 * sizeof(Slot) + sizeof(uint64_t);
  ErouteTarget target;
  Selector selector;
  std::shared_ptr<HeldPacket> held;  // %hold only
  bool by_trap = false;              // a %hold that a trap made for one flow, beside itself
};

enum class ErouteAction : uint8_t { kNone, kProtect, kPass, kDrop, kReject, kTrap, kHold, kDissolved };

struct ErouteVerdict {
  ErouteAction action = ErouteAction::kNone;
  const SaGroup* group = nullptr;  // kProtect only
  const Eroute* eroute = nullptr;  // null for kNone
};

// Which bits of a flow a kind of selector looks at. The order is that of probing: most specific first.
struct ErouteShape {
  uint8_t source_bits;
  uint8_t destination_bits;
  uint8_t
      fields;  // given: ICMP type 16, ICMP code 8, protocol 4, source port 2, destination port 1; more is more specific

  friend auto operator<=>(const ErouteShape&, const ErouteShape&) = default;
};

// Hash key of one eroute: the flow's bits under its shape.
struct ErouteKey {
  FlowKey masked;
  ErouteShape shape;
  uint8_t zero = 0;
};
static_assert(sizeof(ErouteKey) == 44);

class ErouteTable {
 public:
  static Expected<std::unique_ptr<ErouteTable>> create(uint32_t capacity);

  // worker: the most specific eroute for a flow, or null. `unclear`: one that looks at fields which are unknown of the
  // flow could go before it.
  struct Found {
    const Eroute* eroute = nullptr;
    bool unclear = false;
  };
  Found find(const FlowKey& flow, Generation g) const noexcept;
  // worker: the eroutes of at most kMostAtOnce flows of which nothing is unknown, waiting for memory together
  static constexpr size_t kMostAtOnce = 128;
  void find_all(std::span<const FlowKey> flows, Generation g, const Eroute** eroutes) const noexcept;
  // worker: stays the same as long as no eroute is added, changed or removed
  Generation changed_at(Generation g) const noexcept;
  // worker: where the packets that took the eroute of a slot are counted
  std::atomic<uint64_t>& packets_of(Slot slot) const noexcept { return packets_[slot]; }
  // worker: its counter, into the cache
  void prefetch_count(Slot slot) const noexcept { spigrp::prefetch(&packets_[slot]); }

  // control
  const Eroute* newest(const Selector& selector) const noexcept;
  const Eroute* at(Slot slot, Generation g) const noexcept { return eroutes_->at(slot, g); }
  const Eroute* newest_at(Slot slot) const noexcept { return eroutes_->newest(slot); }
  uint32_t slot_count() const noexcept { return eroutes_->slot_count(); }
  uint32_t eroute_count() const noexcept { return eroute_count_; }
  uint64_t packets(Slot slot) const noexcept { return packets_[slot].load(std::memory_order_relaxed); }

 private:
  friend class SaEdit;

  // Shapes in use at one generation, with their masks ready; by family.
  struct Probe {
    ErouteShape shape;
    // All its eroutes are holds that traps made. Each goes only before its own trap, and what does not show that it is
    // of that flow has the trap: so nothing becomes unclear by them.
    bool only_by_traps;
    ShapeBits bit;
    std::array<uint64_t, sizeof(FlowKey) / 8> mask;
  };
  struct PrefixLength {
    uint8_t bits;
    ShapeBits shapes;  // that have it
    uint64_t front_mask, back_mask;
  };
  struct FamilyShapes {
    std::vector<Probe> probes;
    std::vector<PrefixLength> sources, destinations;
  };
  struct ShapeList {
    std::array<FamilyShapes, 2> families;
    Generation changed_at = 0;
  };
  struct ShapeCount {
    uint8_t number = 0;  // in the filters
    uint32_t eroutes = 0;
    uint32_t by_traps = 0;  // of those
  };
  using ShapeCounts = std::map<ErouteShape, ShapeCount, std::greater<>>;

  struct AskedEroutes;
  struct Search;

  explicit ErouteTable(uint32_t capacity) : by_source_(capacity), by_destination_(capacity) {}
  static FamilyShapes family_shapes(const ShapeCounts& counts);
  ShapeBits worth_probing(const FamilyShapes& shapes, const FlowKey& flow) const noexcept;
  void prefetch_filters(const FamilyShapes& shapes, const FlowKey& flow) const noexcept;
  Found answer(const AskedEroutes& asked, Generation g) const noexcept;
  void answer_all(Search& search) const noexcept;
  // control, for SaEdit: reserve a slot that no reader sees yet; give it back; put a value in or take it out
  Expected<Slot> reserve(const Selector& selector);
  void abandon(const Selector& selector, Versions& versions);
  void set(Eroute eroute, Versions& versions);
  void erase(const Selector& selector, Versions& versions);
  // The last of an edit: the shapes, and how many eroutes there are
  void publish_shapes(Versions& versions);

  std::unique_ptr<VersionedMap<ErouteKey, Eroute>> eroutes_;
  std::unique_ptr<std::atomic<uint64_t>[]> packets_;  // by slot; worker: rw, control: ro
  VersionedCell<ShapeList> shapes_;
  ShapeFilter by_source_, by_destination_;
  std::array<ShapeCounts, 2> shape_counts_;  // control: of each; v4, v6
  uint8_t next_shape_ = 0;                   // control: its number
  uint32_t eroute_count_ = 0;                // control, as published; and linked:
  uint32_t linked_count_ = 0;
};

}  // namespace spigrp
