// See sa_edit.h. Staged edits lie over the tables: a lookup here finds an entry as the edits so far leave it. SAs and
// groups are made while staging, and their table slots taken, so that link() has nothing left that could fail.
#include "sa/sa_edit.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace spigrp {

struct SaEdit::Staged {
  // Might throw, as far as the library knows, so it keeps an entry's hash beside it: where there are a million, to hash
  // each that a look-up comes by again takes longer than the look-up.
  template <class Hash>
  struct Remembered : Hash {
    template <class Key>
    size_t operator()(const Key& key) const noexcept(false) {
      return Hash::operator()(key);
    }
  };

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

  // The entry of an SA as the edits so far leave it, or null. Of one that is in no group the group may not be made yet.
  const SaEntry* find(const SaId& id) const;
  const SaEntry* find_any(const SaId& id) const;  // deleted ones too
  SaEntry& to_change(const SaId& id);
  SaList members_of(const SaEntry& entry) const;
  void put_new(std::unique_ptr<Sa> sa);
  const Eroute* find_eroute(const Selector& selector) const;
  int64_t eroutes_to(Slot slot) const;  // how many eroutes name the SA

  Expected<SaList> check_members(std::span<const SaId> members, const SaGroup* own) const;
  Expected<void> check_place(const SaEntry& entry, size_t place) const;
  Expected<void> check_allocations(const Sa& sa) const;
  Expected<void> check_translation(std::span<Sa* const> members) const;
  SaGroup* make_group(std::span<Sa* const> members);
  void put_alone(const SaId& id);
  void take_out(const SaId& id);
  void put_group(std::span<Sa* const> members);
  void remove_sa(const SaId& id);
  void drop_eroute(const Selector& selector);
  void count_eroute(const Eroute& eroute, int64_t change);
  void end_trap_holds(const Selector& edited);

  Expected<std::unique_ptr<Sa>> create(SaSpec spec) const;
  void spend_keys(const Sa& sa);
  void find_heirs();
  Expected<Slot> reserve(const Sa& sa);
  Expected<const Eroute*> check_selector(const Selector& selector, ErouteMode mode) const;
  Expected<void> put_eroute(Eroute eroute, const Eroute* present, const SaEntry* target);
  void release_unused(const SaId& id);
  void tell_of_sa(const SaId& id, const SaEntry& now, SaChangeListener& listener) const;
  void abandon();
  void forget();

  void make_lone_groups();
  void link_allocations();
  void link_sas();
  void link_sa(const SaId& id, const SaEntry& now);
  void take_over();
  void settle_numbers();
  void retire_replaced(const SaEntry& old, const SaEntry& now);
  void count_change(const SaEntry& old, const SaEntry& now);
  void link_addresses();
  void link_eroutes();
  void finish();

  SaTables& tables;
  Versions& versions;
  Pace* pace;
  std::unordered_map<SaId, SaEntry, Remembered<SaIdHash>> entries;  // changed ones; sa null: deleted
  std::unordered_map<Selector, StagedEroute, Remembered<SelectorHash>> eroutes;
  struct ErouteChange {
    SaId id;
    int64_t eroutes;  // added to the SA, minus those taken away
  };
  std::unordered_map<Slot, ErouteChange> eroute_changes;
  std::unordered_map<Sa*, uint64_t> allocations;  // eroutes pointed at an SA that has a lifetime
  // Keys of SAs that these edits delete, with about how far they are used; and of the SAs that have them now, those
  // made by the edits. Where numbers really end and begin is settled at the last moment: workers go on sending.
  SpentKeys spent_keys;
  std::unordered_map<KeyFingerprint, uint64_t, KeyFingerprintHash> leaving_keys;  // what is reserved of their numbers
  struct Keyed {
    Sa* sa;
    KeyFingerprint keys;
  };
  std::vector<Keyed> heirs;
  std::vector<Keyed> leaving;  // by link()
  // Made by the edits; the tables take over those that the last edit leaves.
  std::vector<std::unique_ptr<Sa>> new_sas;
  std::vector<std::unique_ptr<SaGroup>> new_groups;

  // Once everything has been cleared only what was added since can be there, so that clearing again costs no more than
  // that.
  bool sas_cleared = false, eroutes_cleared = false;
  std::deque<SaId> sas_added;
  std::deque<Selector> eroutes_added;

  // What link() leaves for its last moment, because it has no versions and others may look at it.
  bool linked = false;
  uint32_t sas_more = 0, groups_more = 0;                            // modulo 2^32
  std::vector<Sa*> new_lifetimes;                                    // SAs that have one, and that the tables own now
  std::vector<std::pair<Selector, const TrapHold*>> trap_holds_now;  // null: none
};

namespace {

template <class T>
void retire(const T* object, Versions& versions) {
  versions.retire({const_cast<T*>(object), nullptr, [](void* retired, void*) { delete static_cast<T*>(retired); }});
}

// Whether some flow could have either.
bool overlap(const Selector& one, const Selector& other) noexcept {
  const auto prefixes = [](const IpPrefix& a, const IpPrefix& b) {
    return a.bits < b.bits ? a.contains(b.address) : b.contains(a.address);
  };
  const auto given = [](uint16_t a, uint16_t b) { return a == 0 || b == 0 || a == b; };
  const auto icmp = [](std::optional<uint8_t> a, std::optional<uint8_t> b) { return !a || !b || *a == *b; };
  return one.family() == other.family() && prefixes(one.source, other.source) &&
         prefixes(one.destination, other.destination) && given(one.protocol, other.protocol) &&
         given(one.source_port, other.source_port) && given(one.destination_port, other.destination_port) &&
         icmp(one.icmp_type, other.icmp_type) && icmp(one.icmp_code, other.icmp_code);
}

std::string ungroup_command(const SaGroup& group) {
  return "spigrp --said " + group.at(0)->id.text();
}

// The entries of a map by their keys. `step` is called now and then.
template <class Map, class Step>
std::vector<const typename Map::value_type*> in_order(const Map& map, Step step) {
  std::vector<const typename Map::value_type*> entries;
  entries.reserve(map.size());
  for (const auto& entry : map) {
    step();
    entries.push_back(&entry);
  }
  std::sort(entries.begin(), entries.end(), [&](const auto* a, const auto* b) {
    step();
    return a->first < b->first;
  });
  return entries;
}

template <class Map, class Step>
void clear_by_steps(Map& map, Step step) {
  while (!map.empty()) {
    map.erase(map.begin());
    step();
  }
}

// Numbers of an SA that goes, for as long as workers may still send with it: some milliseconds, at the most that they
// can. One that has sent nothing for all its life most likely only receives.
constexpr uint64_t kLeftToWorkers = 1u << 17, kLeftToIdle = 1u << 13;

bool has_same_keys(const Sa& sa, const SaSpec& spec) {
  return spec.encryption_key == sa.saved_encryption_key && spec.authentication_key == sa.saved_authentication_key;
}

// SAs that can be known by their addresses alone.
bool has_address_key(const SaId& id) {
  return id.protocol == SaProtocol::kTunnel || id.protocol == SaProtocol::kComp;
}

// Such an SA stands for its group when it can be outermost on the wire and the group is complete as it was made. A
// tunnel header is followed to the ESP or AH below it, so a tun SA stands for groups that have neither.
bool is_known_by_addresses(const SaEntry& entry) {
  return entry.sa != nullptr && entry.place >= entry.group->last_required() &&
         (entry.sa->id.protocol == SaProtocol::kComp || !entry.group->protects()) &&
         (entry.grouped || entry.dissolved_by == 0);
}

}  // namespace

const SaEntry* SaEdit::Staged::find_any(const SaId& id) const {
  if (const auto staged = entries.find(id); staged != entries.end()) return &staged->second;
  const Slot slot = tables.sas_->find_slot(sa_key(id));
  return slot == kNoSlot ? nullptr : tables.sas_->newest(slot);
}

const SaEntry* SaEdit::Staged::find(const SaId& id) const {
  const SaEntry* entry = find_any(id);
  return entry == nullptr || entry->sa == nullptr ? nullptr : entry;
}

// An entry that is there, among those that change.
SaEntry& SaEdit::Staged::to_change(const SaId& id) {
  if (const auto staged = entries.find(id); staged != entries.end()) return staged->second;
  return entries.emplace(id, *find_any(id)).first->second;
}

// All of its group, the SA itself included.
SaEdit::Staged::SaList SaEdit::Staged::members_of(const SaEntry& entry) const {
  if (!entry.grouped) return {entry.sa};
  return {entry.group->members().begin(), entry.group->members().end()};
}

void SaEdit::Staged::put_new(std::unique_ptr<Sa> sa) {
  tables.udp_ports_->share(*sa);
  new_sas.push_back(std::move(sa));
}

const Eroute* SaEdit::Staged::find_eroute(const Selector& selector) const {
  const auto staged = eroutes.find(selector);
  if (staged == eroutes.end()) return tables.eroutes_->newest(selector);
  return staged->second.eroute ? &*staged->second.eroute : nullptr;
}

int64_t SaEdit::Staged::eroutes_to(Slot slot) const {
  const int64_t linked = tables.eroutes_to_[slot];
  const auto change = eroute_changes.find(slot);
  return change == eroute_changes.end() ? linked : linked + change->second.eroutes;
}

// What must hold of SAs that are to become a group, which they are returned for; those in `own` may stay where they
// are.
Expected<SaEdit::Staged::SaList> SaEdit::Staged::check_members(std::span<const SaId> members,
                                                               const SaGroup* own) const {
  SaList sas;
  if (members.size() < 2) return failure("group", "needs two or more SAs");
  if (members.size() > kMaxGroupSas) {
    return failure("group of " + members[0].text(),
                   "has " + std::to_string(members.size()) + " SAs, and at most 8 can be grouped");
  }
  for (size_t place = 0; place < members.size(); ++place) {
    const SaId& id = members[place];
    if (std::find(members.begin(), members.begin() + static_cast<ptrdiff_t>(place), id) !=
        members.begin() + static_cast<ptrdiff_t>(place)) {
      return failure(id.text(), "is listed twice", "list each SA once");
    }
    const SaEntry* entry = find(id);
    if (entry == nullptr) return failure(id.text(), "no such SA", "make it first with: spi");
    if (entry->grouped && entry->group != own) {
      return failure(id.text(), "already in group " + entry->group->at(0)->id.text(),
                     "ungroup it first with: " + ungroup_command(*entry->group));
    }
    if (const auto allowed = check_place(*entry, place); !allowed) return tl::unexpected(allowed.error());
    sas.push_back(entry->sa);
  }
  if (const auto allowed = check_translation(sas); !allowed) return tl::unexpected(allowed.error());
  return sas;
}

// ah protects the addresses of its IP header, which a translator changes; UDP encapsulation is there for translators,
// and RFC 3948 has none of ah.
Expected<void> SaEdit::Staged::check_translation(std::span<Sa* const> members) const {
  const SaId *ah = nullptr, *in_udp = nullptr;  // behind the present IP header
  for (const Sa* sa : members) {
    if (sa->id.protocol == SaProtocol::kTunnel) ah = in_udp = nullptr;
    if (sa->id.protocol == SaProtocol::kAh) ah = &sa->id;
    if (sa->udp) in_udp = &sa->id;
    if (ah == nullptr || in_udp == nullptr) continue;
    return failure(ah->text(), "would protect the IP header of " + in_udp->text() + ", which is UDP-encapsulated",
                   "leave it out, or put a tun SA between the two");
  }
  return {};
}

// An eroute leads to the first SA of a group; behind another it would protect less than it seems to.
Expected<void> SaEdit::Staged::check_place(const SaEntry& entry, size_t place) const {
  if (place == 0 || eroutes_to(entry.slot) == 0) return {};
  return failure(entry.sa->id.text(), "an eroute leads to it, so it can only be the first of a group",
                 "list it first, or point the eroute elsewhere with: eroute --replace");
}

Expected<void> SaEdit::Staged::check_allocations(const Sa& sa) const {
  if (sa.lifetime == nullptr || sa.lifetime->spec().hard.allocations == 0) return {};
  const auto staged = allocations.find(const_cast<Sa*>(&sa));
  const uint64_t so_far = sa.lifetime->allocations() + (staged == allocations.end() ? 0 : staged->second);
  if (so_far < sa.lifetime->spec().hard.allocations) return {};
  return failure(sa.id.text(), "its lifetime allows no further eroute (hard-allocations)", "make a new SA");
}

SaGroup* SaEdit::Staged::make_group(std::span<Sa* const> members) {
  auto group = std::make_unique<SaGroup>(members);
  new_groups.push_back(std::move(group));
  return new_groups.back().get();
}

void SaEdit::Staged::put_group(std::span<Sa* const> members) {
  const SaGroup* group = make_group(members);
  for (size_t place = 0; place < members.size(); ++place) {
    SaEntry& entry = to_change(members[place]->id);
    entry.sa = members[place];
    entry.group = group;
    entry.place = static_cast<uint8_t>(place);
    entry.grouped = true;
  }
}

// In no group of two or more. Most SAs that are made are grouped by the same transaction, so the group of one is made
// by link().
void SaEdit::Staged::put_alone(const SaId& id) {
  SaEntry& entry = to_change(id);
  entry.group = nullptr;
  entry.place = 0;
  entry.grouped = false;
}

void SaEdit::Staged::take_out(const SaId& id) {
  put_alone(id);
  entries.at(id).dissolved_by = tables.edit_number_;
}

// A number must not come twice with the same keys (RFC 4303 section 2.2).
Expected<std::unique_ptr<Sa>> SaEdit::Staged::create(SaSpec spec) const {
  const bool may_be_spent = is_numbered(spec.id) && !(spent_keys.empty() && tables.spent_keys_.empty());
  if (may_be_spent) {
    const KeyFingerprint fingerprint = fingerprint_of(spec.encryption_key, spec.authentication_key);
    const uint64_t used = std::max(spent_keys.used_up_to(fingerprint), tables.spent_keys_.used_up_to(fingerprint));
    const uint64_t last = spec.extended_sequence ? Sequence::kLast64 : Sequence::kLast32;
    spec.sent = std::max(spec.sent, std::min(used, last));
  }
  return Sa::create(spec);
}

void SaEdit::Staged::spend_keys(const Sa& sa) {
  if (!is_numbered(sa.id)) return;
  const SpentKey key = spent_key_of(sa);
  spent_keys.add(key);
  const Sequence& sequence = sa.sequence;
  uint64_t& reserved = leaving_keys.try_emplace(key.fingerprint, 0).first->second;
  if (sequence.limit() != sequence.last()) reserved = std::max(reserved, sequence.limit());
}

// Of the keys that leave, those that SAs have which the edits make and do not delete again, whichever came first. They
// begin behind what is known to be used by now.
void SaEdit::Staged::find_heirs() {
  heirs.clear();
  if (leaving_keys.empty()) return;
  for (const std::unique_ptr<Sa>& sa : new_sas) {
    if (sa == nullptr || !is_numbered(sa->id) || entries.at(sa->id).sa != sa.get()) continue;
    const KeyFingerprint keys = fingerprint_of(*sa);
    const auto reserved = leaving_keys.find(keys);
    if (reserved == leaving_keys.end()) continue;
    sa->sequence.begin_behind(spent_keys.used_up_to(keys));
    // At least what is reserved already of these keys is to be its own.
    const uint64_t ahead = reserved->second - std::min(reserved->second, sa->sequence.sent());
    sa->marks.reserve_ahead = std::max(sa->marks.reserve_ahead, ahead);
    heirs.push_back({sa.get(), keys});
  }
}

void SaEdit::Staged::remove_sa(const SaId& id) {
  SaEntry& entry = to_change(id);
  spend_keys(*entry.sa);
  entry = {.slot = entry.slot, .dissolved_by = entry.grouped ? tables.edit_number_ : entry.dissolved_by};
}

// Returns the eroute that has this selector, or null.
Expected<const Eroute*> SaEdit::Staged::check_selector(const Selector& selector, ErouteMode mode) const {
  if (const auto valid = validate(selector); !valid) return tl::unexpected(valid.error());
  const Eroute* present = find_eroute(selector);
  if (present == nullptr || mode == ErouteMode::kReplace || present->by_trap) return present;
  return failure("eroute " + selector.text(), "exists already and leads to " + text(present->target),
                 "change it with: eroute --replace");
}

// In the place of the one that has this selector, or null; to an SA, or null.
Expected<void> SaEdit::Staged::put_eroute(Eroute eroute, const Eroute* present, const SaEntry* target) {
  const Selector selector = eroute.selector;
  const auto slot = tables.eroutes_->reserve(selector);
  if (!slot) return tl::unexpected(slot.error());
  eroute.slot = *slot;
  eroute.pointed_by = ++tables.edit_number_;
  if (eroute.target == ErouteTarget(MagicTarget::kHold)) {
    // One hold after another goes on holding the same packet.
    eroute.held = present != nullptr && present->held ? present->held : std::make_shared<HeldPacket>(tables.released_);
  }
  if (present != nullptr) drop_eroute(selector);
  count_eroute(eroute, 1);
  if (target != nullptr && target->sa->lifetime != nullptr) ++allocations[target->sa];
  eroutes[selector] = {std::move(eroute)};
  eroutes_added.push_back(selector);
  end_trap_holds(selector);
  return {};
}

void SaEdit::Staged::drop_eroute(const Selector& selector) {
  const Eroute* eroute = find_eroute(selector);
  count_eroute(*eroute, -1);
  eroutes[selector] = {};
}

void SaEdit::Staged::count_eroute(const Eroute& eroute, int64_t change) {
  const auto* id = std::get_if<SaId>(&eroute.target);
  if (id != nullptr) eroute_changes.try_emplace(eroute.head, *id, 0).first->second.eroutes += change;
}

// An edit of an eroute may answer an acquire, or mean that a flow has another eroute than the trap: then the hold must
// not go before it. A %trapsubnet's hold goes only before what its trap went before.
void SaEdit::Staged::end_trap_holds(const Selector& edited) {
  for (const auto& [flow, hold] : tables.trap_holds_) {
    if (!hold.in_its_place && !eroutes.contains(flow) && overlap(flow, edited)) drop_eroute(flow);
  }
}

// Takes the table slots that linking this SA will need, and returns its own.
Expected<Slot> SaEdit::Staged::reserve(const Sa& sa) {
  const auto slot = tables.sas_->insert(sa_key(sa.id));
  if (!slot || !has_address_key(sa.id)) return slot;
  const auto address_slot = tables.by_addresses_->insert(address_key(sa));
  if (address_slot) return slot;
  // Nothing else is going to give this one back.
  if (!entries.contains(sa.id) && tables.sas_->newest(*slot) == nullptr) {
    tables.sas_->release(sa_key(sa.id), versions);
  }
  return tl::unexpected(address_slot.error());
}

// Of an SA that is not there, and that no eroute names.
void SaEdit::Staged::release_unused(const SaId& id) {
  const SaKey key = sa_key(id);
  const Slot slot = tables.sas_->find_slot(key);
  const bool unused = slot != kNoSlot && tables.sas_->newest(slot) == nullptr && !entries.contains(id);
  if (unused) tables.sas_->release(key, versions);
}

// Nothing was linked: gives the slots back that nothing else needs.
void SaEdit::Staged::abandon() {
  for (const auto& [id, entry] : entries) {
    step();
    const SaKey key = sa_key(id);
    const Slot slot = tables.sas_->find_slot(key);
    if (slot != kNoSlot && tables.sas_->newest(slot) == nullptr) tables.sas_->release(key, versions);
  }
  for (const auto& sa : new_sas) {
    step();
    if (!has_address_key(sa->id) || tables.same_addresses_.contains(address_key(*sa))) continue;
    tables.by_addresses_->release(address_key(*sa), versions);
  }
  for (const auto& [selector, eroute] : eroutes) {
    step();
    tables.eroutes_->abandon(selector, versions);
  }
}

void SaEdit::Staged::forget() {
  const auto next = [this] { step(); };
  clear_by_steps(entries, next);
  clear_by_steps(eroutes, next);
  clear_by_steps(eroute_changes, next);
  clear_by_steps(leaving_keys, next);
  clear_by_steps(allocations, next);
  for (std::unique_ptr<Sa>& sa : new_sas) {
    step();
    sa.reset();
  }
  for (std::unique_ptr<SaGroup>& group : new_groups) {
    step();
    group.reset();
  }
}

void SaEdit::Staged::make_lone_groups() {
  for (auto& [id, entry] : entries) {
    step();
    if (entry.sa != nullptr && entry.group == nullptr) entry.group = make_group({&entry.sa, 1});
  }
}

// Not by steps: allocations have no versions, and nobody is to look at them before the rest is published.
void SaEdit::Staged::link_allocations() {
  for (const auto& [sa, count] : allocations) {
    const SaEntry* linked = tables.newest(sa->id);
    const bool watched = linked != nullptr && linked->sa == sa;
    if (watched) tables.lifetimes_.remove(*sa);
    sa->lifetime->allocate(count);
    if (watched) tables.lifetimes_.add(*sa);
  }
  for (Sa* sa : new_lifetimes) {  // of whose eroutes before these may be some
    tables.lifetimes_.remove(*sa);
    sa->lifetime->begin_allocations();
    tables.lifetimes_.add(*sa);
  }
}

void SaEdit::Staged::link_sas() {
  for (const auto& [id, now] : entries) {
    step();
    link_sa(id, now);
  }
  take_over();
}

void SaEdit::Staged::link_sa(const SaId& id, const SaEntry& now) {
  const Slot slot = now.slot;
  const SaEntry* linked = tables.sas_->newest(slot);
  const SaEntry old = linked == nullptr ? SaEntry{} : *linked;
  if (now.sa != nullptr || tables.eroutes_to_[slot] > 0) {
    tables.sas_->set(slot, now, versions);
  } else {
    if (linked != nullptr) tables.sas_->erase(slot, versions);
    tables.sas_->release(sa_key(id), versions);
  }
  retire_replaced(old, now);
  count_change(old, now);
}

// Of the SAs that go a worker may send until it sees the next generation: their numbers end here, and their heirs'
// begin behind them, with what is reserved of the numbers of these keys meanwhile.
void SaEdit::Staged::settle_numbers() {
  std::unordered_map<KeyFingerprint, uint64_t, KeyFingerprintHash> reserved;
  for (const Keyed& old : leaving) {
    Sequence& sequence = old.sa->sequence;
    if (!heirs.empty()) {
      uint64_t& limit = reserved.try_emplace(old.keys, 0).first->second;
      limit = std::max(limit, sequence.limit());
    }
    const bool sends = sequence.sent() != old.sa->marks.began_sent;
    const uint64_t end = sequence.close(sends ? kLeftToWorkers : kLeftToIdle);
    tables.spent_keys_.add({old.keys, end});
  }
  for (const Keyed& heir : heirs) {
    const uint64_t number = tables.spent_keys_.used_up_to(heir.keys);
    heir.sa->sequence.begin_behind(number);
    if (const auto limit = reserved.find(heir.keys); limit != reserved.end()) {
      heir.sa->sequence.raise_limit(limit->second);
    }
    heir.sa->marks.began_sent = heir.sa->sequence.sent();
  }
}

// The tables own what an entry of theirs points at.
void SaEdit::Staged::take_over() {
  for (std::unique_ptr<SaGroup>& group : new_groups) {
    step();
    if (entries.at(group->at(0)->id).group == group.get()) group.release();
  }
  for (std::unique_ptr<Sa>& sa : new_sas) {
    step();
    if (entries.at(sa->id).sa != sa.get()) continue;
    if (sa->lifetime != nullptr) new_lifetimes.push_back(sa.get());
    tables.lifetimes_.add(*sa.release());
  }
}

// A group changes for all its members in one edit, so its first one stands for it.
void SaEdit::Staged::retire_replaced(const SaEntry& old, const SaEntry& now) {
  if (old.sa == nullptr) return;
  if (old.place == 0 && old.group != now.group) retire(old.group, versions);
  if (old.sa == now.sa) return;
  if (is_numbered(old.sa->id)) leaving.push_back({old.sa, fingerprint_of(*old.sa)});
  tables.lifetimes_.remove(*old.sa);
  retire(old.sa, versions);
}

void SaEdit::Staged::count_change(const SaEntry& old, const SaEntry& now) {
  if (old.sa != nullptr) --sas_more;
  if (now.sa != nullptr) ++sas_more;
  if (old.grouped && old.place == 0) --groups_more;
  if (now.grouped && now.place == 0) ++groups_more;
}

void SaEdit::Staged::link_addresses() {
  std::set<AddressKey> touched;
  // First what goes, then what comes, because a change may be both.
  for (const auto& [id, now] : entries) {
    step();
    if (!has_address_key(id)) continue;
    const SaEntry* old = tables.sas_->newest(now.slot);
    if (old == nullptr || old->sa == nullptr) continue;
    SaTables::SameAddresses& same = tables.same_addresses_[*touched.insert(address_key(*old->sa)).first];
    --same.sas;
    if (is_known_by_addresses(*old)) same.groups.erase(old->group);
  }
  for (const auto& [id, now] : entries) {
    step();
    if (now.sa == nullptr || !has_address_key(id)) continue;
    SaTables::SameAddresses& same = tables.same_addresses_[*touched.insert(address_key(*now.sa)).first];
    ++same.sas;
    if (is_known_by_addresses(now)) same.groups.insert(now.group);
  }
  // A slot was taken for each such SA that was made, also for those which a later edit deleted again.
  for (const auto& sa : new_sas) {
    step();
    if (has_address_key(sa->id)) touched.insert(address_key(*sa));
  }
  for (const AddressKey& key : touched) {
    step();
    const SaTables::SameAddresses& same = tables.same_addresses_[key];
    const Slot slot = tables.by_addresses_->find_slot(key);
    if (!same.groups.empty()) {
      tables.by_addresses_->set(slot, *same.groups.rbegin(), versions);
    } else if (tables.by_addresses_->newest(slot) != nullptr) {
      tables.by_addresses_->erase(slot, versions);
    }
    if (same.sas > 0) continue;
    tables.by_addresses_->release(key, versions);
    tables.same_addresses_.erase(key);
  }
}

void SaEdit::Staged::link_eroutes() {
  for (const auto& [selector, staged] : eroutes) {
    step();
    if (staged.hold || tables.trap_holds_.contains(selector)) trap_holds_now.emplace_back(selector, staged.hold.get());
    if (staged.eroute) {
      tables.eroutes_->set(*staged.eroute, versions);
    } else if (tables.eroutes_->newest(selector) != nullptr) {
      tables.eroutes_->erase(selector, versions);
    } else {
      tables.eroutes_->abandon(selector, versions);
    }
  }
  for (const auto& [slot, change] : eroute_changes) {
    step();
    tables.eroutes_to_[slot] = static_cast<uint32_t>(tables.eroutes_to_[slot] + change.eroutes);
    // A deleted SA that no eroute names any more leaves the table for good.
    const SaEntry* entry = tables.sas_->newest(slot);
    if (tables.eroutes_to_[slot] > 0 || entry == nullptr || entry->sa != nullptr || entries.contains(change.id))
      continue;
    tables.sas_->erase(slot, versions);
    tables.sas_->release(sa_key(change.id), versions);
  }
}

void SaEdit::Staged::finish() {
  for (const auto& [selector, hold] : trap_holds_now) {
    tables.trap_holds_.erase(selector);
    if (hold) tables.trap_holds_.emplace(selector, *hold);
  }
  if (!eroutes.empty()) tables.eroutes_->publish_shapes(versions);
  tables.sa_count_ += sas_more;
  tables.group_count_ += groups_more;
  linked = true;
}

// As it is now, and as it was.
void SaEdit::Staged::tell_of_sa(const SaId& id, const SaEntry& now, SaChangeListener& listener) const {
  const SaEntry* linked = tables.sas_->newest(now.slot);
  const SaEntry old = linked == nullptr ? SaEntry{} : *linked;
  if (now.sa != old.sa) listener.sa(id, now.sa);
  if (now.sa != old.sa && old.sa != nullptr && is_numbered(id)) {
    // All that it may use until the transaction is published, however long that takes.
    listener.spent_key({fingerprint_of(*old.sa), old.sa->sequence.limit()});
  }
  // Eroutes to an SA that is gone are told of as if a group had been dissolved: what it would head is not known.
  const uint64_t gone_by = eroutes_to(now.slot) > 0 ? tables.edit_number_ : 0;
  const bool was_gone = linked != nullptr && old.sa == nullptr;
  const uint64_t dissolved_by = now.sa != nullptr ? now.dissolved_by : gone_by;
  if (was_gone || dissolved_by != old.dissolved_by) listener.dissolved(id, dissolved_by);
  const bool headed = old.grouped && old.place == 0, heads = now.grouped && now.place == 0;
  if (heads && now.group != old.group) listener.group(id, now.group);
  if (headed && !heads) listener.group(id, nullptr);
}

SaEdit::SaEdit(SaTables& tables, Versions& versions, Pace* pace)
    : staged_(std::make_unique<Staged>(tables, versions, pace)) {}

void SaEdit::expect(size_t edits) {
  staged_->entries.reserve(edits);
  staged_->eroutes.reserve(edits);
}

SaEdit::~SaEdit() {
  if (!staged_->linked) staged_->abandon();
  staged_->forget();
}

Expected<void> SaEdit::add_sa(const SaSpec& spec) {
  const SaEntry* before = staged_->find_any(spec.id);
  if (before != nullptr && before->sa != nullptr) {
    return failure(spec.id.text(), "exists already", "delete it first with: spi --del --said " + spec.id.text());
  }
  auto sa = staged_->create(spec);
  if (!sa) return tl::unexpected(sa.error());
  const auto slot = staged_->reserve(**sa);
  if (!slot) return failure(spec.id.text(), slot.error().problem, slot.error().remedy);
  ++staged_->tables.edit_number_;
  const uint64_t dissolved_by = before == nullptr ? 0 : before->dissolved_by;
  staged_->entries[spec.id] = {.sa = sa->get(), .slot = *slot, .dissolved_by = dissolved_by};
  staged_->put_new(std::move(*sa));
  staged_->sas_added.push_back(spec.id);
  return {};
}

Expected<void> SaEdit::replace_sa(const SaSpec& spec) {
  const SaEntry* present = staged_->find(spec.id);
  if (present == nullptr) return failure(spec.id.text(), "no such SA", "make it first, without --replace");
  const Sa& old = *present->sa;
  staged_->spend_keys(old);
  SaSpec after = spec;
  if (has_same_keys(old, spec)) after.received = std::max(spec.received, old.replay.highest());
  auto sa = staged_->create(std::move(after));
  if (!sa) return tl::unexpected(sa.error());
  if (has_address_key(spec.id) && address_key(**sa) != address_key(old)) {
    return failure(spec.id.text(), "comes from " + old.source.text() + ", and is known by it",
                   "give the same --src, or delete the SA and make another");
  }
  Staged::SaList group = staged_->members_of(*present);
  group[present->place] = sa->get();
  const bool grouped = present->grouped;
  ++staged_->tables.edit_number_;
  SaEntry& entry = staged_->to_change(spec.id);
  entry.sa = sa->get();
  if (entry.sa->lifetime != nullptr) {
    staged_->allocations[entry.sa] += static_cast<uint64_t>(staged_->eroutes_to(entry.slot));
  }
  staged_->put_new(std::move(*sa));
  if (!grouped) {
    staged_->put_alone(spec.id);
    return {};
  }
  staged_->put_group(group);
  return staged_->check_translation(group);
}

Expected<void> SaEdit::delete_sa(const SaId& id) {
  const SaEntry* entry = staged_->find(id);
  if (entry == nullptr) return failure(id.text(), "no such SA", "spi lists those there are");
  ++staged_->tables.edit_number_;
  for (const Sa* member : staged_->members_of(*entry)) staged_->remove_sa(member->id);
  return {};
}

void SaEdit::clear_sas() {
  ++staged_->tables.edit_number_;
  std::deque<SaId> all = std::exchange(staged_->sas_added, {});
  VersionedMap<SaKey, SaEntry>& sas = *staged_->tables.sas_;
  const Slot linked = std::exchange(staged_->sas_cleared, true) ? 0 : sas.slot_count();
  for (Slot slot = 0; slot < linked; ++slot) {
    staged_->step();
    const SaEntry* entry = sas.newest(slot);
    if (entry != nullptr && entry->sa != nullptr) all.push_back(entry->sa->id);
  }
  for (const SaId& id : all) {
    staged_->step();
    if (staged_->find(id) != nullptr) staged_->remove_sa(id);
  }
}

Expected<void> SaEdit::group(std::span<const SaId> members) {
  const auto sas = staged_->check_members(members, nullptr);
  if (!sas) return tl::unexpected(sas.error());
  ++staged_->tables.edit_number_;
  staged_->put_group(*sas);
  return {};
}

Expected<void> SaEdit::replace_group(std::span<const SaId> members) {
  if (members.empty()) return failure("group", "needs two or more SAs");
  const SaEntry* head = staged_->find(members[0]);
  if (head == nullptr) return failure(members[0].text(), "no such SA", "make it first with: spi");
  if (!head->grouped) return failure(members[0].text(), "is in no group", "group it without --replace");
  if (head->place != 0) {
    return failure(members[0].text(), "is not the first of its group",
                   "name the group by its first SA, " + head->group->at(0)->id.text());
  }
  if (members.size() == 1) {
    return failure(members[0].text(), "a group has two or more SAs",
                   "list them, or dissolve the group with: " + ungroup_command(*head->group));
  }
  const auto sas = staged_->check_members(members, head->group);
  if (!sas) return tl::unexpected(sas.error());
  const std::vector<SaId> before = ids_of(*head->group);
  ++staged_->tables.edit_number_;
  staged_->put_group(*sas);
  for (const SaId& id : before) {
    if (std::find(members.begin(), members.end(), id) == members.end()) staged_->take_out(id);
  }
  return {};
}

Expected<void> SaEdit::ungroup(const SaId& member) {
  const SaEntry* entry = staged_->find(member);
  if (entry == nullptr) return failure(member.text(), "no such SA", "spigrp lists the groups there are");
  if (!entry->grouped) return failure(member.text(), "is in no group", "spigrp lists the groups there are");
  ++staged_->tables.edit_number_;
  for (const SaId& id : ids_of(*entry->group)) staged_->take_out(id);
  return {};
}

Expected<void> SaEdit::set_eroute(const Selector& selector, const ErouteTarget& target, ErouteMode mode) {
  const auto present = staged_->check_selector(selector, mode);
  if (!present) return tl::unexpected(present.error());
  Eroute eroute{.selector = selector, .target = target};
  const SaEntry* entry = nullptr;
  if (const auto* id = std::get_if<SaId>(&target)) {
    entry = staged_->find(*id);
    if (entry == nullptr) return failure(id->text(), "no such SA", "make it first with: spi");
    if (entry->place != 0) {
      return failure(id->text(), "is not the first of its group",
                     "point the eroute at " + entry->group->at(0)->id.text());
    }
    if (const auto allowed = staged_->check_allocations(*entry->sa); !allowed) return allowed;
    eroute.head = entry->slot;
  }
  return staged_->put_eroute(std::move(eroute), *present, entry);
}

Expected<void> SaEdit::set_dissolved_eroute(const Selector& selector, const SaId& target, ErouteMode mode) {
  const auto present = staged_->check_selector(selector, mode);
  if (!present) return tl::unexpected(present.error());
  const SaEntry* entry = staged_->find(target);
  if (entry != nullptr && entry->grouped) {
    return failure(target.text(), "is in a group", "point the eroute at the group, without --dissolved");
  }
  const auto head = staged_->tables.sas_->insert(sa_key(target));
  if (!head) return failure(target.text(), head.error().problem, head.error().remedy);
  Eroute eroute{.selector = selector, .target = target, .head = *head};
  if (const auto put = staged_->put_eroute(std::move(eroute), *present, entry); !put) {
    staged_->release_unused(target);
    return put;
  }
  SaEntry now = entry == nullptr ? SaEntry{.slot = *head} : *entry;
  now.dissolved_by = ++staged_->tables.edit_number_;
  staged_->entries[target] = now;
  return {};
}

Expected<void> SaEdit::delete_eroute(const Selector& selector) {
  if (const auto valid = validate(selector); !valid) return valid;
  if (staged_->find_eroute(selector) == nullptr) {
    return failure("eroute " + selector.text(), "no such eroute", "eroute lists those there are");
  }
  staged_->drop_eroute(selector);
  staged_->end_trap_holds(selector);
  return {};
}

void SaEdit::clear_eroutes() {
  std::deque<Selector> all = std::exchange(staged_->eroutes_added, {});
  const ErouteTable& eroutes = *staged_->tables.eroutes_;
  const Slot linked = std::exchange(staged_->eroutes_cleared, true) ? 0 : eroutes.slot_count();
  for (Slot slot = 0; slot < linked; ++slot) {
    staged_->step();
    if (const Eroute* eroute = eroutes.newest_at(slot)) all.push_back(eroute->selector);
  }
  for (const Selector& selector : all) {
    staged_->step();
    if (staged_->find_eroute(selector) != nullptr) staged_->drop_eroute(selector);
  }
}

Expected<void> SaEdit::hold_for_trap(const Selector& flow, const Selector& trap) {
  if (const auto valid = validate(flow); !valid) return valid;
  const auto slot = staged_->tables.eroutes_->reserve(flow);
  if (!slot) return tl::unexpected(slot.error());
  const bool in_its_place = flow == trap;
  const uint64_t number = ++staged_->tables.edit_number_;
  if (staged_->find_eroute(flow) != nullptr) staged_->drop_eroute(flow);
  staged_->eroutes[flow] = {Eroute{.selector = flow,
                                   .target = MagicTarget::kHold,
                                   .slot = *slot,
                                   .pointed_by = number,
                                   .held = std::make_shared<HeldPacket>(staged_->tables.released_),
                                   .by_trap = !in_its_place},
                            std::make_unique<TrapHold>(TrapHold{trap, number, in_its_place})};
  staged_->eroutes_added.push_back(flow);
  return {};
}

void SaEdit::expire_hold(const Selector& flow) {
  const auto made = staged_->tables.trap_holds_.find(flow);
  if (made == staged_->tables.trap_holds_.end() || staged_->eroutes.contains(flow)) return;
  const Eroute* hold = staged_->find_eroute(flow);
  hold->held->expire();
  const Slot slot = hold->slot;
  staged_->drop_eroute(flow);
  if (!made->second.in_its_place) return;
  staged_->eroutes[flow] = {Eroute{.selector = flow,
                                   .target = MagicTarget::kTrapSubnet,
                                   .slot = slot,
                                   .pointed_by = ++staged_->tables.edit_number_}};
}

void SaEdit::tell(SaChangeListener& listener) const {
  staged_->find_heirs();
  const Staged& staged = *staged_;
  const auto step = [&] { staged.step(); };
  for (const auto* entry : in_order(staged.entries, step)) {
    step();
    staged.tell_of_sa(entry->first, entry->second, listener);
  }
  for (const auto* entry : in_order(staged.eroutes, step)) {
    step();
    const Staged::StagedEroute& change = entry->second;
    if (!change.hold) listener.eroute(entry->first, change.eroute ? &*change.eroute : nullptr);
  }
  for (const auto& [slot, change] : staged.eroute_changes) {
    step();
    if (staged.entries.contains(change.id)) continue;
    const SaEntry* entry = staged.tables.sas_->newest(slot);
    const bool is_left = entry == nullptr || entry->sa != nullptr || staged.eroutes_to(slot) > 0;
    if (!is_left) listener.dissolved(change.id, 0);
  }
}

void SaEdit::link() {
  staged_->find_heirs();
  staged_->make_lone_groups();
  staged_->link_addresses();
  staged_->link_eroutes();
  staged_->link_sas();
  staged_->link_allocations();
  staged_->settle_numbers();
  staged_->finish();
}

}  // namespace spigrp
