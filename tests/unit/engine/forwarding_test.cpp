// Plain forwarding and local delivery: what a router does, before any SA comes in.
#include "gateway_fixture.h"
#include "support/eal_runner.h"

namespace spigrp::test {

BOOST_AUTO_TEST_SUITE(forwarding)

BOOST_AUTO_TEST_CASE(a_plain_packet_is_forwarded_one_hop_on) {
  Gateway gateway;
  gateway.receive(kWan, {udp("192.0.2.2", "10.1.0.2"), udp("2001:db8::2", "fd00:1::2")});
  const auto frames = gateway.frames(kLan);
  BOOST_REQUIRE(frames.size() == 2);
  const Bytes ethernet = Bytes(kHostMac.begin(), kHostMac.end()) + Bytes{2, 0, 0, 0, 0, 1};
  BOOST_TEST((frames[0] == ethernet + Bytes{8, 0} + one_hop_on(udp("192.0.2.2", "10.1.0.2"))));
  BOOST_TEST((frames[1] == (ethernet + Bytes{0x86, 0xdd} + one_hop_on(udp("2001:db8::2", "fd00:1::2")))));
  BOOST_TEST(gateway.sum(&PacketCounters::forwarded_plain) == 2u);
}

BOOST_AUTO_TEST_CASE(ethernet_padding_does_not_get_forwarded) {
  Gateway gateway;
  const Bytes packet = udp("192.0.2.2", "10.1.0.2", 1);
  gateway.receive_frame(kWan, gateway.frame(kWan, packet) + Bytes(17, 0xee));
  BOOST_TEST((gateway.packets(kLan) == Packets{one_hop_on(packet)}));
}

BOOST_AUTO_TEST_CASE(a_packet_in_several_segments_is_forwarded_whole) {
  Gateway gateway;
  const Bytes packet = udp("192.0.2.2", "10.1.0.2", 1200);
  const Bytes bytes = gateway.frame(kWan, packet);
  rte_mbuf* chain = gateway.buffer(Bytes(bytes.begin(), bytes.begin() + 100));
  rte_pktmbuf_chain(chain, gateway.buffer(Bytes(bytes.begin() + 100, bytes.begin() + 700)));
  rte_pktmbuf_chain(chain, gateway.buffer(Bytes(bytes.begin() + 700, bytes.end())));
  gateway.worker().process(kWan, &chain, 1);
  BOOST_TEST((gateway.packets(kLan) == Packets{one_hop_on(packet)}));
}

BOOST_AUTO_TEST_CASE(a_buffer_that_someone_else_holds_is_copied_before_it_is_changed) {
  // HAZARDS 12
  Gateway gateway;
  const Bytes packet = udp("192.0.2.2", "10.1.0.2");
  rte_mbuf* shared = gateway.buffer(gateway.frame(kWan, packet));
  rte_mbuf_refcnt_update(shared, 1);
  rte_mbuf* received = shared;
  gateway.worker().process(kWan, &received, 1);
  BOOST_TEST((gateway.packets(kLan) == Packets{one_hop_on(packet)}));
  const auto* held = rte_pktmbuf_mtod(shared, const uint8_t*);
  BOOST_TEST((Bytes(held, held + packet.size()) == packet));
  rte_pktmbuf_free(shared);
}

// Each of these packets at the WAN is dropped under this reason, and nothing else happens.
void check_dropped(DropReason reason, const std::vector<Bytes>& packets) {
  Gateway gateway;
  gateway.receive(kWan, packets);
  BOOST_TEST(gateway.dropped(reason) == packets.size());
  BOOST_TEST(gateway.all_dropped() == packets.size());
  BOOST_TEST(gateway.frames(kLan).empty());
  BOOST_TEST(gateway.frames(kWan).empty());
}

BOOST_AUTO_TEST_CASE(addresses_that_must_not_be_on_the_wire_are_martians) {
  check_dropped(DropReason::martian_address,
                {udp("127.0.0.1", "10.1.0.2"), udp("224.0.0.1", "10.1.0.2"), udp("0.0.0.0", "10.1.0.2"),
                 udp("255.255.255.255", "10.1.0.2"), udp("192.0.2.2", "127.0.0.1"), udp("192.0.2.2", "0.0.0.0"),
                 udp("::1", "fd00:1::2"), udp("ff02::1", "fd00:1::2"), udp("::", "fd00:1::2"),
                 udp("2001:db8::2", "::1"), udp("2001:db8::2", "::"), udp("fe80::1", "fd00:1::2")});
}

BOOST_AUTO_TEST_CASE(multicast_is_not_forwarded) {
  check_dropped(DropReason::local_unhandled,
                {udp("192.0.2.2", "224.0.0.5"), udp("192.0.2.2", "255.255.255.255"), udp("2001:db8::2", "ff02::5")});
}

BOOST_AUTO_TEST_CASE(a_destination_without_a_route_is_counted) {
  check_dropped(DropReason::no_route, {udp("192.0.2.2", "203.0.113.1"), udp("2001:db8::2", "2001:db8:ffff::1")});
}

BOOST_AUTO_TEST_CASE(udp_to_the_gateway_itself_has_no_taker) {
  check_dropped(DropReason::local_unhandled, {udp("192.0.2.2", "192.0.2.1"), udp("2001:db8::2", "2001:db8::1")});
}

BOOST_AUTO_TEST_CASE(frames_that_are_not_ours_or_not_ip_are_counted) {
  Gateway gateway;
  const Bytes packet = udp("192.0.2.2", "10.1.0.2");
  gateway.receive_frame(kWan, gateway.frame(kWan, packet, MacAddress{2, 0, 0, 0, 0, 99}));
  BOOST_TEST(gateway.dropped(DropReason::not_for_us) == 1u);
  Bytes strange = gateway.frame(kWan, packet);
  strange[12] = 0x81;
  gateway.receive_frame(kWan, strange);
  BOOST_TEST(gateway.dropped(DropReason::unknown_ether_type) == 1u);
  gateway.receive_frame(kWan, Bytes(13, 0));
  BOOST_TEST(gateway.dropped(DropReason::runt) == 1u);
  Bytes wrong_family = gateway.frame(kWan, packet);
  wrong_family[12] = 0x86, wrong_family[13] = 0xdd;
  gateway.receive_frame(kWan, wrong_family);
  BOOST_TEST(gateway.dropped(DropReason::malformed) == 1u);
  // A broadcast frame with a packet to one host stays on its link.
  gateway.receive_frame(kWan, gateway.frame(kWan, packet, MacAddress{255, 255, 255, 255, 255, 255}));
  BOOST_TEST(gateway.dropped(DropReason::martian_address) == 1u);
  BOOST_TEST(gateway.frames(kLan).empty());
}

BOOST_AUTO_TEST_CASE(an_echo_request_for_an_own_address_is_answered) {
  Gateway gateway;
  const Bytes rest = Bytes{0x12, 0x34, 0, 1} + counted_bytes(41);
  gateway.receive(kWan, {icmp_packet({"192.0.2.2", "192.0.2.1"}, 8, 0, rest),
                         icmp_packet({"2001:db8::2", "2001:db8::1"}, 128, 0, rest),
                         icmp_packet({"192.0.2.2", "10.1.0.1"}, 8, 0, rest)});
  const auto answers = gateway.packets(kWan);
  BOOST_REQUIRE(answers.size() == 3);
  Bytes expected = icmp_packet({"192.0.2.1", "192.0.2.2"}, 0, 0, rest);
  BOOST_TEST((answers[0] == expected));
  BOOST_TEST((answers[1] == icmp_packet({"2001:db8::1", "2001:db8::2"}, 129, 0, rest)));
  BOOST_TEST((answers[2] == icmp_packet({"10.1.0.1", "192.0.2.2"}, 0, 0, rest)));
  BOOST_TEST(gateway.sum(&PacketCounters::delivered) == 3u);
  BOOST_TEST(gateway.sum(&PacketCounters::originated) == 3u);
}

BOOST_AUTO_TEST_CASE(options_of_an_echo_request_do_not_come_back) {
  Gateway gateway;
  Bytes request = icmp_packet({"192.0.2.2", "192.0.2.1"}, 8, 0, Bytes(12, 7));
  request.insert(request.begin() + 20, {1, 1, 1, 1});
  request[0] = 0x46;
  put16(request, 2, static_cast<unsigned>(request.size()));
  set_ipv4_checksum(request);
  gateway.receive(kWan, {request});
  BOOST_TEST((gateway.packets(kWan) == Packets{icmp_packet({"192.0.2.1", "192.0.2.2"}, 0, 0, Bytes(12, 7))}));
}

BOOST_AUTO_TEST_CASE(a_ttl_used_up_is_answered_by_the_port_it_came_in_at) {
  Gateway gateway;
  gateway.receive(kWan, {udp("192.0.2.2", "10.1.0.2", 600, 1), udp("2001:db8::2", "fd00:1::2", 20, 1)});
  BOOST_TEST(gateway.dropped(DropReason::ttl_expired) == 2u);
  const auto answers = gateway.packets(kWan);
  BOOST_REQUIRE(answers.size() == 2);
  const Bytes quoted = udp("192.0.2.2", "10.1.0.2", 600, 1);
  Bytes expected =
      icmp_packet({"192.0.2.1", "192.0.2.2"}, 11, 0, Bytes(4) + Bytes(quoted.begin(), quoted.begin() + 548));
  put16(expected, 4, 0);
  put16(expected, 6, 0x4000);
  set_ipv4_checksum(expected);
  BOOST_TEST((answers[0] == expected));
  BOOST_TEST((answers[1] ==
              icmp_packet({"2001:db8::1", "2001:db8::2"}, 3, 0, Bytes(4) + udp("2001:db8::2", "fd00:1::2", 20, 1))));
}

BOOST_AUTO_TEST_CASE(icmp_errors_are_limited_and_never_about_icmp_errors) {
  Gateway gateway;
  const Bytes expired = udp("192.0.2.2", "10.1.0.2", 20, 1);
  for (int i = 0; i < 10; ++i) gateway.receive(kWan, std::vector<Bytes>(50, expired));
  const size_t answers = gateway.packets(kWan).size();
  BOOST_TEST(answers >= kIcmpErrorsPerSecond);
  BOOST_TEST(answers < 400u);
  BOOST_TEST(gateway.dropped(DropReason::icmp_limited) == 500 - answers);

  Gateway other;
  other.receive(kWan, {icmp_packet({"192.0.2.2", "10.1.0.2", 1}, 11, 0, Bytes(4) + expired),
                       icmp_packet({"2001:db8::2", "fd00:1::2", 1}, 3, 0, Bytes(4) + expired)});
  BOOST_TEST(other.dropped(DropReason::ttl_expired) == 2u);
  BOOST_TEST(other.frames(kWan).empty());
}

BOOST_AUTO_TEST_CASE(an_icmp_error_behind_destination_options_is_not_answered_either) {  // RFC 4443 section 2.4
  Gateway gateway;
  const Bytes error = icmp_packet({"2001:db8::2", "fd00:1::2", 1}, 3, 0, Bytes(4) + udp("fd00:1::2", "2001:db8::2"));
  Bytes hidden = error;
  const Bytes options = extension_header(kProtocolIcmpv6);
  hidden[6] = kProtocolDestinationOptions;
  hidden.insert(hidden.begin() + 40, options.begin(), options.end());
  put16(hidden, 4, static_cast<unsigned>(hidden.size() - 40));
  gateway.receive(kWan, {error, hidden});
  BOOST_TEST(gateway.dropped(DropReason::ttl_expired) == 2u);
  BOOST_TEST(gateway.packets(kWan).empty());
}

BOOST_AUTO_TEST_CASE(fragments_for_the_gateway_are_dropped_and_others_are_forwarded) {
  Gateway gateway;
  const auto fragment = [](std::string_view destination) {
    return ipv4_packet({.flags_fragment = 0x2000, .source = raw<4>("192.0.2.2"), .destination = raw<4>(destination)},
                       udp_datagram(1, 2, Bytes(24)));
  };
  gateway.receive(kWan, {fragment("192.0.2.1"), fragment("10.1.0.2")});
  BOOST_TEST(gateway.dropped(DropReason::fragment) == 1u);
  BOOST_TEST(gateway.packets(kLan).size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_worker_without_a_queue_hands_its_packets_over) {
  constexpr uint16_t kWorkers = 17;  // ring devices have 16 queues
  Gateway gateway(kNear, kWorkers);
  BOOST_REQUIRE(gateway.parts().ports()[kLan].tx_queues() == kWorkers - 1);
  const Bytes packet = udp("192.0.2.2", "10.1.0.2");
  for (uint16_t worker = 0; worker < kWorkers; ++worker) gateway.receive(kWan, {packet}, worker);
  BOOST_TEST(gateway.packets(kLan).size() == kWorkers - 1u);
  BOOST_TEST(gateway.sum(&PacketCounters::punted) == 1u);
  gateway.poll_control(0);
  BOOST_TEST((gateway.packets(kLan) == Packets{one_hop_on(packet)}));
  BOOST_TEST(gateway.sum(&PacketCounters::injected) == 1u);
  BOOST_TEST(gateway.sum(&PacketCounters::forwarded_plain) == kWorkers + 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
