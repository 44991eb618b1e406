// See neighbour_table.h.
#include "route/neighbour_table.h"

#include <algorithm>

namespace spigrp {

Expected<std::unique_ptr<NeighbourTable>> NeighbourTable::create(uint32_t capacity) {
  std::unique_ptr<NeighbourTable> table(new NeighbourTable);
  // A deleted neighbour keeps its slot for two grace periods, during which another may take its place.
  auto map = VersionedMap<NeighbourKey, Neighbour>::create("neighbours", 2 * capacity + 64);
  if (!map) return tl::unexpected(map.error());
  table->map_ = std::move(*map);
  table->capacity_ = capacity;
  return table;
}

std::vector<NeighbourTable::Row> NeighbourTable::all() const {
  std::vector<Row> rows;
  for (const auto& [place, known] : known_) rows.push_back({place, known.neighbour});
  return rows;
}

NeighbourEdit::~NeighbourEdit() {
  table_.innermost_edit_ = around_;
  for (const auto& [place, neighbour] : staged_) {
    const NeighbourKey key = place.key();
    const Slot slot = table_.map_->find_slot(key);
    if (slot != kNoSlot && table_.map_->newest(slot) == nullptr) table_.map_->release(key, versions_);
  }
}

const Neighbour* NeighbourEdit::find(const NeighbourPlace& place) const {
  if (const auto staged = staged_.find(place); staged != staged_.end()) {
    return staged->second ? &*staged->second : nullptr;
  }
  const auto known = table_.known_.find(place);
  return known == table_.known_.end() ? nullptr : &known->second.neighbour;
}

bool NeighbourEdit::put(const NeighbourPlace& place, const Neighbour& neighbour) {
  if (is_staged_around(place)) return false;
  const bool is_new = find(place) == nullptr;
  if (is_new && !make_room()) return false;
  if (!table_.map_->insert(place.key())) return false;
  if (is_new) ++growth_;
  staged_[place] = neighbour;
  return true;
}

void NeighbourEdit::erase(const NeighbourPlace& place) {
  staged_[place] = std::nullopt;
  --growth_;
}

bool NeighbourEdit::is_staged_around(const NeighbourPlace& place) const {
  for (const NeighbourEdit* edit = around_; edit != nullptr; edit = edit->around_) {
    if (edit->staged_.contains(place)) return true;
  }
  return false;
}

// Forgets the oldest learned neighbour if there is no room for one more. An edit around this one has its places; those
// that it gives up are not free yet.
bool NeighbourEdit::make_room() {
  int64_t taken = static_cast<int64_t>(table_.known_.size()) + growth_;
  for (const NeighbourEdit* edit = around_; edit != nullptr; edit = edit->around_) {
    taken += std::max<int64_t>(edit->growth_, 0);
  }
  if (taken < int64_t{table_.capacity_}) return true;
  for (const auto& [age_number, place] : table_.learned_) {
    if (staged_.contains(place) || is_staged_around(place)) continue;
    erase(place);
    return true;
  }
  return false;
}

void NeighbourEdit::link() {
  for (const auto& [place, now] : staged_) link_one(place, now);
  staged_.clear();
  growth_ = 0;
}

void NeighbourEdit::link_one(const NeighbourPlace& place, const std::optional<Neighbour>& now) {
  const NeighbourKey key = place.key();
  const Slot slot = table_.map_->find_slot(key);
  if (const auto known = table_.known_.find(place); known != table_.known_.end()) {
    if (!known->second.neighbour.is_static) table_.learned_.erase(known->second.age_number);
    table_.known_.erase(known);
  }
  if (now) {
    table_.map_->set(slot, *now, versions_);
    const uint64_t age_number = table_.next_age_number_++;
    table_.known_[place] = {*now, age_number};
    if (!now->is_static) table_.learned_[age_number] = place;
  } else {
    if (table_.map_->newest(slot) != nullptr) table_.map_->erase(slot, versions_);
    table_.map_->release(key, versions_);
  }
}

}  // namespace spigrp
