// See sa_tables.h.
#include "sa/sa_tables.h"

namespace spigrp {

SaKey sa_key(const SaId& id) noexcept {
  return {id.destination.bytes, be32::from_host(id.spi), id.protocol, id.destination.family};
}

AddressKey address_key(const Sa& sa) noexcept {
  return {sa.source.bytes, sa.id.destination.bytes, sa.id.protocol, sa.id.destination.family};
}

Expected<std::unique_ptr<SaTables>> SaTables::create(const TableOptions& sizes) {
  std::unique_ptr<SaTables> tables(new SaTables);
  auto sas = VersionedMap<SaKey, SaEntry>::create("sas", sizes.sas);
  if (!sas) return tl::unexpected(sas.error());
  auto by_addresses = VersionedMap<AddressKey, const SaGroup*>::create("addresses", sizes.sas);
  if (!by_addresses) return tl::unexpected(by_addresses.error());
  auto eroutes = ErouteTable::create(sizes.eroutes);
  if (!eroutes) return tl::unexpected(eroutes.error());
  tables->sas_ = std::move(*sas);
  tables->by_addresses_ = std::move(*by_addresses);
  tables->eroutes_ = std::move(*eroutes);
  tables->eroutes_to_.resize(tables->sas_->slot_count());
  tables->live_keys_.emplace(tables->sas_->slot_count());
  return tables;
}

SaTables::~SaTables() {
  if (!sas_) return;
  for (Slot slot = 0; slot < sas_->slot_count(); ++slot) {
    const SaEntry* entry = sas_->newest(slot);
    if (entry == nullptr || entry->sa == nullptr) continue;
    if (entry->place == 0) delete entry->group;  // its first member's entry owns a group
    delete entry->sa;
  }
}

const SaGroup* SaTables::find_by_addresses(const AddressKey& key, Generation g) const noexcept {
  const SaGroup* const* group = by_addresses_->find(key, g);
  return group == nullptr ? nullptr : *group;
}

ErouteVerdict SaTables::resolve(const Eroute& eroute, Generation g) const noexcept {
  if (eroute.head == kNoSlot) {
    switch (std::get<MagicTarget>(eroute.target)) {
      case MagicTarget::kPass:
        return {ErouteAction::kPass, nullptr, &eroute};
      case MagicTarget::kDrop:
        return {ErouteAction::kDrop, nullptr, &eroute};
      case MagicTarget::kReject:
        return {ErouteAction::kReject, nullptr, &eroute};
      case MagicTarget::kTrap:
      case MagicTarget::kTrapSubnet:
        return {ErouteAction::kTrap, nullptr, &eroute};
      case MagicTarget::kHold:
        return {ErouteAction::kHold, nullptr, &eroute};
    }
  }
  const SaEntry* entry = sas_->at(eroute.head, g);
  // An SA that lost its group since the eroute was pointed at it protects less than was asked for.
  const bool protects = entry != nullptr && entry->sa != nullptr && entry->place == 0 &&
                        (entry->grouped || eroute.pointed_by > entry->dissolved_by);
  if (!protects) return {ErouteAction::kDissolved, nullptr, &eroute};
  return {ErouteAction::kProtect, entry->group, &eroute};
}

// In rounds; eroutes to the same SA often follow each other.
void SaTables::prefetch_targets(std::span<const Eroute* const> eroutes, Generation g) const noexcept {
  const auto each_head = [&](const auto& use) {
    Slot last = kNoSlot;
    for (const Eroute* eroute : eroutes) {
      if (eroute == nullptr || eroute->head == kNoSlot || eroute->head == last) continue;
      last = eroute->head;
      use(last);
    }
  };
  each_head([this](Slot head) { sas_->prefetch(head); });
  each_head([this](Slot head) { sas_->prefetch_newest(head); });
  each_head([&](Slot head) {
    const SaEntry* entry = sas_->at(head, g);
    if (entry != nullptr && entry->group != nullptr) entry->group->prefetch();
  });
}

const SaEntry* SaTables::newest(const SaId& id) const noexcept {
  const Slot slot = sas_->find_slot(sa_key(id));
  const SaEntry* entry = slot == kNoSlot ? nullptr : sas_->newest(slot);
  return entry == nullptr || entry->sa == nullptr ? nullptr : entry;
}

}  // namespace spigrp
