// FlowCache: what one worker remembers of flows. Which eroutes a flow and its reverse have counts as long as no eroute
// is added, changed or removed. Where its packets go, the decision, is the tables' answer at one generation. At another
// it counts again if neither eroutes nor ways have changed (the stamps), and the groups that it depends on are the same
// still: that is for forwarding.cpp to see.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "engine/departure.h"
#include "packet/flow_words.h"
#include "sa/sa_tables.h"
#include "state/prefetch.h"

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

// Where the packets of a flow go that came in the clear, or out of a group. One that is larger than most_bytes, or has
// anything else about it that does not follow from its flow, is decided about by itself.
struct Decision {
  Departure departure;             // protected: of what comes out of the group
  uint16_t most_bytes;             // 0: always decided anew
  Slot counted_in = kNoSlot;       // of the eroute that leads there and counts it; kNoSlot: none does
  Slot head = kNoSlot;             // of the group's first SA, in the SA table; kNoSlot: no group
  const SaGroup* group = nullptr;  // that it goes into; null: none. At another generation it may be there no more
};

// What the tables say at one generation of what has changed in them.
struct ChangeStamps {
  Generation at = UINT64_MAX;
  Generation eroutes = 0;  // SaTables::eroutes_changed_at()
  Generation ways = 0;     // Network::ways_changed_at()
};

// 0: from the wire.
inline uint64_t number_of(const SaGroup* from) noexcept {
  return from == nullptr ? 0 : from->number();
}

class FlowCache {
 public:
  // What the tables say; nothing is remembered.
  static FlowPolicy look_up(const FlowKey& flow, const SaTables& sas, Generation g) noexcept;

  explicit FlowCache(uint32_t entries);  // a power of two, two at least

  void prefetch(uint32_t hash) const noexcept { entries_[hash & mask_].prefetch(); }

  // What a packet of this flow most likely needs next; whether it does is hardly looked at. The group may be there no
  // more.
  void prefetch_ways(const HashedFlow& flow, const SaTables& sas, Generation g) const noexcept {
    const size_t place = flow.hash & mask_;
    const Entry& first = entries_[place];
    if (((first.flow[0] ^ flow.words[0]) | (first.flow[2] ^ flow.words[2]) | (first.flow[4] ^ flow.words[4])) != 0) {
      return entries_[place ^ 1].prefetch();
    }
    if (first.decision.group != nullptr) {
      first.decision.group->prefetch();
      if (first.decided_at != g) sas.prefetch_head(first.decision.head);
    }
    if (first.decision.counted_in != kNoSlot) sas.eroutes().prefetch_count(first.decision.counted_in);
  }

  // The decision for packets of a flow from a group (null: from the wire), or null: there is none for generation g.
  const Decision* decision(const HashedFlow& flow, const SaGroup* from, Generation g) const noexcept {
    const Entry* entry = find(flow);
    const bool counts = entry != nullptr && entry->decided_at == g && entry->decided_from == number_of(from);
    return counts ? &entry->decision : nullptr;
  }

  // A decision of an earlier generation, since when neither eroutes nor ways have changed, and what it was decided by.
  struct Earlier {
    const Decision* decision = nullptr;  // null: there is none
    FlowPolicy policy{};
    Generation* decided_at = nullptr;  // where it counts too if that becomes another
  };
  Earlier earlier_decision(const HashedFlow& flow, const SaGroup* from, const ChangeStamps& now) noexcept {
    Entry* entry = find(flow);
    const bool may_count = entry != nullptr && entry->decided_from == number_of(from) && entry->decided_at != kNever &&
                           entry->decided_at >= now.ways && entry->stamp == now.eroutes;
    if (!may_count) return {};
    return {&entry->decision, {entry->eroute, entry->reverse, false}, &entry->decided_at};
  }

  // Whether policy() knows without looking anything up.
  bool has_policy(const HashedFlow& flow, const ChangeStamps& now) const noexcept {
    const Entry* entry = find(flow);
    return entry != nullptr && entry->stamp == now.eroutes;
  }
  // Looks up together what is not known of at most a burst's flows, for policy() to find it. ICMP, which is more than
  // two searches, and what is partly unknown are left to policy().
  void learn_policies(std::span<const HashedFlow> flows, const SaTables& sas, const ChangeStamps& now) noexcept;

  // A flow of which something is unknown is looked up anew each time.
  FlowPolicy policy(const HashedFlow& flow, const SaTables& sas, const ChangeStamps& now) noexcept {
    if (key_of(flow.words).unknown != UnknownFields::kNone) [[unlikely]] {
      return look_up(key_of(flow.words), sas, now.at);
    }
    const Entry* entry = find(flow);
    if (entry == nullptr || entry->stamp != now.eroutes) {
      entry = &learn(flow, look_up(key_of(flow.words), sas, now.at), now);
    }
    return {entry->eroute, entry->reverse, false};
  }

  // Of a flow whose policy has been asked for just now.
  void remember(const HashedFlow& flow, const SaGroup* from, Generation g, const Decision& decision) noexcept {
    Entry* entry = find(flow);
    if (entry == nullptr) return;
    entry->decided_at = g;
    entry->decided_from = number_of(from);
    entry->decision = decision;
  }

 private:
  static constexpr Generation kNever = UINT64_MAX;  // no table's

  struct alignas(128) Entry {
    FlowWords flow{};
    Generation stamp = kNever;  // of the eroutes
    Generation decided_at = kNever;
    uint64_t decided_from = 0;
    Decision decision{};
    const Eroute* eroute = nullptr;
    const Eroute* reverse = nullptr;

    void prefetch() const noexcept {
      spigrp::prefetch(this);
      spigrp::prefetch(&decision);
    }
  };
  static_assert(sizeof(Entry) == 128 && offsetof(Entry, decision) == 64, "two cache lines, each of one use");

  // Flows that hash alike have a place each, side by side: with as many flows as half the places four in ten would
  // otherwise drive another out each time.
  const Entry* find(const HashedFlow& flow) const noexcept {
    const size_t place = flow.hash & mask_;
    if (are_same(entries_[place].flow, flow.words)) [[likely]]
      return &entries_[place];
    return are_same(entries_[place ^ 1].flow, flow.words) ? &entries_[place ^ 1] : nullptr;
  }
  Entry* find(const HashedFlow& flow) noexcept { return const_cast<Entry*>(std::as_const(*this).find(flow)); }

  // Nothing is decided for the flow then. Who had its place goes to the other one.
  const Entry& learn(const HashedFlow& flow, const FlowPolicy& policy, const ChangeStamps& now) noexcept {
    Entry* entry = find(flow);
    if (entry == nullptr) {
      entry = &entries_[flow.hash & mask_];
      if (entry->stamp == now.eroutes) entries_[(flow.hash & mask_) ^ 1] = *entry;
      entry->flow = flow.words;
    }
    entry->stamp = now.eroutes;
    entry->decided_at = kNever;
    entry->eroute = policy.eroute;
    entry->reverse = policy.reverse;
    return *entry;
  }

  std::vector<Entry> entries_;
  uint32_t mask_;
};

}  // namespace spigrp
