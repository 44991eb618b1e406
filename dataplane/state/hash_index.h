// HashIndex: keys of fixed size → slot numbers, an rte_hash that readers use without locks while one writer changes it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/error.h"
#include "state/versions.h"

struct rte_hash;

namespace spigrp {

using Slot = uint32_t;
inline constexpr Slot kNoSlot = UINT32_MAX;

class HashIndex {
 public:
  // `name` must be unique in the process (a number is appended to make it so). Error: no memory.
  static Expected<std::unique_ptr<HashIndex>> create(const std::string& name, uint32_t key_bytes, uint32_t capacity);
  ~HashIndex();
  HashIndex(const HashIndex&) = delete;
  HashIndex& operator=(const HashIndex&) = delete;

  Slot find(const void* key) const noexcept;  // worker
  // worker: `count` ≤ 64 keys at once, with their memory accesses overlapped
  void find_bulk(const void* const* keys, uint16_t count, Slot* slots) const noexcept;

  // control: the slot of a key, made where there is none. Error: full.
  Expected<Slot> insert(const void* key);
  // control: takes the key out once every reader of an older generation is gone, and gives its slot back a grace period
  // later; an insert before that keeps key and slot.
  void release(const void* key, Versions& versions);

  uint32_t slot_count() const noexcept { return slot_count_; }
  uint32_t key_count() const noexcept { return key_count_; }

 private:
  HashIndex() = default;

  struct Release;
  static void remove_key(void* release, void* versions);
  static void free_slot(void* release, void*);

  rte_hash* hash_ = nullptr;
  uint32_t slot_count_ = 0;
  uint32_t key_bytes_ = 0;
  uint32_t key_count_ = 0;               // control only, and below
  std::vector<uint32_t> release_count_;  // per slot: odd while a release waits to be carried out
};

}  // namespace spigrp
