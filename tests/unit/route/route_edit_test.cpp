// Own addresses and routes: where packets go, and what is refused in which words.
#include "route/route_edit.h"

#include "route_fixture.h"

namespace spigrp::test {

struct Gateway : Routes {
  Gateway() {
    require(add_address("10.1.0.1/24", "lan"));
    require(add_address("fd00:1::1/64", "lan"));
    require(add_address("192.0.2.1/24", "wan"));
    require(add_address("2001:db8::1/64", "wan"));
    require(create_interface("ipsec0"));
    require(attach("ipsec0", "wan"));
  }
};

BOOST_FIXTURE_TEST_SUITE(addresses, Gateway)

BOOST_AUTO_TEST_CASE(an_own_address_is_local_and_its_network_is_on_the_link) {
  BOOST_TEST(hop("10.1.0.1") == "local");
  BOOST_TEST(hop("10.1.0.2") == "lan");
  BOOST_TEST(hop("10.1.1.2") == "none");
  BOOST_TEST(hop("2001:db8::1") == "local");
  BOOST_TEST(hop("2001:db8::ffff") == "wan");
  BOOST_TEST(hop("2001:db8:0:1::1") == "none");
}

BOOST_AUTO_TEST_CASE(no_link_local_network_is_there_unless_asked_for) {
  BOOST_TEST(hop("fe80::1") == "none");
  require(add_address("fe80::1/64", "lan"));
  require(add_address("fe80::1/64", "wan"));  // each link has its own
  BOOST_TEST(hop("fe80::1") == "local");
  BOOST_TEST(hop("fe80::2") == "lan");
  BOOST_TEST(refusal(add_address("fe80::1/64", "lan")).starts_with("address fe80::1/64: exists already"));
  require(delete_address("fe80::1/64", "lan"));
  BOOST_TEST(hop("fe80::1") == "local");
  BOOST_TEST(hop("fe80::2") == "wan");
}

BOOST_AUTO_TEST_CASE(a_deleted_address_takes_its_network_along_unless_another_is_in_it) {
  require(add_address("10.1.0.99/24", "lan"));
  require(delete_address("10.1.0.1/24", "lan"));
  BOOST_TEST(hop("10.1.0.1") == "lan");
  BOOST_TEST(hop("10.1.0.99") == "local");
  require(delete_address("10.1.0.99/24", "lan"));
  BOOST_TEST(hop("10.1.0.99") == "none");
  BOOST_TEST(hop("10.1.0.1") == "none");
}

BOOST_AUTO_TEST_CASE(of_two_ports_in_one_network_the_first_one_leads_there) {
  require(add_address("10.1.0.98/24", "dmz"));
  BOOST_TEST(hop("10.1.0.2") == "lan");
  require(delete_address("10.1.0.1/24", "lan"));
  BOOST_TEST(hop("10.1.0.2") == "dmz");
}

BOOST_AUTO_TEST_CASE(of_two_ports_in_one_network_the_one_of_the_oldest_address_leads_there) {
  require(add_address("10.1.0.98/24", "dmz"));
  require(add_address("10.1.0.2/24", "lan"));
  require(delete_address("10.1.0.2/24", "lan"));
  BOOST_TEST(hop("10.1.0.3") == "lan");
  require(add_address("10.1.0.2/24", "lan"));
  require(delete_address("10.1.0.1/24", "lan"));
  BOOST_TEST(hop("10.1.0.3") == "dmz");
}

BOOST_AUTO_TEST_CASE(a_host_prefix_connects_to_nothing) {
  require(add_address("198.51.100.7/32", "dmz"));
  BOOST_TEST(hop("198.51.100.7") == "local");
  BOOST_TEST(hop("198.51.100.6") == "none");
  require(delete_address("198.51.100.7/32", "dmz"));
  BOOST_TEST(hop("198.51.100.7") == "none");
}

BOOST_AUTO_TEST_CASE(addresses_that_cannot_be_are_refused) {
  BOOST_TEST(refusal(add_address("10.9.0.1/24", "nosuch")) ==
             "address 10.9.0.1/24: no such port: nosuch; ports are lan, wan, dmz");
  BOOST_TEST(refusal(add_address("10.9.0.1/24", "ipsec0")).find("no such port: ipsec0") != std::string::npos);
  BOOST_TEST(refusal(add_address("10.1.0.1/16", "wan")) ==
             "address 10.1.0.1/16: exists already as 10.1.0.1/24 on lan; delete it first with: "
             "address --del 10.1.0.1/24 --dev lan");
  BOOST_TEST(refusal(add_address("0.0.0.0/0", "lan")).starts_with("address 0.0.0.0/0: "));
  BOOST_TEST(refusal(add_address("224.0.0.5/24", "lan")).starts_with("address 224.0.0.5/24: is a group"));
  BOOST_TEST(refusal(add_address("ff02::1/64", "lan")).starts_with("address ff02::1/64: is a group"));
  BOOST_TEST(refusal(delete_address("10.1.0.1/16", "lan")) ==
             "address 10.1.0.1/16: no such address on lan; it is "
             "10.1.0.1/24");
  BOOST_TEST(refusal(delete_address("10.1.0.1/24", "wan")) ==
             "address 10.1.0.1/24: no such address on wan; address lists those there are");
  BOOST_TEST(addresses().size() == 4u);
}

BOOST_AUTO_TEST_CASE(addresses_are_listed_in_the_order_in_which_they_came) {
  const Strings first = addresses();
  require(add_address("10.1.0.9/24", "lan"));
  require(add_address("10.0.0.1/8", "dmz"));
  BOOST_REQUIRE(first.size() == 4u);
  BOOST_TEST(
      addresses() == (Strings{first[0], first[1], first[2], first[3], "10.1.0.9/24 dev lan", "10.0.0.1/8 dev dmz"}),
      boost::test_tools::per_element());
  require(delete_address("10.1.0.1/24", "lan"));
  require(add_address("10.1.0.1/24", "lan"));
  BOOST_TEST(addresses().back() == "10.1.0.1/24 dev lan");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(routes_, Gateway)

BOOST_AUTO_TEST_CASE(the_longest_prefix_wins_whatever_the_order) {
  require(add_route("10.8.1.0/24", "192.0.2.3", "wan"));
  require(add_route("0.0.0.0/0", "192.0.2.254", "wan"));
  require(add_route("10.8.0.0/16", "192.0.2.2", "wan"));
  require(add_route("10.8.1.7/32", {}, {}));
  BOOST_TEST(hop("10.8.1.1") == "wan via 192.0.2.3");
  BOOST_TEST(hop("10.8.1.7") == "blackhole");
  BOOST_TEST(hop("10.8.2.1") == "wan via 192.0.2.2");
  BOOST_TEST(hop("203.0.113.9") == "wan via 192.0.2.254");
  BOOST_TEST(hop("255.255.255.255") == "wan via 192.0.2.254");
  require(delete_route("10.8.1.0/24"));
  BOOST_TEST(hop("10.8.1.1") == "wan via 192.0.2.2");
  BOOST_TEST(hop("10.8.1.7") == "blackhole");
  require(delete_route("0.0.0.0/0"));
  BOOST_TEST(hop("203.0.113.9") == "none");
}

BOOST_AUTO_TEST_CASE(a_gateway_alone_finds_its_device) {
  require(add_address("192.0.2.129/25", "dmz"));
  require(add_route("10.8.0.0/16", "192.0.2.2"));
  require(add_route("10.9.0.0/16", "192.0.2.200"));  // the longer of two networks
  require(add_route("fd00:8::/32", "2001:db8::2"));
  BOOST_TEST(hop("10.8.0.1") == "wan via 192.0.2.2");
  BOOST_TEST(hop("10.9.0.1") == "dmz via 192.0.2.200");
  BOOST_TEST(hop("fd00:8::1") == "wan via 2001:db8::2");
  BOOST_TEST(routes() == (Strings{"10.8.0.0/16 via 192.0.2.2 dev wan", "10.9.0.0/16 via 192.0.2.200 dev dmz",
                                  "fd00:8::/32 via 2001:db8::2 dev wan"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_gateway_may_be_behind_a_route_straight_out_of_the_port_or_link_local) {
  BOOST_TEST(refusal(add_route("10.8.0.0/16", "198.51.100.1", "dmz")) ==
             "route 10.8.0.0/16: its gateway 198.51.100.1 is in no network that dmz is connected to; name another, "
             "or give dmz an address in its network with: address --add");
  require(add_route("198.51.100.1/32", {}, "dmz"));
  require(add_route("10.8.0.0/16", "198.51.100.1", "dmz"));
  require(add_route("10.9.0.0/16", "198.51.100.1"));
  require(add_route("fd00:8::/32", "fe80::7", "dmz"));
  BOOST_TEST(hop("10.9.0.1") == "dmz via 198.51.100.1");
  BOOST_TEST(hop("fd00:8::1") == "dmz via fe80::7");
}

BOOST_AUTO_TEST_CASE(a_route_through_an_interface_meets_it_with_its_port) {
  require(add_route("10.2.0.0/16", "192.0.2.2", "ipsec0"));
  require(add_route("fd00:2::/32", {}, "ipsec0"));
  BOOST_TEST(hop("10.2.0.1") == "ipsec0 at wan via 192.0.2.2");
  BOOST_TEST(hop("fd00:2::1") == "ipsec0 at wan");
}

BOOST_AUTO_TEST_CASE(replacing_changes_a_route_in_one_step_or_adds_it) {
  require(replace_route("10.8.0.0/16", "192.0.2.2", "wan"));
  const Generation before = versions->published();
  require(replace_route("10.8.0.0/16", {}, "lan"));
  BOOST_TEST(hop("10.8.0.1") == "lan");
  BOOST_TEST(versions->published() == before + 1);
  BOOST_TEST(routes() == Strings{"10.8.0.0/16 dev lan"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_route_may_stand_before_the_network_of_an_address_but_is_not_added_to_it_unawares) {
  BOOST_TEST(refusal(add_route("10.1.0.0/24", {}, "ipsec0")) ==
             "route 10.1.0.0/24: is the network of an own address on lan; change it with: route --replace");
  require(replace_route("10.1.0.0/24", {}, "ipsec0"));
  BOOST_TEST(hop("10.1.0.2") == "ipsec0 at wan");
  BOOST_TEST(hop("10.1.0.1") == "local");
  require(delete_route("10.1.0.0/24"));
  BOOST_TEST(hop("10.1.0.2") == "lan");
  BOOST_TEST(refusal(delete_route("10.1.0.0/24")) ==
             "route 10.1.0.0/24: no such route; it is the network of an own address, and goes with it");
}

BOOST_AUTO_TEST_CASE(an_own_address_is_routed_nowhere_else) {
  BOOST_TEST(refusal(add_route("10.1.0.1/32", {}, "wan")).starts_with("route 10.1.0.1/32: is an own address"));
  BOOST_TEST(refusal(replace_route("10.1.0.1/32")).starts_with("route 10.1.0.1/32: is an own address"));
  require(add_route("10.5.0.1/32", {}, "wan"));
  BOOST_TEST(refusal(add_address("10.5.0.1/24", "dmz")) ==
             "address 10.5.0.1/24: there is a route to it; delete it first with: route --del --dst 10.5.0.1/32");
}

BOOST_AUTO_TEST_CASE(routes_that_cannot_be_are_refused) {
  require(add_route("10.8.0.0/16", "192.0.2.2", "wan"));
  BOOST_TEST(refusal(add_route("10.8.0.0/16")) == "route 10.8.0.0/16: exists already; change it with: route --replace");
  BOOST_TEST(refusal(add_route("10.9.0.0/16", {}, "nosuch")) ==
             "route 10.9.0.0/16: no such device: nosuch; ports are lan, wan, dmz, and tncfg lists the protected "
             "interfaces");
  BOOST_TEST(refusal(add_route("10.9.0.0/16", {}, "ipsec7")) ==
             "route 10.9.0.0/16: no such device: ipsec7; make it first with: tncfg --create ipsec7");
  BOOST_TEST(refusal(add_route("10.9.0.0/16", "203.0.113.1")).find("its gateway 203.0.113.1") != std::string::npos);
  BOOST_TEST(refusal(add_route("10.9.0.0/16", "192.0.2.2", "lan")).find("lan is connected") != std::string::npos);
  BOOST_TEST(refusal(add_route("10.9.0.0/16", "192.0.2.1", "wan")).find("own address") != std::string::npos);
  BOOST_TEST(refusal(add_route("fd00:9::/32", "fe80::7")).find("--dev") != std::string::npos);
  BOOST_TEST(refusal(add_route("10.9.0.1/16")).find("host bits") != std::string::npos);
  BOOST_TEST(refusal(add_route("10.9.0.0/16", "2001:db8::2")).find("family") != std::string::npos);
  BOOST_TEST(refusal(replace_route("10.8.0.0/16", "203.0.113.1")).find("203.0.113.1") != std::string::npos);
  BOOST_TEST(refusal(delete_route("10.9.0.0/16")) == "route 10.9.0.0/16: no such route; route lists those there are");
  BOOST_TEST(hop("10.8.0.1") == "wan via 192.0.2.2");
  BOOST_TEST(routes().size() == 1u);
}

BOOST_AUTO_TEST_CASE(an_edit_sees_those_before_it) {
  require(edit([](RouteEdit& e) -> Expected<void> {
    Routes::require(e.add_address({prefix("198.51.100.1/24"), "dmz"}));
    Routes::require(e.create_interface("ipsec1"));
    Routes::require(e.attach_interface("ipsec1", "dmz"));
    Routes::require(e.add_route(route("10.8.0.0/16", "198.51.100.2")));
    Routes::require(e.add_route(route("10.9.0.0/16", {}, "ipsec1")));
    BOOST_TEST(!e.add_route(route("10.9.0.0/16")).has_value());
    BOOST_TEST(!e.delete_interface("ipsec1").has_value());
    Routes::require(e.delete_route(prefix("10.9.0.0/16")));
    BOOST_TEST(!e.delete_route(prefix("10.9.0.0/16")).has_value());
    return e.delete_interface("ipsec1");
  }));
  BOOST_TEST(hop("10.8.0.1") == "dmz via 198.51.100.2");
  BOOST_TEST(hop("10.9.0.1") == "none");
}

BOOST_AUTO_TEST_CASE(a_prefix_that_goes_and_comes_within_an_edit_has_its_new_next_hop) {
  require(add_route("10.8.0.0/16", "192.0.2.2", "wan"));
  require(edit([](RouteEdit& e) {
    Routes::require(e.delete_route(prefix("10.8.0.0/16")));
    return e.add_route(route("10.8.0.0/16"));
  }));
  BOOST_TEST(hop("10.8.0.1") == "blackhole");
  require(edit([](RouteEdit& e) {
    Routes::require(e.add_route(route("10.9.0.0/16")));
    return e.delete_route(prefix("10.9.0.0/16"));
  }));
  BOOST_TEST(hop("10.9.0.1") == "none");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(capacity)

BOOST_AUTO_TEST_CASE(a_full_table_says_which_setting_to_raise_and_keeps_working) {
  Routes t({.neighbours = 16, .routes = 8});
  t.require(t.add_address("10.1.0.1/24", "lan"));
  for (int i = 0; i < 6; ++i) t.require(t.add_route("10.8." + std::to_string(i) + ".0/24", {}, "lan"));
  const std::string full =
      "the table is full: it has room for 8 routes, of which an own address takes two; raise "
      "routes in the configuration's [tables]";
  BOOST_TEST(t.refusal(t.add_route("10.9.0.0/16")) == "route 10.9.0.0/16: " + full);
  BOOST_TEST(t.refusal(t.add_route("fd00::/16")) == "route fd00::/16: " + full);
  BOOST_TEST(t.refusal(t.add_address("10.2.0.1/24", "lan")) == "address 10.2.0.1/24: " + full);
  t.require(t.replace_route("10.8.0.0/24"));  // takes no room
  t.require(t.delete_route("10.8.5.0/24"));
  t.require(t.add_route("fd00::/16"));
  BOOST_TEST(t.hop("fd00::1") == "blackhole");
  // In one edit what goes makes room for what comes, though an old reader still sees it.
  t.versions->online(0);
  for (int i = 0; i < 20; ++i) {
    t.require(t.edit([&](RouteEdit& e) {
      Routes::require(e.delete_route(prefix(i % 2 == 0 ? "fd00::/16" : "10.7.0.0/16")));
      return e.add_route(route(i % 2 == 0 ? "10.7.0.0/16" : "fd00::/16"));
    }));
  }
  BOOST_TEST(t.hop("fd00::1") == "blackhole");
  t.versions->offline(0);
}

BOOST_AUTO_TEST_CASE(a_table_of_more_than_two_byte_numbers_works) {
  Routes t({.neighbours = 16, .routes = 40'000});
  t.require(t.edit([](RouteEdit& e) -> Expected<void> {
    for (uint32_t i = 0; i < 39'998; ++i) {
      RouteSpec spec{.destination = {IpAddress::ipv4(0x0b000000 + (i << 8)), 24}};
      if (i == 39'997) spec.device = "wan";
      if (auto added = e.add_route(spec); !added) return added;
    }
    return e.add_route(route("10.0.0.0/25", {}, "lan"));
  }));
  BOOST_TEST(t.hop("11.0.5.1") == "blackhole");
  BOOST_TEST(t.hop(IpAddress::ipv4(0x0b000000 + (39'997u << 8) + 3).text()) == "wan");
  BOOST_TEST(t.hop("10.0.0.1") == "lan");
  BOOST_TEST(t.hop("10.0.0.128") == "none");
}

BOOST_AUTO_TEST_CASE(too_little_memory_is_an_error_that_names_the_setting) {
  const auto tables = RouteTables::create({.routes = 100'000'000});
  BOOST_REQUIRE(!tables.has_value());
  BOOST_TEST(tables.error().text().find("raise memory.megabytes") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_lookup_before_the_first_edit_finds_nothing) {
  Routes t;
  BOOST_TEST(t.hop("10.0.0.1") == "none");
  BOOST_TEST(t.hop("fd00::1") == "none");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
