// SaEdit's edits on their way: they lie over the tables, and a look here finds SAs, groups and eroutes as the edits so
// far leave them. SAs and groups are made while staging, and their table slots taken, so that link() has nothing left
// that could fail. For sa_edit.cpp and eroute_edit.cpp, which check edits; sa_link.cpp, which puts them into the
// tables; and sa_heirs.cpp, which sees to sequence numbers of keys that go and come again.
#pragma once

#include <list>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sa/sa_edit.h"
#include "state/arena.h"
#include "state/prefetch.h"

namespace spigrp {

// SAs that can be known by their addresses alone.
inline bool has_address_key(const SaId& id) noexcept {
  return id.protocol == SaProtocol::kTunnel || id.protocol == SaProtocol::kComp;
}

inline bool has_keys(const Sa& sa, const Key& encryption_key, const Key& authentication_key) {
  return sa.saved_encryption_key == encryption_key && sa.saved_authentication_key == authentication_key;
}
inline bool share_keys(const Sa& one, const Sa& other) {
  return has_keys(one, other.saved_encryption_key, other.saved_authentication_key);
}

// What an error tells the operator to type.
inline std::string ungroup_command(const SaGroup& group) {
  return "spigrp --said " + group.at(0)->id.text();
}

// For so many entries more. A map that grows looks at all that it has, in one go.
template <class Map>
void make_room(Map& map, size_t more) {
  if (map.size() + more > map.bucket_count()) map.reserve(map.size() + more);
}

// Might throw, as far as the library knows, so it keeps an entry's hash beside it: where there are a million, to hash
// each that a look-up comes by again takes longer than the look-up.
template <class Hash>
struct Remembered : Hash {
  template <class Key>
  size_t operator()(const Key& key) const noexcept(false) {
    return Hash::operator()(key);
  }
};

struct SaEdit::Staged {
  using SaList = std::vector<Sa*>;
  struct StagedEroute {
    std::optional<Eroute> eroute;      // nothing: deleted
    std::unique_ptr<TrapHold> hold{};  // few have one
  };

  Staged(SaTables& tables, Versions& versions, Pace* pace) : tables(tables), versions(versions), pace(pace) {}

  // Between two pieces of what may be a million.
  void step() const {
    if (pace != nullptr) pace->step();
  }
  void long_step() const {
    if (pace != nullptr) pace->long_step();
  }

  // The entry of an SA as the edits so far leave it, or null. Of one that is in no group the group may not be made yet.
  const SaEntry* find(const SaId& id) const;
  const SaEntry* find_any(const SaId& id) const;  // deleted ones too
  SaEntry& to_change(const SaId& id);
  SaList members_of(const SaEntry& entry) const;
  void put_new(std::unique_ptr<Sa> sa);
  void remove_sa(const SaId& id);
  Expected<SaList> check_members(std::span<const SaId> members, const SaGroup* own) const;
  Expected<void> check_place(const SaEntry& entry, size_t place) const;
  Expected<void> check_translation(std::span<Sa* const> members) const;
  SaGroup* make_group(std::span<Sa* const> members);
  void put_group(std::span<Sa* const> members);
  void put_alone(const SaId& id);
  void take_out(const SaId& id);
  Expected<Slot> reserve(const Sa& sa);
  void release_unused(const SaId& id);
  void abandon();
  void forget();
  void tell_of_sa(const SaId& id, const SaEntry& now, SaChangeListener& listener) const;

  // eroute_edit.cpp
  const Eroute* find_eroute(const Selector& selector) const;
  int64_t eroutes_to(Slot slot) const;  // how many eroutes name the SA
  Expected<void> check_allocations(const Sa& sa) const;
  Expected<const Eroute*> check_selector(const Selector& selector, ErouteMode mode) const;
  Expected<void> put_eroute(Eroute eroute, const Eroute* present, const SaEntry* target);
  void drop_eroute(const Selector& selector);
  void count_eroute(const Eroute& eroute, int64_t change);
  void end_trap_holds(const Selector& edited);

  // sa_heirs.cpp
  Expected<std::unique_ptr<Sa>> create(SaSpec spec) const;
  void spend_keys(const Sa& sa);
  void find_heirs();
  void settle_numbers();
  void remember_spent_keys();

  // sa_link.cpp
  void make_lone_groups();
  void link_addresses();
  void link_eroutes();
  void link_sas();
  void link_sa(const SaId& id, const SaEntry& now);
  void take_over();
  void begin_lifetime(Sa& sa);
  void note_keys(const Sa& sa, Slot slot);
  void retire_replaced(const SaEntry& old, const SaEntry& now);
  void count_change(const SaEntry& old, const SaEntry& now);
  void link_allocations();
  void finish();

  SaTables& tables;
  Versions& versions;
  Pace* pace;
  size_t expected = 0;                                                            // edits
  Arena memory;                                                                   // of what follows
  std::pmr::unordered_map<SaId, SaEntry, Remembered<SaIdHash>> entries{&memory};  // changed ones; sa null: deleted
  std::pmr::unordered_map<Selector, StagedEroute, Remembered<SelectorHash>> eroutes{&memory};
  struct ErouteChange {
    SaId id;
    int64_t eroutes;  // added to the SA, minus those taken away
  };
  std::pmr::unordered_map<Slot, ErouteChange> eroute_changes{&memory};
  std::pmr::unordered_map<Sa*, uint64_t> allocations{&memory};  // eroutes pointed at an SA that has a lifetime
  // Keys of SAs that these edits delete; and of the SAs that have them now, those made by the edits. Where numbers
  // really end and begin is settled at the last moment: workers go on sending.
  struct LeavingKeys {
    uint64_t used = 0;      // about how far, by the time of the edit
    uint64_t reserved = 0;  // by the store, then
    uint64_t end = 0;       // once settled: no worker goes beyond it; 0: none has used a number
    uint64_t limit = 0;     // and what was reserved
  };
  std::pmr::unordered_map<KeyFingerprint, LeavingKeys, KeyFingerprintHash> leaving_keys{&memory};
  struct Keyed {
    Sa* sa;
    LeavingKeys* keys;
    void prefetch() const noexcept {  // what settle_numbers() needs of it
      spigrp::prefetch(&sa->sequence);
      spigrp::prefetch(&sa->marks.began_sent);
      spigrp::prefetch(keys);
    }
  };
  std::vector<Keyed> heirs;
  std::vector<Keyed> leaving;  // by link()
  // Heirs that replace the SA which had their keys: what that one has received must not come again.
  struct Continued {
    const Sa* before;
    Sa* now;
  };
  std::vector<Continued> continued;
  // Made by the edits; the tables take over those that the last edit leaves.
  std::vector<std::unique_ptr<Sa>> new_sas;
  std::vector<std::unique_ptr<SaGroup>> new_groups;

  // Once everything has been cleared only what was added since can be there, so that clearing again costs no more than
  // that.
  bool sas_cleared = false, eroutes_cleared = false;
  std::pmr::list<SaId> sas_added{&memory};  // lists, because an empty one has nothing in the arena
  std::pmr::list<Selector> eroutes_added{&memory};

  // What link() leaves for its last moment, because it has no versions and others may look at it.
  bool linked = false;
  SharedKeys shared_keys;
  uint32_t sas_more = 0, groups_more = 0;                            // modulo 2^32
  std::vector<std::pair<Selector, const TrapHold*>> trap_holds_now;  // null: none
};

}  // namespace spigrp
