// See eroute_table.h.
#include "sa/eroute_table.h"

#include <algorithm>
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

// A prefix of one of the flow's addresses, or a selector's, in the filter of those.
uint32_t prefix_hash(const std::array<uint8_t, 16>& address, uint64_t front_mask, uint64_t back_mask,
                     uint8_t bits) noexcept {
  const auto words = std::bit_cast<std::array<uint64_t, 2>>(address);
  return ShapeFilter::hash_of(words[0] & front_mask, words[1] & back_mask, bits);
}
uint32_t prefix_hash(const IpPrefix& prefix) noexcept {
  return prefix_hash(prefix.address.bytes, UINT64_MAX, UINT64_MAX, prefix.bits);
}

ShapeBits bit_of(uint8_t shape) noexcept {
  return ShapeBits{1} << shape % 64;
}

constexpr size_t kFirstShapes = 2, kMostShapes = 16;  // asked for at once for one flow
constexpr size_t kMostKeys = 64;                      // and for several, as many as rte_hash takes

struct alignas(uint64_t) AlignedKey {  // rte_hash reads keys by words
  ErouteKey key;

  void set(const KeyWords& flow, const KeyWords& mask, const ErouteShape& shape) noexcept {
    KeyWords masked;
    for (size_t i = 0; i < flow.size(); ++i) masked[i] = flow[i] & mask[i];
    key = {std::bit_cast<FlowKey>(masked), shape};
  }
};

}  // namespace

// Keys of one flow under several shapes, most specific first.
struct ErouteTable::AskedEroutes {
  struct One {
    AlignedKey aligned;
    bool unclear;  // one that is unknown goes before it
  };
  std::array<One, kMostShapes> all;
  size_t count = 0;

  void add(const KeyWords& flow, const Probe& probe, bool is_unclear) noexcept {
    One& one = all[count++];
    one.aligned.set(flow, probe.mask, probe.shape);
    one.unclear = is_unclear;
  }
};

// Keys of several flows.
struct ErouteTable::Search {
  Generation generation;
  const Eroute** eroutes;  // by flow: found so far
  struct One {
    AlignedKey aligned;
    uint8_t flow;
  };
  std::array<One, kMostKeys> all;
  size_t count = 0;
};

Expected<std::unique_ptr<ErouteTable>> ErouteTable::create(uint32_t capacity) {
  auto eroutes = VersionedMap<ErouteKey, Eroute>::create("eroutes", capacity);
  if (!eroutes) return tl::unexpected(eroutes.error());
  std::unique_ptr<ErouteTable> table(new ErouteTable(capacity));
  table->eroutes_ = std::move(*eroutes);
  table->packets_ = std::make_unique<std::atomic<uint64_t>[]>(table->eroutes_->slot_count());
  return table;
}

// The shapes under which a flow could have an eroute.
ShapeBits ErouteTable::worth_probing(const FamilyShapes& shapes, const FlowKey& flow) const noexcept {
  const auto by = [](const ShapeFilter& filter, const std::array<uint8_t, 16>& address,
                     const std::vector<PrefixLength>& lengths) {
    ShapeBits bits = 0;
    for (const PrefixLength& length : lengths) {
      bits |= filter.shapes(prefix_hash(address, length.front_mask, length.back_mask, length.bits)) & length.shapes;
    }
    return bits;
  };
  const ShapeBits bits = by(by_destination_, flow.destination, shapes.destinations);
  return bits == 0 ? 0 : bits & by(by_source_, flow.source, shapes.sources);
}

void ErouteTable::prefetch_filters(const FamilyShapes& shapes, const FlowKey& flow) const noexcept {
  for (const PrefixLength& length : shapes.destinations) {
    by_destination_.prefetch(prefix_hash(flow.destination, length.front_mask, length.back_mask, length.bits));
  }
  for (const PrefixLength& length : shapes.sources) {
    by_source_.prefetch(prefix_hash(flow.source, length.front_mask, length.back_mask, length.bits));
  }
}

// Some shapes at a time, first few and then more, so that in a large table they wait for memory together.
ErouteTable::Found ErouteTable::find(const FlowKey& flow, Generation g) const noexcept {
  const ShapeList* list = shapes_.at(g);
  if (list == nullptr) return {};
  const FamilyShapes& shapes = list->families[family_index(flow.family)];
  const ShapeBits worth = worth_probing(shapes, flow);
  const uint8_t unknown_fields = unknown_fields_of(flow);
  if (worth == 0 && unknown_fields == 0) return {};
  const auto words = std::bit_cast<KeyWords>(flow);
  bool unclear = false;
  AskedEroutes asked;
  size_t at_once = kFirstShapes;
  for (const Probe& probe : shapes.probes) {
    if ((probe.shape.fields & unknown_fields) != 0) [[unlikely]] {
      unclear = unclear || !probe.only_by_traps;
      continue;
    }
    if ((probe.bit & worth) == 0) continue;
    asked.add(words, probe, unclear);
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
    slots[0] = eroutes_->find_slot(asked.all[0].aligned.key);
  } else {
    const ErouteKey* keys[kMostShapes];
    for (size_t i = 0; i < asked.count; ++i) keys[i] = &asked.all[i].aligned.key;
    eroutes_->find_slots(keys, static_cast<uint16_t>(asked.count), slots);
  }
  for (size_t i = 0; i < asked.count; ++i) {
    const Eroute* eroute = slots[i] == kNoSlot ? nullptr : eroutes_->at(slots[i], g);
    if (eroute != nullptr) return {eroute, asked.all[i].unclear};
  }
  return {};
}

// In rounds over all flows, so that each finds in the cache what the one before has asked for.
void ErouteTable::find_all(std::span<const FlowKey> flows, Generation g, const Eroute** eroutes) const noexcept {
  std::fill_n(eroutes, flows.size(), nullptr);
  const ShapeList* list = shapes_.at(g);
  if (list == nullptr) return;
  for (const FlowKey& flow : flows) prefetch_filters(list->families[family_index(flow.family)], flow);
  Search search;
  search.generation = g;
  search.eroutes = eroutes;
  for (size_t i = 0; i < flows.size(); ++i) {
    const FamilyShapes& shapes = list->families[family_index(flows[i].family)];
    const ShapeBits worth = worth_probing(shapes, flows[i]);
    if (worth == 0) continue;
    const auto words = std::bit_cast<KeyWords>(flows[i]);
    for (const Probe& probe : shapes.probes) {
      if ((probe.bit & worth) == 0) continue;
      if (eroutes[i] != nullptr) break;
      Search::One& one = search.all[search.count++];
      one.aligned.set(words, probe.mask, probe.shape);
      one.flow = static_cast<uint8_t>(i);
      if (search.count == kMostKeys) answer_all(search);
    }
  }
  answer_all(search);
}

// The first that is there for each flow: what is asked for earlier goes before.
void ErouteTable::answer_all(Search& search) const noexcept {
  const ErouteKey* keys[kMostKeys];
  Slot slots[kMostKeys];
  for (size_t i = 0; i < search.count; ++i) keys[i] = &search.all[i].aligned.key;
  eroutes_->find_slots(keys, static_cast<uint16_t>(search.count), slots);
  size_t there = 0;  // those that have a slot, at the front
  for (size_t i = 0; i < search.count; ++i) {
    if (slots[i] == kNoSlot) continue;
    eroutes_->prefetch(slots[i]);
    slots[there] = slots[i];
    search.all[there++].flow = search.all[i].flow;
  }
  for (size_t i = 0; i < there; ++i) eroutes_->prefetch_newest(slots[i], Eroute::kNeededBytes);
  for (size_t i = 0; i < there; ++i) {
    const Eroute*& eroute = search.eroutes[search.all[i].flow];
    if (eroute == nullptr) eroute = eroutes_->at(slots[i], search.generation);
  }
  search.count = 0;
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
  const Selector& selector = eroute.selector;
  const auto [shape, is_new] = shape_counts_[family_index(selector.family())].try_emplace(shape_of(selector));
  ShapeCount& count = shape->second;
  if (is_new) count.number = next_shape_++;
  if (const Eroute* before = eroutes_->newest(slot)) {
    count.by_traps -= before->by_trap ? 1 : 0;
  } else {
    packets_[slot].store(0, std::memory_order_relaxed);
    by_source_.add(prefix_hash(selector.source), count.number);
    by_destination_.add(prefix_hash(selector.destination), count.number);
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
  by_source_.remove(prefix_hash(selector.source), shape->second.number, versions);
  by_destination_.remove(prefix_hash(selector.destination), shape->second.number, versions);
  shape->second.by_traps -= eroutes_->newest(slot)->by_trap ? 1 : 0;
  if (--shape->second.eroutes == 0) counts.erase(shape);
  eroutes_->erase(slot, versions);
  eroutes_->release(key, versions);
  --linked_count_;
}

// Most specific first, as they are probed.
ErouteTable::FamilyShapes ErouteTable::family_shapes(const ShapeCounts& counts) {
  FamilyShapes shapes;
  std::map<uint8_t, ShapeBits> by_source, by_destination;
  for (const auto& [shape, count] : counts) {
    const ShapeBits bit = bit_of(count.number);
    shapes.probes.push_back({shape, count.by_traps == count.eroutes, bit, mask_of(shape)});
    by_source[shape.source_bits] |= bit;
    by_destination[shape.destination_bits] |= bit;
  }
  const auto lengths = [](const std::map<uint8_t, ShapeBits>& by_bits) {
    std::vector<PrefixLength> all;
    for (const auto& [bits, shapes_of_it] : by_bits) {
      const auto mask = std::bit_cast<std::array<uint64_t, 2>>(prefix_mask(bits));
      all.push_back({bits, shapes_of_it, mask[0], mask[1]});
    }
    return all;
  };
  shapes.sources = lengths(by_source);
  shapes.destinations = lengths(by_destination);
  return shapes;
}

void ErouteTable::publish_shapes(Versions& versions) {
  ShapeList list;
  for (size_t family = 0; family < list.families.size(); ++family) {
    list.families[family] = family_shapes(shape_counts_[family]);
  }
  list.changed_at = versions.next();
  eroute_count_ = linked_count_;
  shapes_.set(std::move(list), versions);
}

}  // namespace spigrp
