// See sa_staging.h.
#include "sa/sa_staging.h"

#include <algorithm>

namespace spigrp {
namespace {

template <class Container, class Step>
void clear_by_steps(Container& container, Step step) {
  while (!container.empty()) {
    container.erase(container.begin());
    step();
  }
  container = Container(container.get_allocator());
  step();
}

template <class T, class Step>
void clear_by_steps(std::vector<T>& owners, Step step) {
  while (!owners.empty()) {
    owners.pop_back();
    step();
  }
  owners.shrink_to_fit();
  step();
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

void SaEdit::Staged::remove_sa(const SaId& id) {
  SaEntry& entry = to_change(id);
  spend_keys(*entry.sa);
  entry = {.slot = entry.slot, .dissolved_by = entry.grouped ? tables.edit_number_ : entry.dissolved_by};
}

// Takes the table slots that linking this SA will need, and returns its own.
Expected<Slot> SaEdit::Staged::reserve(const Sa& sa) {
  auto slot = tables.sas_->insert(sa_key(sa.id));
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
  clear_by_steps(sas_added, next);
  clear_by_steps(eroutes_added, next);
  clear_by_steps(new_sas, next);
  clear_by_steps(new_groups, next);
  memory.release(next);
}

}  // namespace spigrp
