// See state_reader.h. What is read: the network's lines, then four walks over the slots of the tables. A cursor is the
// number of the walk and a slot.
#include "control/state_reader.h"

#include <algorithm>

#include "route/route_edit.h"

namespace spigrp {
namespace {

constexpr std::chrono::seconds kPatience{30};
constexpr uint32_t kSlotsAPage = 1u << 16;

// In this order they can be read as one batch. Eroutes that lead to a group that is no more come before those that lead
// to one: of two to one SA it is the later that may lead to it.
enum Part : unsigned { kNetwork, kSas, kGroups, kDissolvedEroutes, kEroutes, kEnd };

constexpr uint64_t cursor_at(uint64_t part, uint64_t index) {
  return part << 32 | index;
}

std::vector<Edit> network_edits(const RouteTables& routes, const std::vector<AddressSpec>& configured) {
  std::vector<Edit> edits;
  for (const InterfaceRow& row : list_interfaces(routes)) {
    edits.emplace_back(InterfaceCreate{row.name});
    if (!row.port.empty()) edits.emplace_back(InterfaceAttach{row.name, row.port});
  }
  for (const AddressSpec& spec : list_addresses(routes)) {
    if (std::find(configured.begin(), configured.end(), spec) == configured.end()) edits.emplace_back(AddressAdd{spec});
  }
  for (const RouteSpec& spec : list_routes(routes)) edits.emplace_back(RouteAdd{spec});
  for (const NeighbourRow& row : list_neighbours(routes)) {
    if (row.is_static) edits.emplace_back(NeighbourSet{row.spec});
  }
  return edits;
}

}  // namespace

StateReader::StateReader(Engine& engine, Versions::Pin pin) : engine_(engine), pin_(std::move(pin)) {}

Expected<std::shared_ptr<StateReader>> StateReader::begin(Engine& engine, const std::vector<AddressSpec>& configured) {
  auto pin = engine.versions().pin();
  if (!pin) return failure("save", "as many are being read as can be at once", "try again when one of them is done");
  std::shared_ptr<StateReader> reader(new StateReader(engine, std::move(*pin)));
  for (const Edit& edit : network_edits(engine.routes(), configured)) {
    reader->network_.push_back(command_line(edit, KeyWords::kLeftOut));
  }
  return reader;
}

void StateReader::expire(Clock::time_point now) noexcept {
  if (now - last_read_ > kPatience) pin_.reset();
}

uint32_t StateReader::slots_of(unsigned part) const noexcept {
  if (part == kNetwork) return static_cast<uint32_t>(network_.size());
  return part <= kGroups ? engine_.sas().sas().slot_count() : engine_.sas().eroutes().slot_count();
}

// Nothing, where the slot has no line in this part.
void StateReader::add_slot(std::vector<std::string>& lines, unsigned part, Slot slot, KeyWords keys) const {
  SaTables& tables = engine_.sas();
  const Generation at = pin_->generation();
  if (part == kNetwork) {
    return lines.push_back(network_[slot]);
  }
  if (part <= kGroups) {
    const SaEntry* entry = tables.sas().at(slot, at);
    if (entry == nullptr || entry->sa == nullptr) return;
    if (part == kSas) {
      return lines.push_back(command_line(SaAdd{spec_of(*entry->sa)}, keys));
    }
    if (!entry->grouped || entry->place != 0) return;
    return lines.push_back(command_line(GroupSet{ids_of(*entry->group)}, keys));
  }
  const Eroute* eroute = tables.eroutes().at(slot, at);
  if (eroute == nullptr || eroute->by_trap) return;
  const bool dissolved = tables.resolve(*eroute, at).action == ErouteAction::kDissolved;
  if (dissolved != (part == kDissolvedEroutes)) return;
  ErouteSet edit{.selector = eroute->selector, .target = eroute->target, .dissolved = dissolved};
  // A %trapsubnet that a packet met is a %hold for the time being.
  if (tables.trap_holds().contains(eroute->selector)) edit.target = MagicTarget::kTrapSubnet;
  lines.push_back(command_line(edit, keys));
}

Expected<StateReader::Page> StateReader::read(uint64_t cursor, uint32_t limit, KeyWords keys) {
  if (!pin_) return failure("save", "nobody read on for half a minute", "begin again");
  last_read_ = Clock::now();
  Page page;
  auto part = static_cast<unsigned>(std::min<uint64_t>(cursor >> 32, kEnd));
  auto slot = static_cast<uint32_t>(cursor);
  for (uint32_t looked_at = 0; part != kEnd; ++part, slot = 0) {
    const uint32_t slots = slots_of(part);
    for (; slot < slots; ++slot, ++looked_at) {
      if (page.lines.size() == limit || looked_at == kSlotsAPage) {
        page.next = cursor_at(part, slot);
        return page;
      }
      add_slot(page.lines, part, slot, keys);
    }
  }
  pin_.reset();
  return page;
}

}  // namespace spigrp
