// Plain traffic and policy: what an eroute protects is not taken in the clear and does not leave in the clear.
#include <algorithm>

#include "gateway_fixture.h"

namespace spigrp::test {

// tun → esp to the far gateway, for everything between the two networks.
struct PolicyGateway : Gateway {
  PolicyGateway() {
    add_sa("tun.113@192.0.2.2", "192.0.2.1");
    add_sa("esp.115@192.0.2.2", "192.0.2.1");
    group({"tun.113@192.0.2.2", "esp.115@192.0.2.2"});
    eroute("10.1.0.0/16", "10.2.0.0/16", "tun.113@192.0.2.2");
  }
};

BOOST_AUTO_TEST_SUITE(policy)

BOOST_FIXTURE_TEST_CASE(a_plain_packet_that_an_eroute_protects_is_not_taken_in, PolicyGateway) {
  receive(kWan, {udp("10.2.0.2", "10.1.0.2")});
  BOOST_TEST(dropped(DropReason::unprotected) == 1u);
  ungroup("esp.115@192.0.2.2");  // the eroute protects nothing now, but must not expose anything either
  receive(kWan, {udp("10.2.0.2", "10.1.0.2")});
  BOOST_TEST(dropped(DropReason::unprotected) == 2u);
  BOOST_TEST(frames(kLan).empty());
}

BOOST_FIXTURE_TEST_CASE(the_gateway_itself_is_protected_too, PolicyGateway) {
  receive(kWan, {icmp_packet({"10.2.0.2", "10.1.0.1"}, 8, 0, Bytes(8)), udp("10.2.0.2", "10.1.0.1")});
  BOOST_TEST(dropped(DropReason::unprotected) == 2u);
  receive(kLan, {icmp_packet({"10.1.0.2", "10.1.0.1"}, 8, 0, Bytes(8))});  // no eroute speaks of these two
  BOOST_TEST(packets(kLan).size() == 1u);
}

// Echo requests go out protected, all else in the clear.
struct IcmpGateway : Gateway {
  IcmpGateway() {
    add_sa("tun.113@192.0.2.2", "192.0.2.1");
    add_sa("esp.115@192.0.2.2", "192.0.2.1");
    group({"tun.113@192.0.2.2", "esp.115@192.0.2.2"});
    icmp_eroute(8, parse_sa_id("tun.113@192.0.2.2").value());
    eroute("10.1.0.0/16", "10.2.0.0/16", MagicTarget::kPass);
  }
  void icmp_eroute(uint8_t type, const ErouteTarget& target) {
    const Selector selector{prefix("10.1.0.0/16"), prefix("10.2.0.0/16"), kProtocolIcmp, 0, 0, type};
    edit_sas([&](SaEdit& edit) { require(edit.set_eroute(selector, target, ErouteMode::kAdd)); });
  }
  static Bytes from_far(uint8_t type) { return icmp_packet({"10.2.0.2", "10.1.0.2"}, type, 0, Bytes(8)); }
};

BOOST_FIXTURE_TEST_CASE(an_eroute_of_an_icmp_type_is_for_that_type_only, IcmpGateway) {
  receive(kLan, {icmp_packet({"10.1.0.2", "10.2.0.2"}, 8, 0, Bytes(8)),
                 icmp_packet({"10.1.0.2", "10.2.0.2"}, 0, 0, Bytes(8)), udp("10.1.0.2", "10.2.0.2")});
  std::vector<unsigned> protocols;
  for (const Bytes& packet : packets(kWan)) protocols.push_back(packet[9]);
  std::ranges::sort(protocols);
  BOOST_TEST((protocols == std::vector<unsigned>{kProtocolIcmp, kProtocolUdp, kProtocolEsp}));
}

// RFC 4301 section 4.4.1.1 has type and code alike in both directions; no answer gives away what its query protects.
BOOST_FIXTURE_TEST_CASE(an_answer_comes_protected_where_its_query_goes_so, IcmpGateway) {
  receive(kWan, {from_far(8), from_far(0), from_far(13), udp("10.2.0.2", "10.1.0.2")});
  BOOST_TEST(dropped(DropReason::unprotected) == 2u);  // the query of the eroute's type, and the reply
  BOOST_TEST(packets(kLan).size() == 2u);
  icmp_eroute(0, MagicTarget::kPass);  // who names the reply's type decides about it
  receive(kWan, {from_far(8), from_far(0)});
  BOOST_TEST(dropped(DropReason::unprotected) == 3u);
  BOOST_TEST(packets(kLan).size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_later_fragment_of_icmp_does_not_slip_past_an_eroute_of_types, IcmpGateway) {
  Bytes later = ip_packet({"10.1.0.2", "10.2.0.2", 64, kProtocolIcmp}, Bytes(16));
  put16(later, 6, 2);
  set_ipv4_checksum(later);
  receive(kLan, {later});
  BOOST_TEST(dropped(DropReason::fragment) == 1u);
  BOOST_TEST(packets(kWan).empty());
}

BOOST_FIXTURE_TEST_CASE(icmp_errors_reach_the_gateway_in_the_clear, PolicyGateway) {
  receive(kWan, {icmp_packet({"10.2.0.2", "10.1.0.1"}, 11, 0, Bytes(32))});
  BOOST_TEST(sum(&PacketCounters::delivered) == 1u);
  BOOST_TEST(all_dropped() == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_route_past_the_protected_interface_does_not_expose_a_flow, PolicyGateway) {
  edit_routes([](RouteEdit& edit) { require(edit.add_route({prefix("10.2.7.0/24"), address("192.0.2.2"), "wan"})); });
  receive(kLan, {udp("10.1.0.2", "10.2.7.1")});
  BOOST_TEST(dropped(DropReason::bypasses_eroute) == 1u);
  ungroup("esp.115@192.0.2.2");
  receive(kLan, {udp("10.1.0.2", "10.2.7.1")});
  BOOST_TEST(dropped(DropReason::bypasses_eroute) == 2u);
  BOOST_TEST(frames(kWan).empty());
}

BOOST_FIXTURE_TEST_CASE(a_more_specific_pass_lets_a_flow_go_in_the_clear_both_ways, PolicyGateway) {
  eroute("10.1.0.2/32", "10.2.9.9/32", MagicTarget::kPass);
  receive(kLan, {udp("10.1.0.2", "10.2.9.9")});
  BOOST_TEST((packets(kWan) == Packets{one_hop_on(udp("10.1.0.2", "10.2.9.9"))}));
  receive(kWan, {udp("10.2.9.9", "10.1.0.2")});
  BOOST_TEST((packets(kLan) == Packets{one_hop_on(udp("10.2.9.9", "10.1.0.2"))}));
  BOOST_TEST(sum(&PacketCounters::forwarded_plain) == 2u);
}

BOOST_FIXTURE_TEST_CASE(an_edit_of_eroutes_counts_from_the_next_burst_on_whatever_is_cached, PolicyGateway) {
  const Bytes packet = udp("192.0.2.2", "10.1.0.2");
  receive(kWan, {packet, packet});
  BOOST_TEST(packets(kLan).size() == 2u);
  eroute("10.1.0.2/32", "192.0.2.2/32", "tun.113@192.0.2.2");
  receive(kWan, {packet});
  BOOST_TEST(dropped(DropReason::unprotected) == 1u);
  edit_sas([](SaEdit& edit) {
    require(edit.delete_eroute({.source = prefix("10.1.0.2/32"), .destination = prefix("192.0.2.2/32")}));
  });
  receive(kWan, {packet});
  BOOST_TEST(packets(kLan).size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
