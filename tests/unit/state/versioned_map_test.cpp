// The versioned hash table, alone and with readers in other threads. The concurrent cases are what the thread sanitizer
// is run on.
#include "state/versioned_map.h"

#include <atomic>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

namespace spigrp {
namespace {

using Map = VersionedMap<uint64_t, uint64_t>;

BOOST_AUTO_TEST_CASE(a_key_erased_is_found_at_the_old_generation_and_not_at_the_new) {
  auto map = Map::create("test", 64).value();
  auto versions = Versions::create(1).value();
  versions->online(0);
  const Slot slot = map->insert(7).value();
  map->set(slot, 70, *versions);
  versions->publish();
  const Generation before = versions->published();
  map->erase(slot, *versions);
  map->release(7, *versions);
  versions->publish();
  BOOST_TEST(*map->find(7, before) == 70u);
  BOOST_TEST(map->find(7, versions->published()) == nullptr);
  BOOST_TEST(map->key_count() == 0u);
  versions->quiescent(0);
  versions->reclaim();  // the key goes, its slot waits
  versions->quiescent(0);
  versions->reclaim();
  BOOST_TEST(map->find_slot(7) == kNoSlot);
  versions->offline(0);
}

BOOST_AUTO_TEST_CASE(a_slot_has_changed_since_a_generation_where_its_value_came_or_went_later) {
  auto map = Map::create("test", 64).value();
  auto versions = Versions::create(1).value();
  versions->online(0);
  const auto publish = [&] {
    versions->publish();
    return versions->published();
  };
  const Slot slot = map->insert(7).value(), other = map->insert(8).value();
  const Generation empty = publish();
  map->set(slot, 70, *versions);
  const Generation made = publish();
  map->set(other, 80, *versions);
  const Generation others = publish();
  map->set(slot, 70, *versions);
  const Generation again = publish();
  map->erase(slot, *versions);
  const Generation erased = publish();
  BOOST_TEST(map->has_changed(slot, empty, made));
  BOOST_TEST(!map->has_changed(slot, made, made));
  BOOST_TEST(!map->has_changed(slot, made, others));
  BOOST_TEST(map->has_changed(slot, made, again));
  BOOST_TEST(!map->has_changed(slot, again, again));
  BOOST_TEST(map->has_changed(slot, again, erased));
  BOOST_TEST(map->has_changed(slot, made, erased));
  versions->offline(0);
}

BOOST_AUTO_TEST_CASE(a_key_that_comes_back_before_its_release_keeps_its_slot) {
  auto map = Map::create("test", 64).value();
  auto versions = Versions::create(1).value();
  const Slot slot = map->insert(7).value();
  map->set(slot, 70, *versions);
  versions->publish();
  map->erase(slot, *versions);
  map->release(7, *versions);
  versions->publish();
  BOOST_TEST(map->insert(7).value() == slot);
  map->set(slot, 71, *versions);
  versions->publish();
  BOOST_TEST(versions->drain(1000));
  BOOST_TEST(*map->find(7, versions->published()) == 71u);
  BOOST_TEST(map->key_count() == 1u);
}

BOOST_AUTO_TEST_CASE(the_table_holds_exactly_its_capacity_and_says_when_it_is_full) {
  constexpr uint64_t kCapacity = 1000;
  auto map = Map::create("test", kCapacity).value();
  auto versions = Versions::create(1).value();
  for (uint64_t key = 0; key < kCapacity; ++key) BOOST_REQUIRE(map->insert(key).has_value());
  const auto refused = map->insert(kCapacity);
  BOOST_REQUIRE(!refused.has_value());
  BOOST_TEST(refused.error().problem.find("1000") != std::string::npos);
}

// HAZARDS 13: added and deleted again and again, nothing is left over and no slot is lost.
BOOST_AUTO_TEST_CASE(a_million_adds_and_deletes_leak_no_slot) {
  constexpr uint64_t kCapacity = 128;
  auto map = Map::create("test", kCapacity).value();
  auto versions = Versions::create(1).value();
  for (uint64_t i = 0; i < 1'000'000; ++i) {
    const auto slot = map->insert(i);
    BOOST_REQUIRE(slot.has_value());
    map->set(*slot, i, *versions);
    versions->publish();
    map->erase(*slot, *versions);
    map->release(i, *versions);
    versions->publish();
    versions->reclaim();
    versions->reclaim();
  }
  BOOST_TEST(map->key_count() == 0u);
  BOOST_TEST(versions->drain(1000));
  for (uint64_t key = 0; key < kCapacity; ++key) BOOST_TEST(map->insert(key).has_value());
}

// Invariant 3, for the tables: a transaction over many keys is seen whole or not at all.
BOOST_AUTO_TEST_CASE(a_transaction_is_all_or_nothing) {
  constexpr uint64_t kKeys = 16;
  constexpr uint16_t kReaders = 2;
  constexpr uint64_t kEdits = 20'000;
  auto map = Map::create("test", 64).value();
  auto versions = Versions::create(kReaders).value();
  std::vector<Slot> slots;
  for (uint64_t key = 0; key < kKeys; ++key) {
    slots.push_back(map->insert(key).value());
    map->set(slots.back(), 0, *versions);
  }
  versions->publish();

  std::atomic<bool> stop{false};
  std::atomic<uint64_t> torn{0}, looks{0};
  auto read = [&](uint16_t reader) {
    versions->online(reader);
    while (!stop.load(std::memory_order_relaxed)) {
      versions->quiescent(reader);
      const Generation g = versions->published();
      const uint64_t* first = map->find(0, g);
      for (uint64_t key = 1; key < kKeys; ++key) {
        const uint64_t* other = map->find(key, g);
        // Odd rounds have no odd keys at all; the others agree on the round's number.
        if (first == nullptr) torn.fetch_add(1);
        if (other != nullptr && *other != *first) torn.fetch_add(1);
        if ((other == nullptr) != (*first % 2 == 1 && key % 2 == 1)) torn.fetch_add(1);
      }
      looks.fetch_add(1, std::memory_order_relaxed);
    }
    versions->offline(reader);
  };
  std::vector<std::thread> readers;
  for (uint16_t reader = 0; reader < kReaders; ++reader) readers.emplace_back(read, reader);
  while (looks.load() < kReaders) std::this_thread::yield();
  for (uint64_t round = 1; round <= kEdits; ++round) {
    for (uint64_t key = 0; key < kKeys; ++key) {
      if (round % 2 == 1 && key % 2 == 1) {
        map->erase(slots[key], *versions);
        map->release(key, *versions);
        continue;
      }
      slots[key] = map->insert(key).value();
      map->set(slots[key], round, *versions);
    }
    versions->publish();
    versions->reclaim();
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  BOOST_TEST(torn.load() == 0u);
  BOOST_TEST(versions->drain(1000));
}

}  // namespace
}  // namespace spigrp
