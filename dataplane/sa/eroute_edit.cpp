// See sa_edit.h: the edits of eroutes, and of the holds that traps make.
#include <algorithm>
#include <list>
#include <utility>

#include "sa/sa_staging.h"

namespace spigrp {
namespace {

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

}  // namespace

Expected<void> SaEdit::set_eroute(const Selector& selector, const ErouteTarget& target, ErouteMode mode) {
  const auto present = staged_->check_selector(selector, mode);
  if (!present) return tl::unexpected(present.error());
  Eroute eroute{.target = target, .selector = selector};
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
  Eroute eroute{.head = *head, .target = target, .selector = selector};
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
  std::pmr::list<Selector> all(&staged_->memory);
  all.swap(staged_->eroutes_added);
  const ErouteTable& eroutes = *staged_->tables.eroutes_;
  const Slot linked = std::exchange(staged_->eroutes_cleared, true) ? 0 : eroutes.slot_count();
  if (linked > 0) {
    make_room(staged_->eroutes, eroutes.eroute_count());
    make_room(staged_->eroute_changes, std::min(eroutes.eroute_count(), staged_->tables.sa_count()));
  }
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
  staged_->eroutes[flow] = {Eroute{.slot = *slot,
                                   .pointed_by = number,
                                   .target = MagicTarget::kHold,
                                   .selector = flow,
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
  staged_->eroutes[flow] = {Eroute{.slot = slot,
                                   .pointed_by = ++staged_->tables.edit_number_,
                                   .target = MagicTarget::kTrapSubnet,
                                   .selector = flow}};
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

Expected<void> SaEdit::Staged::check_allocations(const Sa& sa) const {
  if (sa.lifetime == nullptr || sa.lifetime->spec().hard.allocations == 0) return {};
  const auto staged = allocations.find(const_cast<Sa*>(&sa));
  const uint64_t so_far = sa.lifetime->allocations() + (staged == allocations.end() ? 0 : staged->second);
  if (so_far < sa.lifetime->spec().hard.allocations) return {};
  return failure(sa.id.text(), "its lifetime allows no further eroute (hard-allocations)", "make a new SA");
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
  if (id != nullptr) eroute_changes.try_emplace(eroute.head, ErouteChange{*id, 0}).first->second.eroutes += change;
}

// An edit of an eroute may answer an acquire, or mean that a flow has another eroute than the trap: then the hold must
// not go before it. A %trapsubnet's hold goes only before what its trap went before.
void SaEdit::Staged::end_trap_holds(const Selector& edited) {
  for (const auto& [flow, hold] : tables.trap_holds_) {
    if (!hold.in_its_place && !eroutes.contains(flow) && overlap(flow, edited)) drop_eroute(flow);
  }
}

}  // namespace spigrp
