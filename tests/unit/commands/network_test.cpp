// tncfg, address, route and neigh: what their words make, and what they refuse.
#include "command_fixture.h"

namespace spigrp {
namespace {

BOOST_FIXTURE_TEST_SUITE(network_commands, World)

BOOST_AUTO_TEST_CASE(tncfg_makes_attaches_detaches_and_removes_interfaces) {
  lists("tncfg", Listing::kInterfaces);
  BOOST_TEST(edit<InterfaceCreate>("tncfg --create ipsec0").name == "ipsec0");
  BOOST_TEST(edit<InterfaceDelete>("tncfg --delete ipsec63").name == "ipsec63");
  const auto attached = edit<InterfaceAttach>("tncfg --attach --virtual ipsec0 --physical wan");
  BOOST_TEST((attached.name == "ipsec0" && attached.port == "wan"));
  BOOST_TEST(edit<InterfaceDetach>("tncfg --detach --virtual ipsec0").name == "ipsec0");
  edit<InterfaceClear>("tncfg --clear");
}

BOOST_AUTO_TEST_CASE(tncfg_refuses_what_is_no_interface_or_not_whole) {
  refused("tncfg --create eth0", {"--create eth0", "ipsec0"});
  refused("tncfg --create ipsec64", {"ipsec64"});
  refused("tncfg --delete ipsec01", {"ipsec01"});
  refused("tncfg --create", {"--create", "has no value"});
  refused("tncfg --attach --virtual ipsec0", {"--physical", "missing"});
  refused("tncfg --attach --physical wan", {"--virtual", "missing"});
  refused("tncfg --attach --virtual wan --physical ipsec0", {"--virtual wan"});
  refused("tncfg --detach --virtual ipsec0 --physical wan", {"--physical", "--detach"});
  refused("tncfg --attach --detach --virtual ipsec0", {"--attach and --detach"});
  refused("tncfg --clear --virtual ipsec0", {"--virtual", "--clear"});
  refused("tncfg --virtual ipsec0", {"what to do"});
}

BOOST_AUTO_TEST_CASE(address_keeps_its_host_bits) {
  lists("address", Listing::kAddresses);
  const auto added = edit<AddressAdd>("address --add 10.1.0.99/24 --dev lan").spec;
  BOOST_TEST(added.address.text() == "10.1.0.99/24");
  BOOST_TEST(added.device == "lan");
  BOOST_TEST(edit<AddressDelete>("address --dev lan --del fd00::1/64").spec.address.text() == "fd00::1/64");
  BOOST_TEST(edit<AddressAdd>("address --add 10.1.0.99 --dev lan").spec.address.bits == 32);
  refused("address --add 10.1.0.99/24", {"10.1.0.99/24", "--dev PORT"});
  refused("address --add 10.1.0.99/33 --dev lan", {"--add 10.1.0.99/33"});
  refused("address --add 0.0.0.0/0 --dev lan", {"unspecified"});
  refused("address --add lan --dev lan", {"--add lan"});
  refused("address --add 10.1.0.1/24 --del 10.1.0.2/24 --dev lan", {"--add and --del"});
  refused("address --dev lan", {"what to do"});
  refused("address --add", {"--add", "has no value"});
}

BOOST_AUTO_TEST_CASE(route_leads_to_a_gateway_a_device_or_nowhere) {
  lists("route", Listing::kRoutes);
  const auto added = edit<RouteAdd>("route --add --dst 10.8.0.0/16 --via gw2 --dev ipsec0");
  BOOST_TEST(added.spec.destination.text() == "10.8.0.0/16");
  BOOST_TEST(added.spec.via.value().text() == "192.0.2.2");
  BOOST_TEST(added.spec.device == "ipsec0");
  BOOST_TEST((added.existing == ExistingEntry::kRefuse));
  BOOST_TEST((edit<RouteAdd>("route --replace --dst ::/0 --via gw2").existing == ExistingEntry::kReplace));
  BOOST_TEST(edit<RouteAdd>("route --add --dst ::/0 --via gw2").spec.via.value().text() == "2001:db8::2");
  BOOST_TEST(!edit<RouteAdd>("route --add --dst 10.8.0.0/16 --dev wan").spec.via);
  const auto blackhole = edit<RouteAdd>("route --add --dst 10.8.0.0/16").spec;
  BOOST_TEST((!blackhole.via && blackhole.device.empty()));
  BOOST_TEST(edit<RouteDelete>("route --del --dst 10.8.0.0/16").destination.text() == "10.8.0.0/16");
}

BOOST_AUTO_TEST_CASE(route_lists_path_mtus_too) {
  lists("route", Listing::kRoutes);
  lists("route --path-mtu", Listing::kPathMtus);
  refused("route --path-mtu --dst 10.8.0.0/16", {"--path-mtu"});
}

BOOST_AUTO_TEST_CASE(route_refuses_what_does_not_fit) {
  refused("route --add --via gw2 --dev wan", {"--dst", "missing"});
  refused("route --add --dst 10.8.0.1/16 --via gw2", {"--dst 10.8.0.1/16", "10.8.0.0/16"});
  refused("route --add --dst 10.8.0.0/16 --via 2001:db8::2", {"--via", "2001:db8::2"});
  refused("route --add --dst 10.8.0.0/16 --via 0.0.0.0", {"unspecified"});
  refused("route --del --dst 10.8.0.0/16 --dev wan", {"--dev", "--del"});
  refused("route --add --replace --dst 10.8.0.0/16", {"--add and --replace"});
  refused("route --dst 10.8.0.0/16", {"what to do"});
  refused("route add 10.8.0.0/16", {"add", "left over"});
}

BOOST_AUTO_TEST_CASE(neigh_has_an_address_a_port_and_when_added_a_mac) {
  lists("neigh", Listing::kNeighbours);
  const auto added = edit<NeighbourSet>("neigh --add --dst gw2 --mac 02:00:00:00:00:0A --dev wan").spec;
  BOOST_TEST(added.address.text() == "192.0.2.2");
  BOOST_TEST(text(added.mac) == "02:00:00:00:00:0a");
  BOOST_TEST(added.device == "wan");
  const auto removed = edit<NeighbourDelete>("neigh --del --dst fd00:1::2 --dev lan");
  BOOST_TEST((removed.address == address("fd00:1::2") && removed.device == "lan"));
  refused("neigh --add --dst 192.0.2.2 --dev wan", {"--mac", "missing"});
  refused("neigh --add --dst 192.0.2.2 --mac 02:00:00:00:00:01", {"--dev", "missing"});
  refused("neigh --add --mac 02:00:00:00:00:01 --dev wan", {"--dst", "missing"});
  refused("neigh --add --dst 192.0.2.2 --mac 02-00 --dev wan", {"--mac 02-00"});
  refused("neigh --del --dst 192.0.2.2 --mac 02:00:00:00:00:01 --dev wan", {"--mac", "--del"});
  refused("neigh --del --dst 192.0.2.2", {"--dev", "missing"});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
