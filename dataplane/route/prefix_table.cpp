// See prefix_table.h.
#include "route/prefix_table.h"

#include <algorithm>

namespace spigrp {

Expected<std::unique_ptr<PrefixTable>> PrefixTable::create(Family family, uint32_t capacity) {
  std::unique_ptr<PrefixTable> table(new PrefixTable);
  for (std::shared_ptr<Fib>& fib : table->fibs_) {
    auto made = Fib::create(family, capacity);
    if (!made) return tl::unexpected(made.error());
    fib = std::move(*made);
  }
  return table;
}

void PrefixTable::look_up(const uint32_t* addresses, uint16_t count, Generation g, uint64_t* numbers) const noexcept {
  look_up_any(addresses, count, g, numbers);
}

void PrefixTable::look_up(const std::array<uint8_t, 16>* addresses, uint16_t count, Generation g,
                          uint64_t* numbers) const noexcept {
  look_up_any(addresses, count, g, numbers);
}

template <class Address>
void PrefixTable::look_up_any(const Address* addresses, uint16_t count, Generation g,
                              uint64_t* numbers) const noexcept {
  const std::unique_ptr<Reading>* reading = readings_.at(g);
  if (reading == nullptr) return static_cast<void>(std::fill_n(numbers, count, 0));
  if (const Fib* fib = (*reading)->fib.load(std::memory_order_acquire)) return fib->look_up(addresses, count, numbers);
  for (uint16_t i = 0; i < count; ++i) numbers[i] = (*reading)->ranges.find(addresses[i]);
}

uint32_t PrefixTable::find(const IpPrefix& prefix) const noexcept {
  const auto found = numbers_.find(prefix);
  return found == numbers_.end() ? 0 : found->second;
}

void PrefixTable::add(const IpPrefix& prefix, uint32_t number) {
  numbers_[prefix] = number;
  for (const auto& fib : fibs_) fib->outdate(prefix);
  is_changed_ = true;
}

void PrefixTable::remove(const IpPrefix& prefix) {
  numbers_.erase(prefix);
  for (const auto& fib : fibs_) fib->outdate(prefix);
  is_changed_ = true;
}

void PrefixTable::link(Versions& versions) {
  if (!is_changed_) return;
  is_changed_ = false;
  auto reading = std::make_unique<Reading>();
  reading->held = free_fib();
  reading->fib.store(reading->held.get(), std::memory_order_relaxed);
  const bool is_behind = reading->held == nullptr;
  if (is_behind) reading->ranges = RangeTable(numbers_);
  readings_.set(std::move(reading), versions);
  if (!is_behind) return;
  // When this runs, all older readings have just been freed, and with them the Fibs that they held.
  versions.retire({this, nullptr, [](void* table, void*) { static_cast<PrefixTable*>(table)->catch_up(); }});
}

// A Fib that nobody reads and that has all prefixes as they are now, or null.
std::shared_ptr<Fib> PrefixTable::free_fib() {
  for (const auto& fib : fibs_) {
    if (fib.use_count() == 1 && fib->bring_up_to_date(numbers_)) return fib;
  }
  return nullptr;
}

// Both answer the same, so workers may go over to the Fib within a generation.
void PrefixTable::catch_up() {
  Reading& newest = **readings_.newest();
  if (newest.held != nullptr) return;
  newest.held = free_fib();
  newest.fib.store(newest.held.get(), std::memory_order_release);
}

bool PrefixTable::is_read_from_fib(Generation g) const noexcept {
  const std::unique_ptr<Reading>* reading = readings_.at(g);
  return reading != nullptr && (*reading)->fib.load() != nullptr;
}

}  // namespace spigrp
