// Protected interfaces: made, attached, listed, and taken away with or without their routes.
#include "route_fixture.h"

namespace spigrp::test {

struct WithInterface : Routes {
  WithInterface() {
    require(add_address("192.0.2.1/24", "wan"));
    require(create_interface("ipsec0"));
    require(add_route("10.2.0.0/16", "192.0.2.2", "ipsec0"));
  }
  Strings interfaces() const {
    Strings rows;
    for (const InterfaceRow& row : list_interfaces(*tables)) {
      rows.push_back(row.name + " -> " + row.port + " " + std::to_string(row.port_mtu_bytes));
    }
    return rows;
  }
};

BOOST_FIXTURE_TEST_SUITE(interfaces, WithInterface)

BOOST_AUTO_TEST_CASE(attaching_and_detaching_changes_all_its_routes_at_one_generation) {
  require(add_route("fd00:2::/32", {}, "ipsec0"));
  BOOST_TEST(hop("10.2.0.1") == "ipsec0 at no port via 192.0.2.2");
  const Generation detached = versions->published();
  require(attach("ipsec0", "wan"));
  BOOST_TEST(versions->published() == detached + 1);
  BOOST_TEST(hop("10.2.0.1") == "ipsec0 at wan via 192.0.2.2");
  BOOST_TEST(hop("fd00:2::1") == "ipsec0 at wan");
  require(detach("ipsec0"));
  BOOST_TEST(hop("10.2.0.1") == "ipsec0 at no port via 192.0.2.2");
  BOOST_TEST(hop("fd00:2::1") == "ipsec0 at no port");
}

BOOST_AUTO_TEST_CASE(moving_to_another_port_is_one_step_in_one_edit) {
  require(attach("ipsec0", "wan"));
  require(edit([](RouteEdit& e) {
    Routes::require(e.detach_interface("ipsec0"));
    return e.attach_interface("ipsec0", "dmz");
  }));
  BOOST_TEST(hop("10.2.0.1") == "ipsec0 at dmz via 192.0.2.2");
}

BOOST_AUTO_TEST_CASE(an_interface_with_routes_is_not_deleted) {
  BOOST_TEST(refusal(delete_interface("ipsec0")) ==
             "ipsec0: a route leads to it, that of 10.2.0.0/16; delete it first with: route --del --dst 10.2.0.0/16");
  require(add_route("10.3.0.0/16", {}, "ipsec0"));
  BOOST_TEST(refusal(delete_interface("ipsec0")).starts_with("ipsec0: 2 routes lead to it, one of them that of 10.2"));
  require(delete_route("10.2.0.0/16"));
  require(delete_route("10.3.0.0/16"));
  require(delete_interface("ipsec0"));
  BOOST_TEST(interfaces().empty());
}

BOOST_AUTO_TEST_CASE(clearing_takes_interfaces_and_their_routes_and_nothing_else) {
  require(create_interface("ipsec5"));
  require(attach("ipsec5", "dmz"));
  require(add_route("10.3.0.0/16", {}, "ipsec5"));
  require(add_route("10.4.0.0/16", {}, "wan"));
  require(edit([](RouteEdit& e) -> Expected<void> {
    Routes::require(e.create_interface("ipsec6"));
    Routes::require(e.add_route(route("10.5.0.0/16", {}, "ipsec6")));  // in the same edit
    e.clear_interfaces();
    e.clear_interfaces();
    return {};
  }));
  BOOST_TEST(interfaces().empty());
  BOOST_TEST(routes() == Strings{"10.4.0.0/16 dev wan"}, boost::test_tools::per_element());
  for (const auto* gone : {"10.2.0.1", "10.3.0.1", "10.5.0.1"}) BOOST_TEST(hop(gone) == "none");
  BOOST_TEST(hop("10.4.0.1") == "wan");
  require(create_interface("ipsec0"));
}

BOOST_AUTO_TEST_CASE(sixty_four_interfaces_can_be_made) {
  for (int i = 1; i < 64; ++i) require(create_interface("ipsec" + std::to_string(i)));
  BOOST_TEST(refusal(create_interface("ipsec64")).find("ipsec0 … ipsec63") != std::string::npos);
  require(add_route("10.9.0.0/16", {}, "ipsec63"));
  BOOST_TEST(hop("10.9.0.1") == "ipsec63 at no port");
  const Strings rows = interfaces();
  BOOST_REQUIRE(rows.size() == 64u);
  BOOST_TEST(rows[2] == "ipsec2 ->  0");  // by number
  BOOST_TEST(rows[10] == "ipsec10 ->  0");
}

BOOST_AUTO_TEST_CASE(interfaces_are_listed_with_port_and_mtu) {
  require(create_interface("ipsec3"));
  require(attach("ipsec3", "dmz"));
  BOOST_TEST(interfaces() == (Strings{"ipsec0 ->  0", "ipsec3 -> dmz 1400"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_done_is_refused_with_what_would_work) {
  BOOST_TEST(refusal(create_interface("ipsec0")).starts_with("ipsec0: exists already; attach it"));
  BOOST_TEST(refusal(create_interface("eth0")).starts_with("eth0: "));
  BOOST_TEST(refusal(attach("ipsec7", "wan")) ==
             "ipsec7: no such interface; make it first with: tncfg --create ipsec7");
  BOOST_TEST(refusal(attach("ipsec0", "nosuch")) == "ipsec0: no such port: nosuch; ports are lan, wan, dmz");
  BOOST_TEST(refusal(detach("ipsec0")).starts_with("ipsec0: is attached to no port"));
  BOOST_TEST(refusal(detach("ipsec7")).starts_with("ipsec7: no such interface"));
  BOOST_TEST(refusal(delete_interface("ipsec7")).starts_with("ipsec7: no such interface"));
  require(attach("ipsec0", "wan"));
  BOOST_TEST(refusal(attach("ipsec0", "dmz")) ==
             "ipsec0: is attached to wan already; detach it first with: tncfg --detach --virtual ipsec0");
}

BOOST_AUTO_TEST_CASE(a_port_s_name_is_no_interface_s) {
  Routes t;
  set_ports(*t.tables, {{"ipsec4", 1500, kMac}});
  BOOST_TEST(t.refusal(t.create_interface("ipsec4")).starts_with("ipsec4: is the name of a port"));
  t.require(t.add_route("10.0.0.0/8", {}, "ipsec4"));
  BOOST_TEST(t.hop("10.0.0.1") == "ipsec4");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
