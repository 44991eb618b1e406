// LiveKeys: which SAs that are there have the same keys. A hash table whose chains lead through the SAs' slots, of some
// 16 bytes for each SA that there is room for; it asks for no memory when SAs come and go. Of keys it knows hashes
// only: who asks compares them. Control thread only.
#pragma once

#include <cstdint>
#include <vector>

#include "state/hash_index.h"

namespace spigrp {

class LiveKeys {
 public:
  // Of SAs in slots 0 … slots − 1.
  explicit LiveKeys(uint32_t slots);

  bool has(Slot slot) const noexcept { return nodes_[slot].previous != slot; }
  void add(Slot slot, uint32_t hash) noexcept;  // which it has not
  void remove(Slot slot) noexcept;              // where it has it
  // Of the SAs with this hash that are the one which is looked for, as is_it(slot) says, the one that was added last;
  // or kNoSlot.
  template <class IsIt>
  Slot find(uint32_t hash, IsIt is_it) const {
    Slot slot = first_[chain_of(hash)];
    while (slot != kNoSlot && !(nodes_[slot].hash == hash && is_it(slot))) slot = nodes_[slot].next;
    return slot;
  }

 private:
  struct Node {
    Slot next;
    Slot previous;  // kNoSlot: it is the first; itself: it is in no chain
    uint32_t hash;
  };

  size_t chain_of(uint32_t hash) const noexcept { return hash & (first_.size() - 1); }

  std::vector<Slot> first_;  // of each chain; a power of two of them
  std::vector<Node> nodes_;  // by slot
};

}  // namespace spigrp
