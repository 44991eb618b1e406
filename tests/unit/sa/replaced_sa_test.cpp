// spi --replace, eroutes that lead to nothing, and what a transaction tells of itself.
#include <map>

#include <boost/test/unit_test.hpp>

#include "tables_fixture.h"

namespace spigrp {
namespace {

using namespace test;

constexpr auto kInner = "tun.113@192.0.2.2", kOuter = "esp.115@192.0.2.2", kLone = "esp.215@192.0.2.2";

struct Grouped : Tables {
  Grouped() {
    for (const auto* id : {kInner, kOuter, kLone}) BOOST_REQUIRE(add(id).has_value());
    BOOST_REQUIRE(group({kInner, kOuter}).has_value());
    BOOST_REQUIRE(eroute(nets, kInner).has_value());
  }
  Expected<void> replace_sa(const SaSpec& now) {
    return edit([&](SaEdit& e) { return e.replace_sa(now); });
  }
  Sa& sa(std::string_view id) { return *tables->newest(said(id))->sa; }

  FlowKey traffic = flow("10.0.1.5", "10.0.2.5");
  Selector nets = selector("10.0.1.0/24", "10.0.2.0/24");
};

// What a listener was told, in words.
struct Told : SaChangeListener {
  void sa(const SaId& id, Sa* now) override {
    words.push_back((now == nullptr ? "- " : "+ ") + id.text());
    if (now != nullptr) sent[id] = now->sequence.sent();
  }
  void spent_key(const SpentKey& key) override { spent = key.number; }
  void dissolved(const SaId& id, uint64_t edit_number) override {
    words.push_back((edit_number == 0 ? "whole " : "dissolved ") + id.text());
  }
  void group(const SaId& first, const SaGroup* now) override {
    words.push_back(now == nullptr ? "no group " + first.text() : "group " + now->text());
  }
  void eroute(const Selector&, const Eroute* now) override {
    words.push_back(now == nullptr ? "no eroute" : "eroute " + text(now->target));
  }
  std::vector<std::string> words;
  uint64_t spent = 0;
  std::map<SaId, uint64_t> sent;  // of new SAs
};

BOOST_FIXTURE_TEST_SUITE(replaced_sas, Grouped)

BOOST_AUTO_TEST_CASE(another_object_takes_the_place_in_the_group_and_its_numbers_begin_anew) {
  sa(kOuter).sequence.reserve(1000);
  const Sa* old = &sa(kOuter);
  SaSpec now = spec(kOuter);
  now.encryption_key = Key(std::vector<uint8_t>(20, 0x99));
  BOOST_REQUIRE(replace_sa(now).has_value());
  BOOST_TEST(&sa(kOuter) != old);
  BOOST_TEST(sa(kOuter).sequence.sent() == 0u);
  BOOST_TEST(verdict(traffic) == "tun.113@192.0.2.2 esp.115@192.0.2.2");
  BOOST_TEST(tables->newest(said(kInner))->group == tables->newest(said(kOuter))->group);
  BOOST_TEST(tables->newest(said(kInner))->group->at(1) == &sa(kOuter));
  BOOST_TEST(tables->sa_count() == 3u);
  BOOST_TEST(tables->group_count() == 1u);
}

// Invariant 1: workers may still be sending with the object before.
BOOST_AUTO_TEST_CASE(with_the_same_keys_the_numbers_go_on_behind_those_of_the_old_object) {
  sa(kOuter).sequence.reserve(1000);
  for (const uint64_t number : {7u, 8u, 9u}) sa(kOuter).replay.check_and_advance(number);
  BOOST_REQUIRE(replace_sa(spec(kOuter)).has_value());
  BOOST_TEST(sa(kOuter).sequence.sent() >= 1000u + 131072u);
  BOOST_TEST((sa(kOuter).replay.check(9) != ReplayVerdict::kFresh));
  BOOST_TEST((sa(kOuter).replay.check(10) == ReplayVerdict::kFresh));
}

// A transaction may take seconds, in which the old object goes on receiving.
BOOST_AUTO_TEST_CASE(what_came_while_a_replacement_was_prepared_does_not_come_again) {
  SaEdit edit(*tables, *versions);
  BOOST_REQUIRE(edit.replace_sa(spec(kOuter)).has_value());
  SaSpec other = spec(kLone);
  other.encryption_key = Key(std::vector<uint8_t>(20, 0x99));
  BOOST_REQUIRE(edit.replace_sa(other).has_value());
  for (const uint64_t number : {97u, 100u}) sa(kOuter).replay.check_and_advance(number);
  sa(kLone).replay.check_and_advance(100);
  edit.link();
  versions->publish();
  for (const uint64_t number : {1u, 97u, 99u, 100u}) {
    BOOST_TEST((sa(kOuter).replay.check(number) != ReplayVerdict::kFresh), number);
  }
  BOOST_TEST((sa(kOuter).replay.check(101) == ReplayVerdict::kFresh));
  BOOST_TEST((sa(kLone).replay.check(1) == ReplayVerdict::kFresh));  // of other keys
}

// Who deletes an SA and makes it anew means another beginning; so may its peer.
BOOST_AUTO_TEST_CASE(an_sa_that_is_made_again_receives_from_the_beginning) {
  sa(kLone).replay.check_and_advance(100);
  SaEdit edit(*tables, *versions);
  BOOST_REQUIRE(edit.delete_sa(said(kLone)).has_value());
  BOOST_REQUIRE(edit.add_sa(spec(kLone)).has_value());
  edit.link();
  versions->publish();
  BOOST_TEST((sa(kLone).replay.check(1) == ReplayVerdict::kFresh));
}

// Invariant 1, of keys that come again.
BOOST_AUTO_TEST_CASE(an_sa_that_is_deleted_and_made_again_goes_on_behind_its_numbers) {
  sa(kLone).sequence.reserve(1000);
  BOOST_REQUIRE(remove(kLone).has_value());
  SaSpec other = spec(kLone);
  other.id = said("esp.999@192.0.2.9");  // whatever the SA is called
  BOOST_REQUIRE(add(other).has_value());
  BOOST_TEST(sa("esp.999@192.0.2.9").sequence.sent() == 1000u + 131072u);
  SaSpec with_new_keys = spec(kLone);
  with_new_keys.encryption_key = Key(std::vector<uint8_t>(20, 0x99));
  BOOST_REQUIRE(add(with_new_keys).has_value());
  BOOST_TEST(sa(kLone).sequence.sent() == 0u);
}

BOOST_AUTO_TEST_CASE(one_transaction_that_deletes_and_makes_an_sa_keeps_its_numbers_too) {
  sa(kOuter).sequence.reserve(1000);
  const auto done = edit([&](SaEdit& e) -> Expected<void> {
    e.clear_sas();
    return e.add_sa(spec(kOuter));
  });
  BOOST_REQUIRE(done.has_value());
  BOOST_TEST(sa(kOuter).sequence.sent() == 1000u + 131072u);
}

BOOST_AUTO_TEST_CASE(an_sa_that_only_comes_and_goes_uses_few_numbers_up) {
  sa(kLone).sequence.reserve(1000);
  for (int i = 0; i < 3; ++i) {
    BOOST_REQUIRE(remove(kLone).has_value());
    BOOST_REQUIRE(add(spec(kLone)).has_value());
  }
  BOOST_TEST(sa(kLone).sequence.sent() == 1000u + 131072u + 2 * 8192u);
  SaSpec silent = spec(kOuter);  // and none where it never sent
  silent.encryption_key = Key(std::vector<uint8_t>(20, 0x99));
  for (int i = 0; i < 3; ++i) {
    BOOST_REQUIRE(remove(kOuter).has_value());
    BOOST_REQUIRE(add(silent).has_value());
  }
  BOOST_TEST(sa(kOuter).sequence.sent() == 0u);
}

BOOST_AUTO_TEST_CASE(what_is_told_of_the_keys_of_an_sa_that_goes_is_all_that_it_may_still_use) {
  sa(kLone).sequence.set_limit(1u << 20);
  sa(kLone).sequence.reserve(1000);
  SaEdit e(*tables, *versions);
  BOOST_REQUIRE(e.delete_sa(said(kLone)).has_value());
  Told told;
  e.tell(told);
  BOOST_TEST(told.spent == 1u << 20);
}

// However much is sent between the edit and its publication.
BOOST_AUTO_TEST_CASE(numbers_used_while_the_transaction_is_made_are_not_used_again) {
  sa(kLone).sequence.reserve(1000);
  Sa* const old = &sa(kLone);
  SaEdit e(*tables, *versions);
  BOOST_REQUIRE(e.delete_sa(said(kLone)).has_value());
  BOOST_REQUIRE(e.add_sa(spec(kLone)).has_value());
  old->sequence.reserve(5'000'000);
  e.link();
  const uint64_t begins = sa(kLone).sequence.sent();
  uint64_t highest = 0;  // of a worker that has not seen the edit
  for (int burst = 0; burst < 10'000; ++burst) {
    const Sequence::Numbers numbers = old->sequence.reserve(64);
    if (numbers.count > 0) highest = numbers.first + numbers.count - 1;
  }
  BOOST_TEST(highest > 5'001'000u);
  BOOST_TEST(highest <= begins);
  versions->publish();
}

// In either order.
BOOST_AUTO_TEST_CASE(an_sa_that_is_made_before_another_with_its_keys_is_deleted_goes_on_behind_that) {
  sa(kLone).sequence.reserve(1000);
  Sa* const old = &sa(kLone);
  SaSpec heir = spec(kLone), passing = spec(kLone);
  heir.id = said("esp.999@192.0.2.9");
  passing.id = said("esp.998@192.0.2.9");
  SaEdit e(*tables, *versions);
  BOOST_REQUIRE(e.add_sa(heir).has_value());
  BOOST_REQUIRE(e.add_sa(passing).has_value());
  BOOST_REQUIRE(e.delete_sa(said(kLone)).has_value());
  BOOST_REQUIRE(e.delete_sa(passing.id).has_value());
  Told told;
  e.tell(told);
  BOOST_TEST(told.sent[heir.id] >= 1000u);  // so that what is reserved lies behind what was used
  old->sequence.reserve(5'000'000);
  e.link();
  versions->publish();
  BOOST_TEST(sa("esp.999@192.0.2.9").sequence.sent() == 5'001'000u + 131072u);
  BOOST_TEST(sa("esp.999@192.0.2.9").marks.began_sent == 5'001'000u + 131072u);
}

BOOST_AUTO_TEST_CASE(keys_whose_numbers_are_used_up_make_an_sa_that_only_receives) {
  sa(kLone).sequence.reserve(UINT32_MAX);
  BOOST_REQUIRE(remove(kLone).has_value());
  BOOST_REQUIRE(add(spec(kLone)).has_value());
  BOOST_TEST(sa(kLone).sequence.is_used_up());
  BOOST_TEST(sa(kLone).sequence.reserve(64).count == 0u);
  BOOST_REQUIRE(remove(kLone).has_value());
  SaSpec extended = spec(kLone);
  extended.extended_sequence = true;
  BOOST_REQUIRE(add(extended).has_value());
  BOOST_TEST(sa(kLone).sequence.sent() == UINT32_MAX);
}

BOOST_AUTO_TEST_CASE(of_too_many_spent_keys_the_one_that_was_spent_longest_ago_is_forgotten) {
  SpentKeys keys;
  const auto key = [](uint32_t number) {
    KeyFingerprint fingerprint{};
    std::memcpy(fingerprint.data(), &number, sizeof(number));
    return fingerprint;
  };
  for (uint32_t i = 0; i < SpentKeys::kMost; ++i) keys.add({key(i), 7});
  keys.add({key(0), 5});  // again
  for (uint32_t i = 0; i < 2; ++i) keys.add({key(SpentKeys::kMost + i), 7});
  BOOST_TEST(keys.used_up_to(key(0)) == 7u);
  BOOST_TEST(keys.used_up_to(key(1)) == 0u);
  BOOST_TEST(keys.used_up_to(key(2)) == 0u);
  BOOST_TEST(keys.used_up_to(key(3)) == 7u);
  BOOST_TEST(keys.used_up_to(key(SpentKeys::kMost + 1)) == 7u);
}

BOOST_AUTO_TEST_CASE(what_is_not_there_or_is_known_by_other_addresses_cannot_be_replaced) {
  BOOST_TEST(replace_sa(spec("esp.999@192.0.2.2")).error().problem == "no such SA");
  SaSpec moved = spec(kInner);
  moved.source = address("192.0.2.77");
  BOOST_TEST(!replace_sa(moved).has_value());
  BOOST_TEST(replace_sa(spec(kInner)).has_value());
}

// The eroute was pointed at a group that is no more: that a member gets new keys does not make it one again.
BOOST_AUTO_TEST_CASE(replacing_does_not_bring_a_dissolved_group_back) {
  BOOST_REQUIRE(ungroup(kInner).has_value());
  BOOST_TEST(verdict(traffic) == "dissolved");
  BOOST_REQUIRE(replace_sa(spec(kInner)).has_value());
  BOOST_TEST(verdict(traffic) == "dissolved");
}

BOOST_AUTO_TEST_CASE(an_sa_can_be_replaced_twice_in_one_transaction_and_then_deleted) {
  const auto done = edit([&](SaEdit& e) -> Expected<void> {
    for (int i = 0; i < 2; ++i) {
      if (auto replaced = e.replace_sa(spec(kOuter)); !replaced) return replaced;
    }
    return e.delete_sa(said(kOuter));
  });
  BOOST_REQUIRE(done.has_value());
  BOOST_TEST(tables->sa_count() == 1u);
  BOOST_TEST(verdict(traffic) == "dissolved");
}

BOOST_AUTO_TEST_CASE(a_dissolved_eroute_drops_until_its_sa_heads_a_group) {
  const Selector other = selector("10.0.3.0/24", "10.0.4.0/24");
  const FlowKey there = flow("10.0.3.1", "10.0.4.1");
  const auto dissolved = [&](std::string_view id) {
    return edit([&](SaEdit& e) { return e.set_dissolved_eroute(other, said(id), ErouteMode::kReplace); });
  };
  BOOST_TEST(dissolved("esp.777@192.0.2.2").has_value());  // which does not exist
  BOOST_TEST(verdict(there) == "dissolved");
  BOOST_REQUIRE(add("esp.777@192.0.2.2").has_value());
  BOOST_TEST(verdict(there) == "dissolved");
  BOOST_REQUIRE(group({"esp.777@192.0.2.2", kLone}).has_value());
  BOOST_TEST(verdict(there) == "esp.777@192.0.2.2 esp.215@192.0.2.2");
  BOOST_TEST(!dissolved(kInner).has_value());  // it is a group's first
  BOOST_REQUIRE(edit([&](SaEdit& e) { return e.delete_eroute(other); }).has_value());
}

BOOST_AUTO_TEST_CASE(a_dissolved_eroute_that_is_thrown_away_leaves_no_slot_taken) {
  const uint32_t before = tables->sas().key_count();
  {
    SaEdit e(*tables, *versions);
    BOOST_REQUIRE(
        e.set_dissolved_eroute(selector("10.7.0.0/16", "10.8.0.0/16"), said("esp.778@192.0.2.2"), ErouteMode::kAdd));
  }
  versions->discard();
  versions->drain(100);
  BOOST_TEST(tables->sas().key_count() == before);
}

BOOST_AUTO_TEST_CASE(a_transaction_tells_what_it_changes_and_nothing_else) {
  const auto told = [&](auto change) {
    Told listener;
    SaEdit e(*tables, *versions);
    BOOST_REQUIRE(change(e).has_value());
    e.tell(listener);
    e.link();
    versions->publish();
    return listener.words;
  };
  using Words = std::vector<std::string>;
  BOOST_TEST(told([&](SaEdit& e) {
               return e.replace_group(saids({kInner, kLone}));
             }) == (Words{"group tun.113@192.0.2.2 esp.215@192.0.2.2", "dissolved esp.115@192.0.2.2"}),
             boost::test_tools::per_element());
  BOOST_TEST(told([&](SaEdit& e) { return e.ungroup(said(kInner)); }).size() == 3u);  // two dissolved, no group
  BOOST_TEST(told([&](SaEdit& e) { return e.delete_eroute(nets); }) == (Words{"no eroute"}),
             boost::test_tools::per_element());
  BOOST_TEST(told([&](SaEdit& e) { return e.delete_sa(said(kLone)); }) ==
                 (Words{"- esp.215@192.0.2.2", "whole esp.215@192.0.2.2"}),
             boost::test_tools::per_element());
  BOOST_TEST(told([&](SaEdit& e) { return e.add_sa(spec(kLone)); }) == (Words{"+ esp.215@192.0.2.2"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
