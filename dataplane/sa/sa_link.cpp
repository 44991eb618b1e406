// What SaEdit::link() does: the tables take over what was staged. Nothing here can fail.
#include <functional>
#include <set>
#include <string_view>
#include <utility>

#include "sa/sa_staging.h"

namespace spigrp {
namespace {

template <class T>
void retire(const T* object, Versions& versions) {
  versions.retire({const_cast<T*>(object), nullptr, [](void* retired, void*) { delete static_cast<T*>(retired); }});
}

// Such an SA stands for its group when it can be outermost on the wire and the group is complete as it was made. A
// tunnel header is followed to the ESP or AH below it, so a tun SA stands for groups that have neither.
bool is_known_by_addresses(const SaEntry& entry) {
  return entry.sa != nullptr && entry.place >= entry.group->last_required() &&
         (entry.sa->id.protocol == SaProtocol::kComp || !entry.group->protects()) &&
         (entry.grouped || entry.dissolved_by == 0);
}

std::string_view text_of(const Key& key) {
  return {reinterpret_cast<const char*>(key.bytes().data()), key.size()};
}

uint32_t hash_of_keys(const Sa& sa) {
  const std::hash<std::string_view> hash;
  const size_t one = hash(text_of(sa.saved_encryption_key)), other = hash(text_of(sa.saved_authentication_key));
  return static_cast<uint32_t>(one ^ other << 1);
}

}  // namespace

void SaEdit::link(const std::function<void()>& before_the_end) noexcept {
  staged_->find_heirs();
  staged_->make_lone_groups();
  staged_->link_addresses();
  staged_->link_eroutes();
  staged_->link_sas();
  if (before_the_end) before_the_end();
  staged_->link_allocations();
  staged_->settle_numbers();
  staged_->finish();
}

const SharedKeys& SaEdit::shared_keys() const noexcept {
  return staged_->shared_keys;
}

void SaEdit::Staged::make_lone_groups() {
  for (auto& [id, entry] : entries) {
    step();
    if (entry.sa != nullptr && entry.group == nullptr) entry.group = make_group({&entry.sa, 1});
  }
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

// The tables own what an entry of theirs points at.
void SaEdit::Staged::take_over() {
  for (std::unique_ptr<SaGroup>& group : new_groups) {
    step();
    if (entries.at(group->at(0)->id).group == group.get()) (void)group.release();
  }
  for (std::unique_ptr<Sa>& sa : new_sas) {
    step();
    const SaEntry& entry = entries.at(sa->id);
    if (entry.sa != sa.get()) continue;
    if (sa->lifetime != nullptr) begin_lifetime(*sa);
    note_keys(*sa, entry.slot);
    tables.lifetimes_.add(*sa.release());
  }
}

// By now those that go are not there any more; those that come, as far as they were made before. One that is still
// there was replaced, and has kept its keys.
void SaEdit::Staged::note_keys(const Sa& sa, Slot slot) {
  const bool has_keys = !sa.saved_encryption_key.empty() || !sa.saved_authentication_key.empty();
  LiveKeys& live = *tables.live_keys_;
  if (!has_keys || live.has(slot)) return;
  const uint32_t hash = hash_of_keys(sa);
  const Slot other = live.find(hash, [&](Slot at) { return share_keys(sa, *tables.sas_->newest(at)->sa); });
  live.add(slot, hash);
  if (other == kNoSlot) return;
  ++shared_keys.count;
  if (shared_keys.named.size() == SharedKeys::kMostNamed) return;
  shared_keys.named.push_back({sa.id, tables.sas_->newest(other)->sa->id});
}

// A group changes for all its members in one edit, so its first one stands for it.
void SaEdit::Staged::retire_replaced(const SaEntry& old, const SaEntry& now) {
  if (old.sa == nullptr) return;
  if (old.place == 0 && old.group != now.group) retire(old.group, versions);
  if (old.sa == now.sa) return;
  if (now.sa == nullptr || !share_keys(*old.sa, *now.sa)) tables.live_keys_->remove(now.slot);
  if (is_numbered(old.sa->id)) leaving.push_back({old.sa, &leaving_keys.at(fingerprint_of(*old.sa))});
  tables.lifetimes_.remove(*old.sa);
  retire(old.sa, versions);
}

void SaEdit::Staged::count_change(const SaEntry& old, const SaEntry& now) {
  if (old.sa != nullptr) --sas_more;
  if (now.sa != nullptr) ++sas_more;
  if (old.grouped && old.place == 0) --groups_more;
  if (now.grouped && now.place == 0) ++groups_more;
}

// Nobody can look at it yet.
void SaEdit::Staged::begin_lifetime(Sa& sa) {
  if (const auto now = allocations.find(&sa); now != allocations.end()) {
    sa.lifetime->allocate(now->second);
    allocations.erase(now);
  }
  sa.lifetime->begin_allocations();  // of whose eroutes before these may be some
}

// Of SAs that were there before. Not by steps: allocations have no versions, and nobody is to look at them before the
// rest is published.
void SaEdit::Staged::link_allocations() {
  for (const auto& [sa, count] : allocations) {
    const SaEntry* linked = tables.newest(sa->id);
    const bool may_end = sa->lifetime->spec().soft.allocations != 0;
    const bool watched = may_end && linked != nullptr && linked->sa == sa;
    if (watched) tables.lifetimes_.remove(*sa);
    sa->lifetime->allocate(count);
    if (watched) tables.lifetimes_.add(*sa);
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

}  // namespace spigrp
