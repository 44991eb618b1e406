// Neighbours: static ones stand, learned ones come and give way.
#include "route/neighbour_table.h"

#include "route_fixture.h"

namespace spigrp::test {

BOOST_FIXTURE_TEST_SUITE(neighbour_table, Routes)

BOOST_AUTO_TEST_CASE(a_neighbour_is_one_of_its_port_and_family) {
  require(set_neighbour("10.1.0.2", "lan", kMac));
  require(set_neighbour("10.1.0.2", "wan", kOtherMac));
  require(set_neighbour("fd00::2", "lan", kOtherMac));
  BOOST_TEST((neighbour("10.1.0.2", kLan)->mac == kMac));
  BOOST_TEST((neighbour("10.1.0.2", kWan)->mac == kOtherMac));
  BOOST_TEST((neighbour("fd00::2", kLan)->mac == kOtherMac));
  BOOST_TEST(neighbour("10.1.0.2", kDmz) == nullptr);
  BOOST_TEST(neighbours() == (Strings{"10.1.0.2 dev lan static", "10.1.0.2 dev wan static", "fd00::2 dev lan static"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_learned_does_not_change_a_static_one_but_a_static_one_replaces_it) {
  learn("10.1.0.2", kLan, kMac);
  BOOST_TEST(neighbours() == Strings{"10.1.0.2 dev lan learned"}, boost::test_tools::per_element());
  learn("10.1.0.2", kLan, kOtherMac);
  BOOST_TEST((neighbour("10.1.0.2", kLan)->mac == kOtherMac));
  require(set_neighbour("10.1.0.2", "lan", kMac));
  learn("10.1.0.2", kLan, kOtherMac);
  BOOST_TEST((neighbour("10.1.0.2", kLan)->mac == kMac));
  BOOST_TEST(neighbour("10.1.0.2", kLan)->is_static);
  require(set_neighbour("10.1.0.2", "lan", kOtherMac));
  BOOST_TEST((neighbour("10.1.0.2", kLan)->mac == kOtherMac));
  BOOST_TEST(neighbours().size() == 1u);
}

BOOST_AUTO_TEST_CASE(deleting_forgets_static_and_learned_ones) {
  require(set_neighbour("10.1.0.2", "lan", kMac));
  learn("10.1.0.3", kLan, kMac);
  require(delete_neighbour("10.1.0.2", "lan"));
  require(delete_neighbour("10.1.0.3", "lan"));
  BOOST_TEST(neighbour("10.1.0.2", kLan) == nullptr);
  BOOST_TEST(neighbour("10.1.0.3", kLan) == nullptr);
  BOOST_TEST(neighbours().empty());
  learn("10.1.0.2", kLan, kOtherMac);  // and may be learned again
  BOOST_TEST((neighbour("10.1.0.2", kLan)->mac == kOtherMac));
}

BOOST_AUTO_TEST_CASE(neighbours_that_cannot_be_are_refused) {
  require(add_address("10.1.0.1/24", "lan"));
  BOOST_TEST(refusal(set_neighbour("10.1.0.2", "nosuch", kMac)) ==
             "neighbour 10.1.0.2: no such port: nosuch; ports are lan, wan, dmz");
  BOOST_TEST(refusal(set_neighbour("10.1.0.1", "lan", kMac)).find("own address") != std::string::npos);
  BOOST_TEST(refusal(set_neighbour("224.0.0.1", "lan", kMac)).find("not the address") != std::string::npos);
  BOOST_TEST(refusal(set_neighbour("::", "lan", kMac)).find("not the address") != std::string::npos);
  BOOST_TEST(refusal(set_neighbour("10.1.0.2", "lan", {1, 0, 0, 0, 0, 1})).find("MAC") != std::string::npos);
  BOOST_TEST(refusal(set_neighbour("10.1.0.2", "lan", {})).find("MAC") != std::string::npos);
  BOOST_TEST(refusal(delete_neighbour("10.1.0.2", "lan")) ==
             "neighbour 10.1.0.2: no such neighbour on lan; neigh lists those there are");
  BOOST_TEST(refusal(delete_neighbour("10.1.0.2", "nosuch")).find("ports are") != std::string::npos);
  learn("10.1.0.2", 77, kMac);  // a port that is not there
  BOOST_TEST(neighbours().empty());
}

BOOST_AUTO_TEST_CASE(the_oldest_learned_one_makes_room_in_a_full_table) {
  for (int i = 0; i < 10; ++i) require(set_neighbour("10.1.0." + std::to_string(10 + i), "lan", kMac));
  for (int i = 0; i < 6; ++i) learn("10.1.1." + std::to_string(10 + i), kLan, kMac);
  learn("10.1.2.1", kLan, kMac);
  BOOST_TEST(neighbours().size() == 16u);
  BOOST_TEST(neighbour("10.1.1.10", kLan) == nullptr);
  BOOST_TEST(neighbour("10.1.1.11", kLan) != nullptr);
  BOOST_TEST(neighbour("10.1.2.1", kLan) != nullptr);
  // Learned anew it is the youngest.
  learn("10.1.1.11", kLan, kOtherMac);
  require(set_neighbour("10.1.3.1", "lan", kMac));
  BOOST_TEST(neighbour("10.1.1.11", kLan) != nullptr);
  BOOST_TEST(neighbour("10.1.1.12", kLan) == nullptr);
}

BOOST_AUTO_TEST_CASE(a_table_full_of_static_ones_learns_nothing_and_says_so_to_the_operator) {
  for (int i = 0; i < 16; ++i) require(set_neighbour("10.1.0." + std::to_string(10 + i), "lan", kMac));
  learn("10.1.2.1", kLan, kMac);
  BOOST_TEST(neighbour("10.1.2.1", kLan) == nullptr);
  BOOST_TEST(refusal(set_neighbour("10.1.2.1", "lan", kMac)) ==
             "neighbour 10.1.2.1: the table is full: it has room for 16 neighbours; raise neighbours in the "
             "configuration's [tables]");
  require(set_neighbour("10.1.0.10", "lan", kOtherMac));  // takes no room
  BOOST_TEST(neighbours().size() == 16u);
}

BOOST_AUTO_TEST_CASE(a_flood_of_neighbours_that_no_reader_lets_go_leaves_the_static_ones) {
  require(set_neighbour("10.1.0.2", "lan", kMac));
  versions->online(0);
  const Generation old = versions->published();
  for (int i = 0; i < 1000; ++i) {
    learn("10.2." + std::to_string(i / 250) + "." + std::to_string(1 + i % 250), kLan, kMac);
  }
  BOOST_TEST(neighbours().size() <= 16u);
  BOOST_TEST((neighbour("10.1.0.2", kLan)->mac == kMac));
  BOOST_TEST((neighbour("10.1.0.2", kLan, old)->mac == kMac));
  versions->offline(0);
  BOOST_TEST(versions->drain(1000));
  learn("10.4.0.1", kLan, kMac);
  BOOST_TEST(neighbour("10.4.0.1", kLan) != nullptr);
}

// What Routes::learn() does, between two edits of a transaction.
void learn_in_the_midst(Routes& routes, std::string_view host, const MacAddress& mac) {
  const Versions::Interlude interlude(*routes.versions);
  routes.learn(host, kLan, mac);
}

BOOST_AUTO_TEST_CASE(what_is_learned_in_the_midst_of_a_transaction_is_there_at_once_and_stays) {
  learn("10.1.0.9", kLan, kMac);
  RouteEdit around(*tables, *versions);
  require(around.set_neighbour({address("10.1.0.2"), "lan", kMac}));
  learn_in_the_midst(*this, "10.1.0.3", kMac);
  learn_in_the_midst(*this, "10.1.0.9", kOtherMac);
  BOOST_TEST((neighbour("10.1.0.3", kLan)->mac == kMac));
  BOOST_TEST((neighbour("10.1.0.9", kLan)->mac == kOtherMac));
  BOOST_TEST(neighbour("10.1.0.2", kLan) == nullptr);
  const Generation before = versions->published();
  require(around.set_neighbour({address("10.1.0.4"), "lan", kMac}));
  around.link();
  versions->publish();
  for (const char* host : {"10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.9"}) {
    BOOST_TEST(neighbour(host, kLan) != nullptr, host);
  }
  BOOST_TEST(neighbour("10.1.0.2", kLan, before) == nullptr);
  BOOST_TEST(tables->changed_at(before) == before);
  BOOST_TEST(tables->changed_at(versions->published()) == versions->published());
}

BOOST_AUTO_TEST_CASE(what_a_transaction_changes_is_not_learned_in_its_midst) {
  require(set_neighbour("10.1.0.2", "lan", kMac));
  learn("10.1.0.3", kLan, kMac);
  {
    RouteEdit around(*tables, *versions);
    require(around.delete_neighbour(address("10.1.0.2"), "lan"));
    require(around.set_neighbour({address("10.1.0.3"), "lan", kOtherMac}));
    require(around.set_neighbour({address("10.1.0.4"), "lan", kOtherMac}));
    for (const char* host : {"10.1.0.2", "10.1.0.3", "10.1.0.4"}) learn_in_the_midst(*this, host, {2, 0, 0, 0, 0, 9});
    BOOST_TEST((neighbour("10.1.0.2", kLan)->mac == kMac));
    BOOST_TEST((neighbour("10.1.0.3", kLan)->mac == kMac));
    BOOST_TEST(neighbour("10.1.0.4", kLan) == nullptr);
    around.link();
    versions->publish();
  }
  BOOST_TEST(neighbour("10.1.0.2", kLan) == nullptr);
  BOOST_TEST((neighbour("10.1.0.3", kLan)->is_static && neighbour("10.1.0.4", kLan)->is_static));
  learn("10.1.0.2", kLan, kOtherMac);
  BOOST_TEST((neighbour("10.1.0.2", kLan)->mac == kOtherMac));
}

// The places that it takes are its own, and so is what makes room for them.
BOOST_AUTO_TEST_CASE(what_is_learned_in_the_midst_of_a_transaction_takes_no_room_of_its) {
  for (int i = 0; i < 14; ++i) learn("10.1.1." + std::to_string(10 + i), kLan, kMac);
  RouteEdit around(*tables, *versions);
  for (int i = 0; i < 4; ++i) require(around.set_neighbour({address("10.1.0." + std::to_string(10 + i)), "lan", kMac}));
  for (int i = 0; i < 100; ++i) learn_in_the_midst(*this, "10.1.2." + std::to_string(10 + i), kMac);
  around.link();
  versions->publish();
  BOOST_TEST(neighbours().size() <= 16u);
  for (int i = 0; i < 4; ++i) BOOST_TEST(neighbour("10.1.0." + std::to_string(10 + i), kLan) != nullptr);
  BOOST_TEST(neighbour("10.1.1.10", kLan) == nullptr);
  BOOST_TEST(versions->drain(1000));
}

BOOST_AUTO_TEST_CASE(a_transaction_that_is_thrown_away_leaves_what_was_learned_in_its_midst) {
  {
    RouteEdit around(*tables, *versions);
    require(around.set_neighbour({address("10.1.0.2"), "lan", kMac}));
    learn_in_the_midst(*this, "10.1.0.3", kMac);
  }
  versions->discard();
  BOOST_TEST(neighbour("10.1.0.2", kLan) == nullptr);
  BOOST_TEST(neighbour("10.1.0.3", kLan) != nullptr);
  BOOST_TEST(versions->drain(1000));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
