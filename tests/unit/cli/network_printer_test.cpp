// The lines of addresses, routes and neighbours.
#include "cli/network_printer.h"

#include <boost/test/unit_test.hpp>

namespace spigrp {
namespace {

IpAddress address(const char* text) {
  return parse_ip_address(text).value();
}

IpPrefix prefix(const char* text) {
  return parse_ip_prefix(text, HostBits::kAllowed).value();
}

BOOST_AUTO_TEST_CASE(an_address_keeps_its_host_bits) {
  BOOST_TEST(address_line({prefix("10.1.0.1/24"), "lan"}) == "10.1.0.1/24 dev lan");
  BOOST_TEST(address_line({prefix("2001:DB8:0::1/64"), "lan"}) == "2001:db8::1/64 dev lan");
}

BOOST_AUTO_TEST_CASE(a_route_has_a_gateway_or_a_device_or_both_or_is_a_black_hole) {
  const IpPrefix to = prefix("10.2.0.0/16");
  BOOST_TEST(route_line({to, address("192.0.2.2"), "ipsec0"}) == "10.2.0.0/16 via 192.0.2.2 dev ipsec0");
  BOOST_TEST(route_line({to, address("192.0.2.2"), ""}) == "10.2.0.0/16 via 192.0.2.2");
  BOOST_TEST(route_line({to, std::nullopt, "lan"}) == "10.2.0.0/16 dev lan");
  BOOST_TEST(route_line({to, std::nullopt, ""}) == "10.2.0.0/16 blackhole");
}

BOOST_AUTO_TEST_CASE(a_neighbour_is_static_or_learned) {
  const NeighbourSpec spec{address("192.0.2.2"), "wan", {2, 0, 0, 0, 2, 0xab}};
  BOOST_TEST(neighbour_line({spec, true}) == "192.0.2.2 mac 02:00:00:00:02:ab dev wan static");
  BOOST_TEST(path_mtu_line({spec.address, 1400, 599}) == "192.0.2.2 mtu 1400 expires in 599 s");
  BOOST_TEST(neighbour_line({spec, false}) == "192.0.2.2 mac 02:00:00:00:02:ab dev wan learned");
}

}  // namespace
}  // namespace spigrp
