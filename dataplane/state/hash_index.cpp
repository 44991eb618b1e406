// See hash_index.h. A key leaves in two steps, each after a grace period: first the key, which readers of the
// generation before still had to find; then its slot, which readers who had found it might still use.
#include "state/hash_index.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_lcore.h>

namespace spigrp {

struct HashIndex::Release {
  HashIndex* index;
  Slot slot;
  uint32_t ticket;
  std::vector<uint8_t> key;
};

Expected<std::unique_ptr<HashIndex>> HashIndex::create(const std::string& name, uint32_t key_bytes, uint32_t capacity) {
  static std::atomic<unsigned> number{0};
  const std::string unique = name.substr(0, 16) + "." + std::to_string(number++);
  rte_hash_parameters parameters{};
  parameters.name = unique.c_str();
  parameters.entries = std::max<uint32_t>(capacity, 8);
  parameters.key_len = key_bytes;
  parameters.hash_func = rte_hash_crc;
  parameters.socket_id = SOCKET_ID_ANY;
  // Slots of two grace periods ago are given back by us; the extendable table means that `capacity` keys always fit.
  parameters.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF | RTE_HASH_EXTRA_FLAGS_EXT_TABLE;
  std::unique_ptr<HashIndex> index(new HashIndex);
  index->hash_ = rte_hash_create(&parameters);
  if (index->hash_ == nullptr) {
    return failure("table " + name,
                   "no memory for " + std::to_string(capacity) + " entries (" + rte_strerror(rte_errno) + ")",
                   "give the daemon more memory, or the table fewer entries");
  }
  index->slot_count_ = parameters.entries;
  index->key_bytes_ = key_bytes;
  index->release_count_.resize(parameters.entries);
  return index;
}

HashIndex::~HashIndex() {
  rte_hash_free(hash_);
}

Slot HashIndex::find(const void* key) const noexcept {
  const int32_t slot = rte_hash_lookup(hash_, key);
  return slot < 0 ? kNoSlot : static_cast<Slot>(slot);
}

void HashIndex::find_bulk(const void* const* keys, uint16_t count, Slot* slots) const noexcept {
  static_assert(sizeof(Slot) == sizeof(int32_t) && static_cast<int32_t>(kNoSlot) == -1);
  if (count == 0) return;
  // rte_hash reports a key that is not there as a negative errno.
  auto* positions = reinterpret_cast<int32_t*>(slots);
  rte_hash_lookup_bulk(hash_, const_cast<const void**>(keys), count, positions);
  for (uint16_t i = 0; i < count; ++i) positions[i] = std::max(positions[i], -1);
}

Expected<Slot> HashIndex::insert(const void* key) {
  const int32_t present = rte_hash_lookup(hash_, key);
  if (present >= 0) {
    uint32_t& releases = release_count_[static_cast<uint32_t>(present)];
    if (releases % 2 == 1) {  // released and not yet removed: calls the release off
      ++releases;
      ++key_count_;
    }
    return static_cast<Slot>(present);
  }
  const int32_t slot = rte_hash_add_key(hash_, key);
  if (slot < 0) {
    return failure("table", "full: it has room for " + std::to_string(slot_count_) + " entries",
                   "raise its size in the configuration's [tables]");
  }
  ++key_count_;
  return static_cast<Slot>(slot);
}

void HashIndex::release(const void* key, Versions& versions) {
  const Slot slot = find(key);
  if (slot == kNoSlot || release_count_[slot] % 2 == 1) return;
  --key_count_;
  const auto* bytes = static_cast<const uint8_t*>(key);
  auto* release = new Release{this, slot, ++release_count_[slot], {bytes, bytes + key_bytes_}};
  versions.retire({release, &versions, remove_key});
}

void HashIndex::remove_key(void* object, void* versions) {
  auto* release = static_cast<Release*>(object);
  uint32_t& releases = release->index->release_count_[release->slot];
  if (releases != release->ticket) {  // called off
    delete release;
    return;
  }
  static_cast<Versions*>(versions)->retire({release, nullptr, free_slot});
  rte_hash_del_key(release->index->hash_, release->key.data());
  ++releases;
}

void HashIndex::free_slot(void* object, void*) {
  auto* release = static_cast<Release*>(object);
  rte_hash_free_key_with_position(release->index->hash_, static_cast<int32_t>(release->slot));
  delete release;
}

}  // namespace spigrp
