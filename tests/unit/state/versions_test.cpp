// The clock and the reclaiming: nothing is freed while a reader may hold it, everything is freed afterwards.
#include "state/versioned_cell.h"
#include "support/eal_runner.h"

namespace spigrp {
namespace {

struct Tracked {
  int value = 0;
  int* alive = nullptr;
  Tracked() = default;
  Tracked(int value, int* alive) : value(value), alive(alive) { ++*alive; }
  Tracked(Tracked&& other) noexcept : value(other.value), alive(std::exchange(other.alive, nullptr)) {}
  Tracked& operator=(Tracked&&) = delete;
  ~Tracked() {
    if (alive != nullptr) --*alive;
  }
};

BOOST_AUTO_TEST_CASE(a_value_is_seen_from_its_generation_on) {
  auto versions = Versions::create(1).value();
  VersionedCell<int> cell;
  cell.set(1, *versions);
  BOOST_TEST(cell.at(versions->published()) == nullptr);
  versions->publish();
  const Generation first = versions->published();
  cell.set(2, *versions);
  BOOST_TEST(*cell.at(first) == 1);
  BOOST_TEST(*cell.newest() == 2);
  versions->publish();
  BOOST_TEST(*cell.at(first) == 1);
  BOOST_TEST(*cell.at(versions->published()) == 2);
  cell.erase(*versions);
  BOOST_TEST(*cell.at(versions->published()) == 2);
  versions->publish();
  BOOST_TEST(cell.at(versions->published()) == nullptr);
  BOOST_TEST(versions->drain(1000));
}

BOOST_AUTO_TEST_CASE(what_an_interlude_publishes_is_seen_before_the_edit_around_it) {
  auto versions = Versions::create(1).value();
  VersionedCell<int> slow, quick;
  slow.set(1, *versions);
  quick.set(1, *versions);
  versions->publish();
  versions->begin_linking(2);
  slow.set(2, *versions);
  const Generation linked = versions->next();
  for (int value = 2; value < 6; ++value) {
    const Versions::Interlude interlude(*versions);
    BOOST_TEST(interlude.is_in_linking());
    if (!versions->may_publish()) continue;
    quick.set(value, *versions);
    versions->publish();
    BOOST_TEST(*quick.at(versions->published()) == value);
    BOOST_TEST(*slow.at(versions->published()) == 1);
  }
  BOOST_TEST(*quick.newest() == 3);
  BOOST_TEST(versions->next() == linked);
  versions->publish();
  BOOST_TEST(versions->published() == linked);
  BOOST_TEST(versions->next() == linked + 1);
  BOOST_TEST(*slow.at(linked) == 2);
  BOOST_TEST(*quick.at(linked) == 3);
  BOOST_TEST(versions->drain(1000));
}

BOOST_AUTO_TEST_CASE(an_interlude_frees_nothing_that_the_edit_around_it_has_replaced) {
  int alive = 0;
  VersionedCell<Tracked> slow, quick;
  auto versions = Versions::create(1).value();
  slow.set({1, &alive}, *versions);
  quick.set({1, &alive}, *versions);
  versions->publish();
  versions->begin_linking(10);
  slow.set({2, &alive}, *versions);
  {
    const Versions::Interlude interlude(*versions);
    quick.set({2, &alive}, *versions);
    versions->publish();
  }
  BOOST_TEST(versions->drain(1000));
  BOOST_TEST(alive == 3);
  BOOST_TEST(slow.at(versions->published())->value == 1);
  versions->publish();
  BOOST_TEST(versions->drain(1000));
  BOOST_TEST(alive == 2);
}

BOOST_AUTO_TEST_CASE(an_interlude_before_anything_is_linked_publishes_as_ever) {
  auto versions = Versions::create(1).value();
  {
    const Versions::Interlude interlude(*versions);
    BOOST_TEST(!interlude.is_in_linking());
    for (int i = 0; i < 3; ++i) versions->publish();
    BOOST_TEST(versions->may_publish());
  }
  BOOST_TEST(versions->published() == 3u);
  BOOST_TEST(versions->next() == 4u);
}

BOOST_AUTO_TEST_CASE(an_old_version_lives_as_long_as_an_online_reader_may_hold_it) {
  int alive = 0;
  {
    VersionedCell<Tracked> cell;
    auto versions = Versions::create(2).value();
    cell.set({1, &alive}, *versions);
    versions->publish();
    versions->online(0);  // reader 1 stays offline: nobody waits for it
    const Generation g = versions->published();
    const Tracked* held = cell.at(g);
    cell.set({2, &alive}, *versions);
    versions->publish();
    BOOST_TEST(versions->reclaim() == 0u);
    BOOST_TEST(alive == 2);
    BOOST_TEST(held->value == 1);
    versions->quiescent(0);
    BOOST_TEST(versions->reclaim() == 1u);
    BOOST_TEST(alive == 1);
    BOOST_TEST(cell.at(versions->published())->value == 2);
    versions->offline(0);
  }
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(many_versions_of_one_cell_are_freed_in_their_order) {
  int alive = 0;
  {
    VersionedCell<Tracked> cell;
    auto versions = Versions::create(1).value();
    for (int i = 0; i < 1000; ++i) {
      cell.set({i, &alive}, *versions);
      if (i % 3 != 0) versions->publish();
    }
    versions->publish();
    BOOST_TEST(alive == 1000);
    BOOST_TEST(versions->drain(1000));
    BOOST_TEST(alive == 1);
    BOOST_TEST(versions->waiting() == 0u);
  }
  BOOST_TEST(alive == 0);
}

// One call takes a bounded time, whatever a transaction of a million edits left.
BOOST_AUTO_TEST_CASE(of_many_versions_some_are_freed_at_a_time_the_oldest_first) {
  int alive = 0;
  {
    VersionedCell<Tracked> cell;
    auto versions = Versions::create(1).value();
    for (int i = 0; i < 1000; ++i) {
      cell.set({i, &alive}, *versions);
      if (i == 500) versions->publish();
    }
    versions->publish();
    for (int freed = 0; freed < 990; freed += 90) {
      BOOST_TEST(versions->reclaim(90) == 90u);
      BOOST_TEST(alive == 1000 - freed - 90);
      BOOST_TEST(versions->waiting() == static_cast<size_t>(alive) - 1);
      BOOST_TEST(cell.at(versions->published())->value == 999);
    }
    BOOST_TEST(versions->reclaim() == 9u);
    cell.set({1000, &alive}, *versions);
    cell.set({1001, &alive}, *versions);
    versions->publish();
    BOOST_TEST(versions->reclaim(1) == 1u);
  }
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(drain_gives_up_when_a_reader_does_not_come_by) {
  VersionedCell<int> cell;
  auto versions = Versions::create(1).value();
  versions->online(0);
  cell.set(1, *versions);
  cell.set(2, *versions);
  versions->publish();
  BOOST_TEST(!versions->drain(5));
  versions->offline(0);
  BOOST_TEST(versions->drain(1000));
}

// A reader on the control thread itself.
BOOST_AUTO_TEST_CASE(what_a_pin_sees_is_not_freed_and_there_are_a_few) {
  int alive = 0;
  {
    VersionedCell<Tracked> cell;
    auto versions = Versions::create(1).value();
    cell.set({1, &alive}, *versions);
    versions->publish();
    {
      const auto pin = versions->pin();
      BOOST_REQUIRE(pin.has_value());
      cell.set({2, &alive}, *versions);
      versions->publish();
      BOOST_TEST(versions->reclaim() == 0u);
      BOOST_TEST(cell.at(pin->generation())->value == 1);
      BOOST_TEST(cell.at(versions->published())->value == 2);
    }
    BOOST_TEST(versions->reclaim() == 1u);
    std::vector<Versions::Pin> pins;
    while (auto pin = versions->pin()) pins.push_back(std::move(*pin));
    BOOST_TEST(pins.size() == 8u);
    pins.clear();
    BOOST_TEST(versions->pin().has_value());
  }
  BOOST_TEST(alive == 0);
}

}  // namespace
}  // namespace spigrp
