// See eroute_table.h.
#include "sa/eroute_table.h"

#include <bit>

namespace spigrp {
namespace {

constexpr uint8_t kIcmpTypeGiven = 16;
constexpr uint8_t kIcmpCodeGiven = 8;
constexpr uint8_t kProtocolGiven = 4;
constexpr uint8_t kSourcePortGiven = 2;
constexpr uint8_t kDestinationPortGiven = 1;

using KeyWords = std::array<uint64_t, sizeof(FlowKey) / 8>;

ErouteShape shape_of(const Selector& selector) noexcept {
  const int fields = (selector.protocol != 0 ? kProtocolGiven : 0) |
                     (selector.source_port != 0 ? kSourcePortGiven : 0) |
                     (selector.destination_port != 0 ? kDestinationPortGiven : 0) |
                     (selector.icmp_type ? kIcmpTypeGiven : 0) | (selector.icmp_code ? kIcmpCodeGiven : 0);
  return {selector.source.bits, selector.destination.bits, static_cast<uint8_t>(fields)};
}

// With host bits zero and absent fields zero, as validate(Selector) demands, this is already masked.
ErouteKey key_of(const Selector& selector) noexcept {
  ErouteKey key{};
  key.masked.source = selector.source.address.bytes;
  key.masked.destination = selector.destination.address.bytes;
  // As in the flow. Which of them counts, the shape says, so that 0 is a type and a code like any other.
  key.masked.source_port = be16::from_host(selector.icmp_type.value_or(0) | selector.source_port);
  key.masked.destination_port = be16::from_host(selector.icmp_code.value_or(0) | selector.destination_port);
  key.masked.protocol = selector.protocol;
  key.masked.family = selector.family();
  key.shape = shape_of(selector);
  return key;
}

uint8_t unknown_fields_of(const FlowKey& flow) noexcept {
  switch (flow.unknown) {
    case UnknownFields::kNone:
      return 0;
    case UnknownFields::kPorts:
      return kSourcePortGiven | kDestinationPortGiven;
    case UnknownFields::kIcmpType:
      return kIcmpTypeGiven | kIcmpCodeGiven;
    case UnknownFields::kProtocolAndPorts:
      break;
  }
  return UINT8_MAX;
}

std::array<uint8_t, 16> prefix_mask(uint8_t bits) noexcept {
  std::array<uint8_t, 16> mask{};
  for (uint8_t bit = 0; bit < bits; ++bit) mask[bit / 8] = static_cast<uint8_t>(mask[bit / 8] | 0x80 >> bit % 8);
  return mask;
}

KeyWords mask_of(const ErouteShape& shape) noexcept {
  FlowKey mask{};
  mask.source = prefix_mask(shape.source_bits);
  mask.destination = prefix_mask(shape.destination_bits);
  if (shape.fields & (kSourcePortGiven | kIcmpTypeGiven)) mask.source_port = be16{0xffff};
  if (shape.fields & (kDestinationPortGiven | kIcmpCodeGiven)) mask.destination_port = be16{0xffff};
  if (shape.fields & kProtocolGiven) mask.protocol = 0xff;
  mask.family = static_cast<Family>(0xff);
  return std::bit_cast<KeyWords>(mask);
}

size_t family_index(Family family) noexcept {
  return family == Family::kIpv4 ? 0 : 1;
}

constexpr size_t kFirstShapes = 2, kMostShapes = 16;  // asked for at once

}  // namespace

// Keys of one flow under several shapes, most specific first.
struct ErouteTable::AskedEroutes {
  struct alignas(uint64_t) One {  // rte_hash reads keys by words
    ErouteKey key;
    bool unclear;  // one that is unknown goes before it
  };
  std::array<One, kMostShapes> all;
  size_t count = 0;

  void add(const KeyWords& flow, const KeyWords& mask, const ErouteShape& shape, bool is_unclear) noexcept {
    KeyWords masked;
    for (size_t i = 0; i < flow.size(); ++i) masked[i] = flow[i] & mask[i];
    One& one = all[count++];
    one.key.masked = std::bit_cast<FlowKey>(masked);
    one.key.shape = shape;
    one.key.zero = 0;
    one.unclear = is_unclear;
  }
};

Expected<std::unique_ptr<ErouteTable>> ErouteTable::create(uint32_t capacity) {
  auto eroutes = VersionedMap<ErouteKey, Eroute>::create("eroutes", capacity);
  if (!eroutes) return tl::unexpected(eroutes.error());
  std::unique_ptr<ErouteTable> table(new ErouteTable);
  table->eroutes_ = std::move(*eroutes);
  table->packets_ = std::make_unique<std::atomic<uint64_t>[]>(table->eroutes_->slot_count());
  return table;
}

// Some shapes at a time, first few and then more, so that in a large table they wait for memory together.
ErouteTable::Found ErouteTable::find(const FlowKey& flow, Generation g) const noexcept {
  const ShapeList* shapes = shapes_.at(g);
  if (shapes == nullptr) return {};
  const uint8_t unknown_fields = unknown_fields_of(flow);
  const auto words = std::bit_cast<KeyWords>(flow);
  bool unclear = false;
  AskedEroutes asked;
  size_t at_once = kFirstShapes;
  for (const Probe& probe : flow.family == Family::kIpv4 ? shapes->ipv4 : shapes->ipv6) {
    if ((probe.shape.fields & unknown_fields) != 0) [[unlikely]] {
      unclear = unclear || !probe.only_by_traps;
      continue;
    }
    asked.add(words, probe.mask, probe.shape, unclear);
    if (asked.count < at_once) continue;
    if (const Found found = answer(asked, g); found.eroute != nullptr) return found;
    asked.count = 0;
    at_once = kMostShapes;
  }
  if (const Found found = answer(asked, g); found.eroute != nullptr) return found;
  return {nullptr, unclear};
}

// The first of them that is there.
ErouteTable::Found ErouteTable::answer(const AskedEroutes& asked, Generation g) const noexcept {
  Slot slots[kMostShapes];
  if (asked.count == 1) {
    slots[0] = eroutes_->find_slot(asked.all[0].key);
  } else {
    const ErouteKey* keys[kMostShapes];
    for (size_t i = 0; i < asked.count; ++i) keys[i] = &asked.all[i].key;
    eroutes_->find_slots(keys, static_cast<uint16_t>(asked.count), slots);
  }
  for (size_t i = 0; i < asked.count; ++i) {
    const Eroute* eroute = slots[i] == kNoSlot ? nullptr : eroutes_->at(slots[i], g);
    if (eroute != nullptr) return {eroute, asked.all[i].unclear};
  }
  return {};
}

Generation ErouteTable::changed_at(Generation g) const noexcept {
  const ShapeList* shapes = shapes_.at(g);
  return shapes == nullptr ? 0 : shapes->changed_at;
}

const Eroute* ErouteTable::newest(const Selector& selector) const noexcept {
  const Slot slot = eroutes_->find_slot(key_of(selector));
  return slot == kNoSlot ? nullptr : eroutes_->newest(slot);
}

Expected<Slot> ErouteTable::reserve(const Selector& selector) {
  auto slot = eroutes_->insert(key_of(selector));
  if (!slot) slot.error().object = "eroute " + selector.text();
  return slot;
}

void ErouteTable::abandon(const Selector& selector, Versions& versions) {
  if (newest(selector) == nullptr) eroutes_->release(key_of(selector), versions);
}

void ErouteTable::set(Eroute eroute, Versions& versions) {
  const Slot slot = eroute.slot;
  ShapeCount& count = shape_counts_[family_index(eroute.selector.family())][shape_of(eroute.selector)];
  if (const Eroute* before = eroutes_->newest(slot)) {
    count.by_traps -= before->by_trap ? 1 : 0;
  } else {
    packets_[slot].store(0, std::memory_order_relaxed);
    ++count.eroutes;
    ++linked_count_;
  }
  count.by_traps += eroute.by_trap ? 1 : 0;
  eroutes_->set(slot, std::move(eroute), versions);
}

void ErouteTable::erase(const Selector& selector, Versions& versions) {
  const ErouteKey key = key_of(selector);
  const Slot slot = eroutes_->find_slot(key);
  auto& counts = shape_counts_[family_index(selector.family())];
  const auto shape = counts.find(key.shape);
  shape->second.by_traps -= eroutes_->newest(slot)->by_trap ? 1 : 0;
  if (--shape->second.eroutes == 0) counts.erase(shape);
  eroutes_->erase(slot, versions);
  eroutes_->release(key, versions);
  --linked_count_;
}

void ErouteTable::publish_shapes(Versions& versions) {
  ShapeList list;
  const auto probe = [](const ErouteShape& shape, const ShapeCount& count) {
    return Probe{shape, count.by_traps == count.eroutes, mask_of(shape)};
  };
  for (const auto& [shape, count] : shape_counts_[0]) list.ipv4.push_back(probe(shape, count));
  for (const auto& [shape, count] : shape_counts_[1]) list.ipv6.push_back(probe(shape, count));
  list.changed_at = versions.next();
  eroute_count_ = linked_count_;
  shapes_.set(std::move(list), versions);
}

}  // namespace spigrp
