// Who shares a peer's port with whom, how long, and which groups esp in UDP may be in.
#include "sa/udp_ports.h"

#include <boost/test/unit_test.hpp>

#include "tables_fixture.h"

namespace spigrp {
namespace {

using namespace test;

struct UdpTables : Tables {
  Expected<void> add_in_udp(std::string_view id, std::string_view source, UdpEncapsulation ports = {}) {
    SaSpec in_udp = spec(id);
    in_udp.source = address(source);
    in_udp.udp_encapsulation = ports;
    return edit([&](SaEdit& e) { return e.add_sa(in_udp); });
  }
  const SaUdp& udp(std::string_view id) const { return *tables->newest(said(id))->sa->udp; }
  bool has(uint16_t port) const { return tables->udp_ports().has(port); }
};

BOOST_FIXTURE_TEST_SUITE(udp_ports, UdpTables)

BOOST_AUTO_TEST_CASE(what_comes_from_a_peer_and_what_goes_to_it_share_its_port) {
  BOOST_REQUIRE(add_in_udp("esp.115@192.0.2.2", "192.0.2.1", {4500, 40001}).has_value());
  BOOST_REQUIRE(add_in_udp("esp.215@192.0.2.1", "192.0.2.2", {40001, 4500}).has_value());
  BOOST_TEST(udp("esp.115@192.0.2.2").to_peer == udp("esp.215@192.0.2.1").from_peer);
  BOOST_TEST(udp("esp.115@192.0.2.2").to_peer->port() == 40001);
  udp("esp.215@192.0.2.1").from_peer->follow(50002);
  BOOST_TEST(udp("esp.115@192.0.2.2").to_peer->port() == 50002);
  // An SA that is made later, for a rekey, finds the peer where it is.
  BOOST_REQUIRE(add_in_udp("esp.116@192.0.2.2", "192.0.2.1", {4500, 40001}).has_value());
  BOOST_TEST(udp("esp.116@192.0.2.2").to_peer->port() == 50002);
}

BOOST_AUTO_TEST_CASE(other_peers_and_other_ports_are_left_alone) {
  BOOST_REQUIRE(add_in_udp("esp.215@192.0.2.1", "192.0.2.2", {40001, 4500}).has_value());
  for (const auto& [id, source, ports] : {std::tuple("esp.115@192.0.2.2", "192.0.2.1", UdpEncapsulation{4500, 40002}),
                                          {"esp.116@192.0.2.3", "192.0.2.1", UdpEncapsulation{4500, 40001}},
                                          {"esp.117@192.0.2.2", "192.0.2.9", UdpEncapsulation{4500, 40001}},
                                          {"esp.118@192.0.2.2", "192.0.2.1", UdpEncapsulation{4501, 40001}}}) {
    BOOST_REQUIRE(add_in_udp(id, source, ports).has_value());
    BOOST_TEST(udp(id).to_peer != udp("esp.215@192.0.2.1").from_peer);
  }
}

BOOST_AUTO_TEST_CASE(only_what_proves_itself_newest_tells_where_the_peer_is) {
  SaSpec no_window = spec("esp.115@192.0.2.2"), no_icv = spec("esp.116@192.0.2.2");
  no_window.replay_window = 0;
  no_icv.algorithm = "aes128";
  no_icv.encryption_key = Key(std::vector<uint8_t>(16, 0x11));
  for (SaSpec* each : {&no_window, &no_icv}) {
    each->udp_encapsulation = UdpEncapsulation();
    BOOST_TEST(!Sa::create(*each).value()->udp->follows);
  }
  BOOST_REQUIRE(add_in_udp("esp.117@192.0.2.2", "192.0.2.1").has_value());
  BOOST_TEST(udp("esp.117@192.0.2.2").follows);
}

BOOST_AUTO_TEST_CASE(ports_are_the_gateways_as_long_as_an_sa_names_them) {
  BOOST_TEST(has(4500));
  BOOST_TEST(!has(4501));
  BOOST_REQUIRE(add_in_udp("esp.215@192.0.2.1", "192.0.2.2", {40001, 4501}).has_value());
  BOOST_REQUIRE(add_in_udp("esp.216@192.0.2.1", "192.0.2.2", {40001, 4501}).has_value());
  BOOST_TEST(has(4501));
  BOOST_REQUIRE(remove("esp.215@192.0.2.1").has_value());
  BOOST_TEST(has(4501));
  BOOST_REQUIRE(remove("esp.216@192.0.2.1").has_value());
  versions->reclaim();
  BOOST_TEST(!has(4501));
  BOOST_TEST(has(4500));
  for (uint32_t port = 0; port <= UINT16_MAX; ++port) BOOST_TEST(has(static_cast<uint16_t>(port)) == (port == 4500));
}

// HAZARDS 13: adding and deleting does not leave anything behind, nor does an edit that is thrown away.
BOOST_AUTO_TEST_CASE(nothing_is_left_of_sas_that_are_gone) {
  for (uint16_t i = 0; i < 1000; ++i) {
    const auto port = static_cast<uint16_t>(10000 + i);
    BOOST_REQUIRE(add_in_udp("esp.215@192.0.2.1", "192.0.2.2", {port, 4500}).has_value());
    BOOST_REQUIRE(remove("esp.215@192.0.2.1").has_value());
  }
  SaSpec in_udp = spec("esp.300@192.0.2.2");
  in_udp.udp_encapsulation = UdpEncapsulation{4600, 4700};
  {
    SaEdit thrown_away(*tables, *versions);
    BOOST_REQUIRE(thrown_away.add_sa(in_udp).has_value());
    BOOST_TEST(has(4600));
  }
  versions->reclaim();
  BOOST_TEST(!has(4600));
  BOOST_TEST(tables->udp_ports().peer_count() == 0u);
}

// RFC 3948 has no AH: it protects the addresses that a translator changes.
BOOST_AUTO_TEST_CASE(ah_may_not_share_its_ip_header_with_esp_in_udp) {
  for (const auto* id : {"tun.113@192.0.2.2", "tun.114@192.0.2.2", "ah.116@192.0.2.2", "comp.200@192.0.2.2"}) {
    BOOST_REQUIRE(add(id).has_value());
  }
  BOOST_REQUIRE(add_in_udp("esp.115@192.0.2.2", "192.0.2.1").has_value());
  for (const auto& members : {std::initializer_list<std::string_view>{"esp.115@192.0.2.2", "ah.116@192.0.2.2"},
                              {"ah.116@192.0.2.2", "esp.115@192.0.2.2"},
                              {"tun.113@192.0.2.2", "esp.115@192.0.2.2", "ah.116@192.0.2.2"},
                              {"tun.113@192.0.2.2", "esp.115@192.0.2.2", "comp.200@192.0.2.2", "ah.116@192.0.2.2"}}) {
    const auto refused = group(members);
    BOOST_REQUIRE(!refused.has_value());
    BOOST_TEST(
        refused.error().text() ==
        "ah.116@192.0.2.2: would protect the IP header of esp.115@192.0.2.2, which is UDP-encapsulated; leave it "
        "out, or put a tun SA between the two");
  }
  BOOST_REQUIRE(group({"tun.113@192.0.2.2", "esp.115@192.0.2.2", "tun.114@192.0.2.2", "ah.116@192.0.2.2"}).has_value());
  const auto replaced = replace({"tun.113@192.0.2.2", "esp.115@192.0.2.2", "ah.116@192.0.2.2"});
  BOOST_TEST(!replaced.has_value());
  BOOST_REQUIRE(
      replace({"tun.113@192.0.2.2", "ah.116@192.0.2.2", "tun.114@192.0.2.2", "esp.115@192.0.2.2"}).has_value());
}

BOOST_AUTO_TEST_CASE(sizes_count_the_udp_header) {
  BOOST_REQUIRE(add("tun.113@192.0.2.2").has_value());
  BOOST_REQUIRE(add("esp.114@192.0.2.2").has_value());
  BOOST_REQUIRE(add_in_udp("esp.115@192.0.2.2", "192.0.2.1").has_value());
  Sa* tunnel = tables->newest(said("tun.113@192.0.2.2"))->sa;
  Sa* members[2][2] = {{tunnel, tables->newest(said("esp.114@192.0.2.2"))->sa},
                       {tunnel, tables->newest(said("esp.115@192.0.2.2"))->sa}};
  const SaGroup bare(members[0]), in_udp(members[1]);
  for (uint32_t bytes = 20; bytes < 1600; ++bytes) {
    const IpPacket packet{Family::kIpv4, kProtocolUdp, 9, 20, false, bytes};
    BOOST_TEST(in_udp.bytes_after(packet) == bare.bytes_after(packet) + 8);
    if (bytes >= 200) BOOST_TEST(in_udp.largest_within(packet, bytes) == bare.largest_within(packet, bytes - 8));
  }
  BOOST_TEST(in_udp.overhead().head_bytes == bare.overhead().head_bytes + 8);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
