// Flow keys: what a selector sees of each kind of packet.
#include <boost/test/unit_test.hpp>

#include "packet/ip_packet.h"
#include "support/packets.h"

namespace spigrp {
using namespace test;

BOOST_FIXTURE_TEST_SUITE(flow_key_of_packets, BuffersAreGivenBack)

FlowKey key_of(const Bytes& bytes) {
  ExactPacket packet(bytes);
  const ParsedIp parsed = parse_ip(packet.get());
  BOOST_REQUIRE(parsed.ok);
  return flow_key(packet.get(), parsed.ip);
}

const Bytes kDatagram = udp_datagram(1000, 53, counted_bytes(20));

BOOST_AUTO_TEST_CASE(ipv4_gives_addresses_protocol_and_ports) {
  for (uint8_t protocol : {kProtocolTcp, kProtocolUdp, kProtocolSctp}) {
    const FlowKey key = key_of(ipv4_packet({.protocol = protocol}, kDatagram));
    BOOST_TEST((key.family == Family::kIpv4));
    BOOST_TEST(key.protocol == protocol);
    BOOST_TEST(key.source_port.host() == 1000);
    BOOST_TEST(key.destination_port.host() == 53);
    const std::array<uint8_t, 16> source{10, 0, 0, 1}, destination{10, 0, 1, 2};
    BOOST_TEST(key.source == source);
    BOOST_TEST(key.destination == destination);
  }
}

BOOST_AUTO_TEST_CASE(ports_are_found_behind_ipv4_options) {
  const FlowKey key = key_of(ipv4_packet({.options = Bytes(8, 1)}, kDatagram));
  BOOST_TEST(key.source_port.host() == 1000);
}

BOOST_AUTO_TEST_CASE(ipv6_gives_addresses_and_ports_behind_extension_headers) {
  const Bytes chain = extension_header(kProtocolDestinationOptions) + extension_header(kProtocolRouting, 24) +
                      extension_header(kProtocolDestinationOptions) + extension_header(kProtocolUdp, 16) + kDatagram;
  const Bytes bytes = ipv6_packet({.next_header = kProtocolHopByHop}, chain);
  const FlowKey key = key_of(bytes);
  BOOST_TEST((key.family == Family::kIpv6));
  BOOST_TEST(key.protocol == kProtocolUdp);
  BOOST_TEST(key.source_port.host() == 1000);
  BOOST_TEST(key.destination_port.host() == 53);
  BOOST_TEST(std::equal(key.source.begin(), key.source.end(), bytes.begin() + 8));
  BOOST_TEST(std::equal(key.destination.begin(), key.destination.end(), bytes.begin() + 24));
}

BOOST_AUTO_TEST_CASE(what_is_neither_tcp_udp_sctp_nor_icmp_has_no_ports) {
  for (uint8_t protocol : {kProtocolIcmpv6, kProtocolIpip, kProtocolEsp, kProtocolAh, kProtocolIpcomp, uint8_t{47}}) {
    const FlowKey key = key_of(ipv4_packet({.protocol = protocol}, kDatagram));
    BOOST_TEST(key.protocol == protocol);
    BOOST_TEST(key.source_port.host() == 0);
    BOOST_TEST(key.destination_port.host() == 0);
  }
  BOOST_TEST(key_of(ipv6_packet({.next_header = kProtocolIcmp}, kDatagram)).source_port.host() == 0);
}

BOOST_AUTO_TEST_CASE(a_later_fragment_has_no_ports_and_the_first_has) {
  BOOST_TEST(key_of(ipv4_packet({.flags_fragment = 0x2000}, kDatagram)).source_port.host() == 1000);
  BOOST_TEST(key_of(ipv4_packet({.flags_fragment = 0x0001}, kDatagram)).source_port.host() == 0);
  Bytes fragment = extension_header(kProtocolUdp);
  put16(fragment, 2, 1);  // first, more follow
  BOOST_TEST(key_of(ipv6_packet({.next_header = kProtocolFragment}, fragment + kDatagram)).source_port.host() == 1000);
  put16(fragment, 2, 8);  // last, at byte 8
  const FlowKey later = key_of(ipv6_packet({.next_header = kProtocolFragment}, fragment + kDatagram));
  BOOST_TEST(later.source_port.host() == 0);
  BOOST_TEST(later.protocol == kProtocolUdp);
}

BOOST_AUTO_TEST_CASE(ports_that_are_not_there_are_zero) {
  for (size_t size = 0; size < 8; ++size) {
    const Bytes part(kDatagram.begin(), kDatagram.begin() + static_cast<long>(size));
    // Bytes beyond the IP length are not the packet's.
    BOOST_TEST(key_of(ipv4_packet({}, part) + Bytes(30, 0xaa)).source_port.host() == (size < 4 ? 0 : 1000));
    BOOST_TEST(key_of(ipv6_packet({}, part) + Bytes(30, 0xaa)).source_port.host() == (size < 4 ? 0 : 1000));
  }
}

BOOST_AUTO_TEST_CASE(options_that_a_fragment_cuts_off_are_not_followed) {
  Bytes fragment = extension_header(kProtocolDestinationOptions);
  put16(fragment, 2, 1);
  const FlowKey key = key_of(ipv6_packet({.next_header = kProtocolFragment}, fragment + Bytes{17, 255, 0, 0}));
  BOOST_TEST(key.protocol == kProtocolDestinationOptions);
  const FlowKey far =
      key_of(ipv6_packet({.next_header = kProtocolFragment}, fragment + Bytes{17, 255, 0, 0, 0, 0, 0, 0}));
  BOOST_TEST(far.protocol == kProtocolUdp);
  BOOST_TEST(far.source_port.host() == 0);
}

BOOST_AUTO_TEST_CASE(icmp_shows_type_and_code_and_keeps_them_the_other_way_round) {
  for (const bool is_ipv4 : {true, false}) {
    const auto packet = [&](const Bytes& message, bool other_icmp = false) {
      const uint8_t protocol = is_ipv4 != other_icmp ? kProtocolIcmp : kProtocolIcmpv6;
      return is_ipv4 ? ipv4_packet({.protocol = protocol}, message) : ipv6_packet({.next_header = protocol}, message);
    };
    const FlowKey key = key_of(packet({3, 13, 0, 0}));
    BOOST_TEST(key.source_port.host() == 3);
    BOOST_TEST(key.destination_port.host() == 13);
    BOOST_TEST((key.unknown == UnknownFields::kNone));
    BOOST_TEST((reversed(key).source_port.host() == 3 && reversed(key).destination_port.host() == 13));
    BOOST_TEST(key_of(packet({3, 13, 0, 0}, true)).source_port.host() == 0);  // the other family's ICMP is none here
    BOOST_TEST((key_of(packet({3})).unknown == UnknownFields::kIcmpType));
  }
  BOOST_TEST((key_of(ipv4_packet({.protocol = kProtocolIcmp, .flags_fragment = 1}, {3, 13, 0, 0})).unknown ==
              UnknownFields::kIcmpType));
}

BOOST_AUTO_TEST_CASE(reversing_swaps_both_ends_and_twice_is_the_same) {
  const FlowKey key = key_of(ipv4_packet({}, kDatagram));
  const FlowKey back = reversed(key);
  BOOST_TEST(back.source == key.destination);
  BOOST_TEST(back.destination == key.source);
  BOOST_TEST(back.source_port.host() == 53);
  BOOST_TEST(back.destination_port.host() == 1000);
  BOOST_TEST(back.protocol == key.protocol);
  BOOST_TEST((reversed(back) == key));
}

BOOST_AUTO_TEST_CASE(addresses_are_read_in_both_families) {
  rte_mbuf* packet = packet_from(ipv4_packet({}, {}));
  BOOST_TEST(source_of(packet, Family::kIpv4).text() == "10.0.0.1");
  BOOST_TEST(destination_of(packet, Family::kIpv4).text() == "10.0.1.2");
  rte_pktmbuf_free(packet);
  packet = packet_from(ipv6_packet({}, {}));
  BOOST_TEST(source_of(packet, Family::kIpv6).text() == "2001:db8:1::1");
  BOOST_TEST(destination_of(packet, Family::kIpv6).text() == "2001:db8:2::2");
  rte_pktmbuf_free(packet);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
