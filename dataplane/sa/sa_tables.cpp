// See sa_tables.h.
#include "sa/sa_tables.h"

namespace spigrp {

SaKey sa_key(const SaId& id) noexcept {
  return {id.destination.bytes, be32::from_host(id.spi), id.protocol, id.destination.family};
}

TunnelKey tunnel_key(const Sa& tunnel) noexcept {
  return {tunnel.source.bytes, tunnel.id.destination.bytes, tunnel.id.destination.family};
}

Expected<std::unique_ptr<SaTables>> SaTables::create(const TableOptions& sizes) {
  std::unique_ptr<SaTables> tables(new SaTables);
  auto sas = VersionedMap<SaKey, SaEntry>::create("sas", sizes.sas);
  if (!sas) return tl::unexpected(sas.error());
  auto bare_tunnels = VersionedMap<TunnelKey, const SaGroup*>::create("bare tunnels", sizes.sas);
  if (!bare_tunnels) return tl::unexpected(bare_tunnels.error());
  auto eroutes = ErouteTable::create(sizes.eroutes);
  if (!eroutes) return tl::unexpected(eroutes.error());
  tables->sas_ = std::move(*sas);
  tables->bare_tunnels_ = std::move(*bare_tunnels);
  tables->eroutes_ = std::move(*eroutes);
  tables->eroutes_to_.resize(tables->sas_->slot_count());
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

const SaGroup* SaTables::find_bare_tunnel(const IpAddress& source, const IpAddress& destination,
                                          Generation g) const noexcept {
  const SaGroup* const* group = bare_tunnels_->find({source.bytes, destination.bytes, source.family}, g);
  return group == nullptr ? nullptr : *group;
}

ErouteVerdict SaTables::resolve(const Eroute& eroute, Generation g) const noexcept {
  if (const auto* magic = std::get_if<MagicTarget>(&eroute.target)) {
    switch (*magic) {
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

const SaEntry* SaTables::newest(const SaId& id) const noexcept {
  const Slot slot = sas_->find_slot(sa_key(id));
  const SaEntry* entry = slot == kNoSlot ? nullptr : sas_->newest(slot);
  return entry == nullptr || entry->sa == nullptr ? nullptr : entry;
}

}  // namespace spigrp
