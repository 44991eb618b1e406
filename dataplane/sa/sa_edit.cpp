// See sa_edit.h. Nothing here changes the tables: what passes the checks is staged, and link() puts it in.
#include "sa/sa_edit.h"

#include <algorithm>
#include <list>
#include <utility>
#include <vector>

#include "sa/sa_staging.h"

namespace spigrp {
namespace {

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

}  // namespace

SaEdit::SaEdit(SaTables& tables, Versions& versions, Pace* pace)
    : staged_(std::make_unique<Staged>(tables, versions, pace)) {}

SaEdit::~SaEdit() {
  if (staged_->linked) {
    staged_->remember_spent_keys();
  } else {
    staged_->abandon();
  }
  staged_->forget();
}

void SaEdit::expect(size_t edits) {
  staged_->expected = edits;
  make_room(staged_->entries, edits);
  staged_->long_step();
  make_room(staged_->eroutes, edits);
  staged_->long_step();
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
  if (has_keys(old, spec.encryption_key, spec.authentication_key))
    after.received = std::max(spec.received, old.replay.highest());
  auto sa = staged_->create(std::move(after));
  if (!sa) return tl::unexpected(sa.error());
  (*sa)->marks.replaces = true;
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
  std::pmr::list<SaId> all(&staged_->memory);
  all.swap(staged_->sas_added);
  const VersionedMap<SaKey, SaEntry>& sas = *staged_->tables.sas_;
  const Slot linked = std::exchange(staged_->sas_cleared, true) ? 0 : sas.slot_count();
  if (linked > 0) {
    make_room(staged_->entries, staged_->tables.sa_count());
    make_room(staged_->leaving_keys, staged_->tables.sa_count());
  }
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

}  // namespace spigrp
