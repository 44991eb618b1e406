// See live_keys.h. Many SAs may have the same keys: they are one chain, and so each can be taken out of its middle.
#include "sa/live_keys.h"

#include <algorithm>
#include <bit>

namespace spigrp {

LiveKeys::LiveKeys(uint32_t slots) : first_(std::bit_floor(std::max(slots, 1u)), kNoSlot), nodes_(slots) {
  for (Slot slot = 0; slot < slots; ++slot) nodes_[slot].previous = slot;
}

void LiveKeys::add(Slot slot, uint32_t hash) noexcept {
  Slot& first = first_[chain_of(hash)];
  nodes_[slot] = {first, kNoSlot, hash};
  if (first != kNoSlot) nodes_[first].previous = slot;
  first = slot;
}

void LiveKeys::remove(Slot slot) noexcept {
  if (!has(slot)) return;
  Node& node = nodes_[slot];
  (node.previous == kNoSlot ? first_[chain_of(node.hash)] : nodes_[node.previous].next) = node.next;
  if (node.next != kNoSlot) nodes_[node.next].previous = node.previous;
  node.previous = slot;
}

}  // namespace spigrp
