// The rules of grouping, each as the commands' contract states it.
#include "sa/sa_edit.h"

#include <boost/test/unit_test.hpp>

#include "tables_fixture.h"

namespace spigrp {
namespace {

using namespace test;

constexpr auto kTun = "tun.113@192.0.2.2";
constexpr auto kEsp = "esp.115@192.0.2.2";
constexpr auto kAh = "ah.116@192.0.2.2";
constexpr auto kEsp2 = "esp.215@192.0.2.2";
constexpr auto kTun2 = "tun.213@192.0.2.2";

struct ThreeSas : Tables {
  ThreeSas() {
    for (const auto* id : {kTun, kEsp, kAh, kEsp2, kTun2}) BOOST_REQUIRE(add(id).has_value());
  }
  FlowKey traffic = flow("10.0.1.5", "10.0.2.5");
  Selector nets = selector("10.0.1.0/24", "10.0.2.0/24");
};

BOOST_FIXTURE_TEST_SUITE(grouping, ThreeSas)

BOOST_AUTO_TEST_CASE(two_or_more_sas_become_one_group_inside_to_outside) {
  BOOST_REQUIRE(group({kTun, kEsp, kAh}).has_value());
  BOOST_TEST(group_of(kAh) == "tun.113@192.0.2.2 esp.115@192.0.2.2 ah.116@192.0.2.2");
  BOOST_TEST(tables->newest(said(kAh))->place == 2);
  BOOST_TEST(tables->group_count() == 1u);
}

BOOST_AUTO_TEST_CASE(families_mix_and_eight_sas_fit_but_not_nine) {
  std::vector<SaId> ids;
  for (int i = 0; i < 9; ++i) {
    const std::string id = (i % 2 ? "tun:30" : "tun.30") + std::to_string(i) + (i % 2 ? "@2001:db8::2" : "@192.0.2.2");
    BOOST_REQUIRE(add(id).has_value());
    ids.push_back(said(id));
  }
  const auto nine = edit([&](SaEdit& e) { return e.group(ids); });
  BOOST_REQUIRE(!nine.has_value());
  BOOST_TEST(nine.error().problem.find("at most 8") != std::string::npos);
  ids.pop_back();
  BOOST_TEST(edit([&](SaEdit& e) { return e.group(ids); }).has_value());
}

// HAZARDS 17: with the third SA refused, the first two stay as they were.
BOOST_AUTO_TEST_CASE(a_group_with_one_wrong_sa_changes_nothing_and_names_it) {
  const auto refused = group({kTun, kEsp, "ah.999@192.0.2.2"});
  BOOST_REQUIRE(!refused.has_value());
  BOOST_TEST(refused.error().object == "ah.999@192.0.2.2");
  BOOST_TEST(group_of(kTun) == kTun);
  BOOST_TEST(group_of(kEsp) == kEsp);
  BOOST_TEST(tables->group_count() == 0u);
}

BOOST_AUTO_TEST_CASE(an_sa_in_a_group_is_refused_and_the_error_says_how_to_free_it) {
  BOOST_REQUIRE(group({kTun, kEsp}).has_value());
  const auto refused = group({kTun2, kEsp});
  BOOST_REQUIRE(!refused.has_value());
  BOOST_TEST(refused.error().text() ==
             "esp.115@192.0.2.2: already in group tun.113@192.0.2.2; ungroup it first with: "
             "spigrp --said tun.113@192.0.2.2");
}

BOOST_AUTO_TEST_CASE(an_sa_listed_twice_is_refused) {
  const auto refused = group({kTun, kEsp, kEsp});
  BOOST_REQUIRE(!refused.has_value());
  BOOST_TEST(refused.error().object == kEsp);
}

BOOST_AUTO_TEST_CASE(any_member_dissolves_its_group) {
  for (const auto* member : {kTun, kEsp, kAh}) {
    BOOST_REQUIRE(group({kTun, kEsp, kAh}).has_value());
    BOOST_REQUIRE(ungroup(member).has_value());
    for (const auto* id : {kTun, kEsp, kAh}) BOOST_TEST(group_of(id) == id);
  }
  BOOST_TEST(!ungroup(kTun).has_value());
  BOOST_TEST(!ungroup("tun.999@192.0.2.2").has_value());
}

// Invariant 2.
BOOST_AUTO_TEST_CASE(no_packet_leaves_with_fewer_transforms_than_its_group_after_ungrouping) {
  BOOST_REQUIRE(group({kTun, kEsp, kAh}).has_value());
  BOOST_REQUIRE(eroute(nets, kTun).has_value());
  BOOST_TEST(verdict(traffic) == "tun.113@192.0.2.2 esp.115@192.0.2.2 ah.116@192.0.2.2");
  BOOST_REQUIRE(ungroup(kAh).has_value());
  BOOST_TEST(verdict(traffic) == "dissolved");
  BOOST_REQUIRE(group({kTun, kEsp}).has_value());
  BOOST_TEST(verdict(traffic) == "tun.113@192.0.2.2 esp.115@192.0.2.2");
  BOOST_REQUIRE(ungroup(kTun).has_value());
  BOOST_TEST(verdict(traffic) == "dissolved");
  BOOST_REQUIRE(eroute(nets, kTun, ErouteMode::kReplace).has_value());
  BOOST_TEST(verdict(traffic) == kTun);  // asked for just now
}

BOOST_AUTO_TEST_CASE(an_eroute_whose_sa_is_deleted_drops_until_the_sa_heads_a_group_again) {
  BOOST_REQUIRE(group({kTun, kEsp}).has_value());
  BOOST_REQUIRE(eroute(nets, kTun).has_value());
  BOOST_REQUIRE(remove(kEsp).has_value());
  BOOST_TEST(group_of(kTun) == "no SA");  // deleting one deletes the group's SAs
  BOOST_TEST(verdict(traffic) == "dissolved");
  BOOST_REQUIRE(add(kTun).has_value());
  BOOST_TEST(verdict(traffic) == "dissolved");  // alone it is less than the group was
  BOOST_REQUIRE(add(kEsp).has_value());
  BOOST_REQUIRE(group({kTun, kEsp}).has_value());
  BOOST_TEST(verdict(traffic) == "tun.113@192.0.2.2 esp.115@192.0.2.2");
}

BOOST_AUTO_TEST_CASE(an_eroute_to_a_lone_sa_works_again_when_the_sa_comes_back) {
  BOOST_REQUIRE(eroute(nets, kEsp).has_value());
  BOOST_REQUIRE(remove(kEsp).has_value());
  BOOST_TEST(verdict(traffic) == "dissolved");
  BOOST_REQUIRE(add(kEsp).has_value());
  BOOST_TEST(verdict(traffic) == kEsp);
}

BOOST_AUTO_TEST_CASE(an_eroute_to_a_lone_sa_gets_the_whole_group_once_it_heads_one) {
  BOOST_REQUIRE(eroute(nets, kTun).has_value());
  BOOST_TEST(verdict(traffic) == kTun);
  BOOST_REQUIRE(group({kTun, kEsp}).has_value());
  BOOST_TEST(verdict(traffic) == "tun.113@192.0.2.2 esp.115@192.0.2.2");
  BOOST_REQUIRE(ungroup(kTun).has_value());
  BOOST_TEST(verdict(traffic) == "dissolved");
}

BOOST_AUTO_TEST_CASE(an_sa_that_an_eroute_leads_to_gets_no_later_place) {
  BOOST_REQUIRE(eroute(nets, kEsp).has_value());
  const auto refused = group({kTun, kEsp});
  BOOST_REQUIRE(!refused.has_value());
  BOOST_TEST(refused.error().object == kEsp);
  BOOST_REQUIRE(group({kTun, kAh}).has_value());
  BOOST_TEST(!replace({kTun, kEsp}).has_value());
  BOOST_REQUIRE(edit([&](SaEdit& e) { return e.delete_eroute(nets); }).has_value());
  BOOST_TEST(replace({kTun, kEsp}).has_value());
}

BOOST_AUTO_TEST_CASE(an_eroute_leads_to_the_first_sa_only) {
  BOOST_REQUIRE(group({kTun, kEsp}).has_value());
  const auto refused = eroute(nets, kEsp);
  BOOST_REQUIRE(!refused.has_value());
  BOOST_TEST(refused.error().remedy.find(kTun) != std::string::npos);
  BOOST_TEST(!eroute(nets, "tun.999@192.0.2.2").has_value());
}

BOOST_AUTO_TEST_CASE(replace_makes_the_group_exactly_the_list_in_one_generation) {
  BOOST_REQUIRE(group({kTun, kEsp, kAh}).has_value());
  BOOST_REQUIRE(eroute(nets, kTun).has_value());
  versions->online(0);
  const Generation before = versions->published();
  const SaGroup* old = tables->find_eroute(traffic, before).group;
  BOOST_REQUIRE(replace({kTun, kEsp2}).has_value());
  BOOST_TEST(old->text() == "tun.113@192.0.2.2 esp.115@192.0.2.2 ah.116@192.0.2.2");
  BOOST_TEST(tables->find_eroute(traffic, before).group == old);
  BOOST_TEST(verdict(traffic) == "tun.113@192.0.2.2 esp.215@192.0.2.2");
  for (const auto* id : {kEsp, kAh}) BOOST_TEST(group_of(id) == id);
  versions->offline(0);
}

BOOST_AUTO_TEST_CASE(replace_wants_a_group_known_by_its_first_sa) {
  BOOST_TEST(!replace({kTun, kEsp}).has_value());
  BOOST_REQUIRE(group({kTun, kEsp}).has_value());
  BOOST_TEST(!replace({kEsp, kAh}).has_value());
  BOOST_TEST(!replace({kTun}).has_value());
  BOOST_TEST(!replace({kTun, "ah.999@192.0.2.2"}).has_value());
  BOOST_REQUIRE(group({kTun2, kEsp2}).has_value());
  const auto refused = replace({kTun, kEsp2});
  BOOST_REQUIRE(!refused.has_value());
  BOOST_TEST(refused.error().object == kEsp2);
  BOOST_TEST(group_of(kTun) == "tun.113@192.0.2.2 esp.115@192.0.2.2");
}

// HAZARDS 6 and invariant 1: an edit never copies or rebuilds an SA.
BOOST_AUTO_TEST_CASE(regroup_keeps_the_sequence_number) {
  BOOST_REQUIRE(group({kTun, kEsp, kAh}).has_value());
  Sa* esp = tables->newest(said(kEsp))->sa;
  BOOST_TEST(esp->sequence.reserve(10).first == 1u);
  BOOST_REQUIRE(replace({kTun, kEsp}).has_value());
  BOOST_REQUIRE(ungroup(kTun).has_value());
  BOOST_REQUIRE(group({kTun2, kEsp}).has_value());
  BOOST_TEST(tables->newest(said(kEsp))->sa == esp);
  BOOST_TEST(esp->sequence.reserve(1).first == 11u);
}

// HAZARDS 19, invariant 3.
BOOST_AUTO_TEST_CASE(an_edit_that_is_not_linked_leaves_no_trace) {
  const uint32_t keys = tables->sas().key_count();
  {
    SaEdit edit(*tables, *versions);
    BOOST_REQUIRE(edit.add_sa(spec("esp.400@192.0.2.2")).has_value());
    BOOST_REQUIRE(edit.add_sa(spec("tun.401@192.0.2.9")).has_value());
    BOOST_REQUIRE(edit.group(saids({"tun.401@192.0.2.9", "esp.400@192.0.2.2"})).has_value());
    BOOST_REQUIRE(edit.set_eroute(nets, said("tun.401@192.0.2.9"), ErouteMode::kAdd).has_value());
    BOOST_REQUIRE(edit.delete_sa(said(kEsp)).has_value());
    BOOST_REQUIRE(!edit.group(saids({kTun, kEsp})).has_value());
  }
  versions->publish();
  BOOST_TEST(versions->drain(1000));
  BOOST_TEST(verdict(traffic) == "none");
  BOOST_TEST(group_of(kEsp) == kEsp);
  BOOST_TEST(tables->sas().key_count() == keys);
  BOOST_TEST(tables->sas().find_slot(sa_key(said("esp.400@192.0.2.2"))) == kNoSlot);
  BOOST_TEST(tables->eroutes().newest(nets) == nullptr);
}

BOOST_AUTO_TEST_CASE(edits_of_one_transaction_build_on_each_other) {
  const auto done = edit([&](SaEdit& e) -> Expected<void> {
    BOOST_REQUIRE(e.add_sa(spec("tun.501@192.0.2.2")).has_value());
    BOOST_REQUIRE(e.add_sa(spec("esp.502@192.0.2.2")).has_value());
    BOOST_REQUIRE(e.group(saids({"tun.501@192.0.2.2", "esp.502@192.0.2.2"})).has_value());
    BOOST_REQUIRE(e.set_eroute(nets, said("tun.501@192.0.2.2"), ErouteMode::kAdd).has_value());
    BOOST_REQUIRE(e.ungroup(said("esp.502@192.0.2.2")).has_value());
    return e.group(saids({"tun.501@192.0.2.2", "esp.502@192.0.2.2", kAh}));
  });
  BOOST_REQUIRE(done.has_value());
  BOOST_TEST(verdict(traffic) == "tun.501@192.0.2.2 esp.502@192.0.2.2 ah.116@192.0.2.2");
}

BOOST_AUTO_TEST_CASE(an_sa_replaced_within_one_transaction_is_the_new_one_from_the_next_generation_on) {
  BOOST_REQUIRE(eroute(nets, kEsp).has_value());
  Sa* before = tables->newest(said(kEsp))->sa;
  const auto done = edit([&](SaEdit& e) -> Expected<void> {
    if (auto deleted = e.delete_sa(said(kEsp)); !deleted) return deleted;
    return e.add_sa(spec(kEsp));
  });
  BOOST_REQUIRE(done.has_value());
  BOOST_TEST(tables->newest(said(kEsp))->sa != before);
  BOOST_TEST(verdict(traffic) == kEsp);
}

BOOST_AUTO_TEST_CASE(clearing_again_and_again_takes_away_what_came_in_between) {
  BOOST_REQUIRE(group({kTun, kEsp}).has_value());
  const auto done = edit([&](SaEdit& e) -> Expected<void> {
    for (int round = 0; round < 100; ++round) {
      e.clear_sas();
      BOOST_REQUIRE(e.add_sa(spec(kEsp)).has_value());
      BOOST_REQUIRE(e.add_sa(spec("esp." + std::to_string(600 + round) + "@192.0.2.2")).has_value());
    }
    return {};
  });
  BOOST_REQUIRE(done.has_value());
  BOOST_TEST(tables->sa_count() == 2u);
  BOOST_TEST(group_of(kEsp) == kEsp);
  BOOST_TEST(group_of("esp.699@192.0.2.2") == "esp.699@192.0.2.2");
  BOOST_TEST(versions->drain(1000));
  BOOST_TEST(tables->sas().key_count() == 2u);
}

BOOST_AUTO_TEST_CASE(clear_takes_away_what_is_there_and_what_was_just_added) {
  BOOST_REQUIRE(group({kTun, kEsp}).has_value());
  const auto done = edit([&](SaEdit& e) -> Expected<void> {
    BOOST_REQUIRE(e.add_sa(spec("esp.600@192.0.2.2")).has_value());
    e.clear_sas();
    return e.add_sa(spec(kEsp));
  });
  BOOST_REQUIRE(done.has_value());
  BOOST_TEST(tables->sa_count() == 1u);
  BOOST_TEST(tables->group_count() == 0u);
  BOOST_TEST(group_of(kEsp) == kEsp);
  BOOST_TEST(versions->drain(1000));
  BOOST_TEST(tables->sas().key_count() == 1u);
}

BOOST_AUTO_TEST_CASE(an_sa_is_made_once) {
  const auto refused = add(kEsp);
  BOOST_REQUIRE(!refused.has_value());
  BOOST_TEST(refused.error().object == kEsp);
  BOOST_TEST(!remove("esp.999@192.0.2.2").has_value());
}

BOOST_AUTO_TEST_CASE(tunnels_alone_are_known_by_their_endpoints) {
  const auto bare = [&] {
    const SaGroup* group = tables->find_bare_tunnel(address("192.0.2.1"), address("192.0.2.2"), versions->published());
    return group == nullptr ? "none" : group->text();
  };
  BOOST_TEST(bare() == kTun2);  // the newest of two
  BOOST_REQUIRE(remove(kTun2).has_value());
  BOOST_TEST(bare() == kTun);
  BOOST_REQUIRE(group({kTun, kEsp}).has_value());
  BOOST_TEST(bare() == "none");
  BOOST_REQUIRE(ungroup(kTun).has_value());
  BOOST_TEST(bare() == "none");  // what it was grouped with is missing
  BOOST_REQUIRE(remove(kTun).has_value());
  BOOST_REQUIRE(add(kTun).has_value());
  BOOST_REQUIRE(add(kTun2).has_value());
  BOOST_REQUIRE(group({kTun, kTun2}).has_value());
  BOOST_TEST(bare() == "tun.113@192.0.2.2 tun.213@192.0.2.2");
}

BOOST_AUTO_TEST_SUITE_END()

// HAZARDS 13: nothing is left over after many rounds, and a full table says so.
BOOST_AUTO_TEST_CASE(adding_and_deleting_again_and_again_leaks_nothing) {
  Tables t;
  const Selector nets = selector("10.0.1.0/24", "10.0.2.0/24");
  for (int round = 0; round < 5000; ++round) {
    BOOST_REQUIRE(t.add("tun.113@192.0.2.2").has_value());
    BOOST_REQUIRE(t.add("esp.115@192.0.2.2").has_value());
    BOOST_REQUIRE(t.group({"tun.113@192.0.2.2", "esp.115@192.0.2.2"}).has_value());
    BOOST_REQUIRE(t.eroute(nets, "tun.113@192.0.2.2").has_value());
    BOOST_REQUIRE(t.edit([&](SaEdit& e) { return e.delete_eroute(nets); }).has_value());
    BOOST_REQUIRE(t.remove("esp.115@192.0.2.2").has_value());
  }
  BOOST_TEST(t.versions->drain(1000));
  BOOST_TEST(t.versions->waiting() == 0u);
  BOOST_TEST(t.tables->sas().key_count() == 0u);
  BOOST_TEST(t.tables->eroutes().eroute_count() == 0u);
}

BOOST_AUTO_TEST_CASE(a_full_table_refuses_the_next_sa_and_keeps_the_others) {
  Tables t;
  for (uint32_t spi = 0x1000; spi < 0x1000 + 1024; ++spi) {
    BOOST_REQUIRE(t.add(SaId{SaProtocol::kEsp, spi, address("192.0.2.2")}.text()).has_value());
  }
  const auto refused = t.add("esp.9000@192.0.2.2");
  BOOST_REQUIRE(!refused.has_value());
  BOOST_TEST(refused.error().problem.find("full") != std::string::npos);
  BOOST_TEST(t.tables->sa_count() == 1024u);
}

}  // namespace
}  // namespace spigrp
