// Invariant 3 for routes: addresses, routes, interfaces and neighbours of one transaction appear at one generation;
// who looks at an older one sees it whole; and an edit that is thrown away leaves nothing.
#include "route_fixture.h"

namespace spigrp::test {

struct Site : Routes {
  Site() {
    require(add_address("10.1.0.1/24", "lan"));
    require(add_address("192.0.2.1/24", "wan"));
    require(create_interface("ipsec0"));
    require(attach("ipsec0", "wan"));
    require(add_route("10.2.0.0/16", "192.0.2.2", "ipsec0"));
    require(add_route("fd00:2::/32", {}, "ipsec0"));
    require(set_neighbour("192.0.2.2", "wan", kMac));
  }
  ~Site() { versions->offline(0); }

  // Everything changes.
  static Expected<void> move(RouteEdit& e) {
    require(e.detach_interface("ipsec0"));
    require(e.attach_interface("ipsec0", "dmz"));
    require(e.delete_address({prefix("192.0.2.1/24"), "wan"}));
    require(e.add_address({prefix("198.51.100.1/24"), "dmz"}));
    require(e.replace_route(route("10.2.0.0/16", "198.51.100.2", "ipsec0")));
    require(e.add_route(route("10.2.7.0/24")));
    require(e.delete_route(prefix("fd00:2::/32")));
    require(e.delete_neighbour(address("192.0.2.2"), "wan"));
    return e.set_neighbour({address("198.51.100.2"), "dmz", kOtherMac});
  }
  Strings seen(Generation g) const {
    Strings all;
    for (const auto* to : {"10.1.0.1", "10.1.0.2", "192.0.2.1", "192.0.2.2", "198.51.100.1", "198.51.100.2", "10.2.0.1",
                           "10.2.7.1", "fd00:2::1"}) {
      all.push_back(hop(to, g));
    }
    all.emplace_back(neighbour("192.0.2.2", kWan, g) != nullptr ? "wan peer" : "");
    all.emplace_back(neighbour("198.51.100.2", kDmz, g) != nullptr ? "dmz peer" : "");
    return all;
  }
  const Strings before{"local",
                       "lan",
                       "local",
                       "wan",
                       "none",
                       "none",
                       "ipsec0 at wan via 192.0.2.2",
                       "ipsec0 at wan via 192.0.2.2",
                       "ipsec0 at wan",
                       "wan peer",
                       ""};
  const Strings after{"local",     "lan",  "none", "none",    "local", "dmz", "ipsec0 at dmz via 198.51.100.2",
                      "blackhole", "none", "",     "dmz peer"};
  // All that an edit may leave behind.
  Strings lists() const {
    Strings all = routes();
    for (const Strings& more : {addresses(), neighbours()}) all.insert(all.end(), more.begin(), more.end());
    for (const InterfaceRow& row : list_interfaces(*tables)) all.push_back(row.name + row.port);
    return all;
  }
};

BOOST_FIXTURE_TEST_SUITE(generations, Site)

BOOST_AUTO_TEST_CASE(invariant_3_a_transaction_is_all_or_nothing_for_every_packet) {
  versions->online(0);
  const Generation old = versions->published();
  RouteEdit edit(*tables, *versions);
  require(move(edit));
  BOOST_TEST(seen(old) == before, boost::test_tools::per_element());
  edit.link();
  BOOST_TEST(seen(old) == before, boost::test_tools::per_element());
  versions->publish();
  BOOST_TEST(seen(old) == before, boost::test_tools::per_element());
  BOOST_TEST(seen(old + 1) == after, boost::test_tools::per_element());
  versions->reclaim();
  BOOST_TEST(seen(old) == before, boost::test_tools::per_element());
  versions->offline(0);
  BOOST_TEST(versions->drain(1000));
  BOOST_TEST(seen(old + 1) == after, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_old_reader_keeps_its_next_hops_through_many_edits) {
  versions->online(0);
  const Generation old = versions->published();
  const NextHop& held = tables->lookup(address("10.2.0.1"), old);
  for (int i = 0; i < 200; ++i) {
    const std::string third = std::to_string(i);
    require(add_route("10.2." + third + ".0/24"));
    require(replace_route("10.2.0.0/16", i % 2 == 0 ? "192.0.2.3" : "192.0.2.4", "wan"));
    if (i >= 20) require(delete_route("10.2." + std::to_string(i - 20) + ".0/24"));
  }
  BOOST_TEST(seen(old) == before, boost::test_tools::per_element());
  BOOST_TEST(&tables->lookup(address("10.2.0.1"), old) == &held);
  BOOST_TEST((held.gateway == address("192.0.2.2")));
  BOOST_TEST(hop("10.2.199.1") == "blackhole");
  BOOST_TEST(hop("10.2.20.1") == "wan via 192.0.2.4");
  versions->offline(0);
  BOOST_TEST(versions->drain(1000));
  BOOST_TEST(versions->waiting() == 0u);
  BOOST_TEST(hop("10.2.199.1") == "blackhole");
}

BOOST_AUTO_TEST_CASE(an_edit_thrown_away_leaves_no_trace) {
  const Strings lists_before = lists();
  const Generation generation = versions->published();
  for (int i = 0; i < 100; ++i) {
    RouteEdit edit(*tables, *versions);
    require(move(edit));
    edit.learn_neighbour(kLan, address("10.1.0." + std::to_string(20 + i)), kMac);
    if (i % 2 == 0) edit.clear_interfaces();
  }
  BOOST_TEST(versions->published() == generation);
  BOOST_TEST(lists() == lists_before, boost::test_tools::per_element());
  BOOST_TEST(seen(generation) == before, boost::test_tools::per_element());
  versions->publish();
  BOOST_TEST(seen(generation + 1) == before, boost::test_tools::per_element());
  BOOST_TEST(versions->drain(1000));
  // Nothing is used up.
  for (int i = 0; i < 15; ++i) require(set_neighbour("10.1.0." + std::to_string(20 + i), "lan", kMac));
  require(edit(move));
  BOOST_TEST(seen(versions->published()) == after, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_refused_edit_changes_nothing_of_what_came_before_it_in_its_transaction) {
  const Strings lists_before = lists();
  const auto refused = edit([](RouteEdit& e) {
    require(move(e));
    return e.add_route(route("10.3.0.0/16", {}, "nosuch"));
  });
  BOOST_TEST(refusal(refused).find("nosuch") != std::string::npos);
  BOOST_TEST(lists() == lists_before, boost::test_tools::per_element());
  BOOST_TEST(seen(versions->published()) == before, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(many_edits_in_a_row_hold_on_to_nothing) {
  for (int i = 0; i < 3000; ++i) {
    require(replace_route("10.2.0.0/16", i % 2 == 0 ? "192.0.2.3" : "192.0.2.4", "wan"));
    require(i % 2 == 0 ? add_route("10.4.0.0/16") : delete_route("10.4.0.0/16"));
    BOOST_REQUIRE(versions->waiting() == 0u);
  }
  BOOST_TEST(hop("10.2.0.1") == "wan via 192.0.2.4");
}

BOOST_AUTO_TEST_CASE(what_waits_at_the_end_is_freed_with_the_tables) {
  versions->online(0);
  for (int i = 0; i < 5; ++i) require(add_route("10.4." + std::to_string(i) + ".0/24"));
  RouteEdit edit(*tables, *versions);
  require(move(edit));
  edit.link();  // and never published
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
