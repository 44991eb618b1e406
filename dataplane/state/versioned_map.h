// VersionedMap: a hash table (rte_hash, lock-free for readers) from keys to versioned cells. A key has a slot number
// that stays its own as long as the key is in the table, so that others may refer to it by number.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>

#include "state/hash_index.h"
#include "state/prefetch.h"
#include "state/versioned_cell.h"

namespace spigrp {

// Key: trivially copyable without padding; equal keys are equal bytes.
template <class Key, class T>
class VersionedMap {
  static_assert(std::has_unique_object_representations_v<Key>, "hashed and compared as bytes");

 public:
  // Room for at least `capacity` keys. Error: no memory.
  static Expected<std::unique_ptr<VersionedMap>> create(const std::string& name, uint32_t capacity) {
    auto index = HashIndex::create(name, sizeof(Key), capacity);
    if (!index) return tl::unexpected(index.error());
    return std::unique_ptr<VersionedMap>(new VersionedMap(std::move(*index)));
  }

  // worker: the slot of a key, or kNoSlot
  Slot find_slot(const Key& key) const noexcept { return index_->find(&key); }
  void find_slots(const Key* const* keys, uint16_t count, Slot* slots) const noexcept {
    index_->find_bulk(reinterpret_cast<const void* const*>(keys), count, slots);
  }
  // worker: the value of a slot or key at a generation, or null
  const T* at(Slot slot, Generation g) const noexcept { return cells_[slot].at(g); }
  const T* find(const Key& key, Generation g) const noexcept {
    const Slot slot = find_slot(key);
    return slot == kNoSlot ? nullptr : at(slot, g);
  }
  // worker: see VersionedCell
  bool has_changed(Slot slot, Generation since, Generation g) const noexcept {
    return cells_[slot].has_changed(since, g);
  }
  // worker: fetches the cell of a slot into the cache
  void prefetch(Slot slot) const noexcept { spigrp::prefetch(&cells_[slot]); }
  // worker: and once it is there, the newest version in it, so many bytes of the value
  void prefetch_newest(Slot slot, size_t value_bytes = sizeof(T)) const noexcept {
    cells_[slot].prefetch_newest(value_bytes);
  }

  // control: the slot of a key, made (without a value) where there is none. Error: the table is full.
  Expected<Slot> insert(const Key& key) { return index_->insert(&key); }
  // control: gives the slot back once no reader can use it; the cell must have no value at versions.next()
  void release(const Key& key, Versions& versions) { index_->release(&key, versions); }

  const T* newest(Slot slot) const noexcept { return cells_[slot].newest(); }
  void set(Slot slot, T value, Versions& versions) { cells_[slot].set(std::move(value), versions); }
  void erase(Slot slot, Versions& versions) { cells_[slot].erase(versions); }

  uint32_t slot_count() const noexcept { return index_->slot_count(); }  // slots are numbered 0 … slot_count() − 1
  uint32_t key_count() const noexcept { return index_->key_count(); }

 private:
  explicit VersionedMap(std::unique_ptr<HashIndex> index)
      : index_(std::move(index)), cells_(std::make_unique<VersionedCell<T>[]>(index_->slot_count())) {}

  std::unique_ptr<HashIndex> index_;
  std::unique_ptr<VersionedCell<T>[]> cells_;
};

}  // namespace spigrp
