// Packets that are routed to a protected interface. What comes out is taken off again by a second gateway, so these
// tests say nothing about the format on the wire: that is for the end-to-end tests.
#include "gateway_fixture.h"

namespace spigrp::test {

struct OutboundGateway : Gateway {
  OutboundGateway() {
    add_sa("tun.113@192.0.2.2", "192.0.2.1");
    add_sa("esp.115@192.0.2.2", "192.0.2.1");
    add_sa("ah.116@192.0.2.2", "192.0.2.1");
    group({"tun.113@192.0.2.2", "esp.115@192.0.2.2"});
    eroute("10.1.0.0/16", "10.2.0.0/24", "tun.113@192.0.2.2");
  }
  // Sends packets from the LAN; returns the protocol numbers of what leaves on the WAN.
  std::vector<unsigned> sent_protocols(size_t count = 1) {
    receive(kLan, std::vector<Bytes>(count, udp("10.1.0.2", "10.2.0.2")));
    std::vector<unsigned> protocols;
    for (const Bytes& packet : packets(kWan)) protocols.push_back(packet[9]);
    return protocols;
  }
  uint64_t eroute_packets() {
    const Eroute* found =
        parts().sas().eroutes().newest({.source = prefix("10.1.0.0/16"), .destination = prefix("10.2.0.0/24")});
    return parts().sas().eroutes().packets(found->slot);
  }
};

BOOST_AUTO_TEST_SUITE(outbound)

BOOST_FIXTURE_TEST_CASE(a_packet_gets_all_transforms_of_its_group_and_goes_to_the_far_gateway, OutboundGateway) {
  receive(kLan, {udp("10.1.0.2", "10.2.0.2", 100)});
  const auto frames = this->frames(kWan);
  BOOST_REQUIRE(frames.size() == 1);
  BOOST_TEST((Bytes(frames[0].begin(), frames[0].begin() + 6) == Bytes(kPeerMac.begin(), kPeerMac.end())));
  const Bytes packet(frames[0].begin() + 14, frames[0].end());
  BOOST_TEST(packet[9] == kProtocolEsp);
  BOOST_TEST((Bytes(packet.begin() + 12, packet.begin() + 20) == (Bytes{192, 0, 2, 1, 192, 0, 2, 2})));
  BOOST_TEST((Bytes(packet.begin() + 20, packet.begin() + 28) == (Bytes{0, 0, 1, 0x15, 0, 0, 0, 1})));
  // outer IP 20, ESP header 8, IV 8, inner packet 128, padding 2, trailer 2, ICV 16
  BOOST_TEST(packet.size() == 184u);
  BOOST_TEST(sum(&PacketCounters::encapsulated) == 1u);
  BOOST_TEST(sum(&PacketCounters::forwarded_plain) == 0u);
}

BOOST_FIXTURE_TEST_CASE(an_eroute_counts_its_packets, OutboundGateway) {
  sent_protocols(70);
  receive(kLan, {udp("10.1.0.2", "10.2.0.2"), udp("10.1.0.2", "10.2.9.9"), udp("10.1.0.2", "10.2.0.3")});
  BOOST_TEST(eroute_packets() == 72u);
}

BOOST_FIXTURE_TEST_CASE(magic_eroutes_and_none_at_all_have_a_reason_each, OutboundGateway) {
  eroute("10.1.0.0/16", "10.2.1.0/24", MagicTarget::kDrop);
  eroute("10.1.0.0/16", "10.2.2.0/24", MagicTarget::kReject);
  receive(kLan, {udp("10.1.0.2", "10.2.1.1"), udp("10.1.0.2", "10.2.2.1"), udp("10.1.0.2", "10.2.5.1")});
  BOOST_TEST(dropped(DropReason::eroute_drop) == 1u);
  BOOST_TEST(dropped(DropReason::eroute_reject) == 1u);
  BOOST_TEST(dropped(DropReason::no_eroute) == 1u);
  BOOST_TEST(frames(kWan).empty());
}

BOOST_FIXTURE_TEST_CASE(a_detached_interface_sends_nothing, OutboundGateway) {
  eroute("10.1.0.0/16", "10.2.6.0/24", MagicTarget::kPass);
  edit_routes([](RouteEdit& edit) { require(edit.detach_interface("ipsec0")); });
  receive(kLan, {udp("10.1.0.2", "10.2.6.1")});
  BOOST_TEST(dropped(DropReason::interface_detached) == 1u);
  BOOST_TEST(frames(kWan).empty());
}

BOOST_FIXTURE_TEST_CASE(a_dissolved_group_drops_and_never_sends_with_less, OutboundGateway) {
  // Invariant 2
  BOOST_TEST(sent_protocols() == std::vector<unsigned>{kProtocolEsp});
  ungroup("tun.113@192.0.2.2");
  BOOST_TEST(sent_protocols(3).empty());
  BOOST_TEST(dropped(DropReason::group_dissolved) == 3u);
  group({"tun.113@192.0.2.2", "esp.115@192.0.2.2", "ah.116@192.0.2.2"});
  BOOST_TEST(sent_protocols() == std::vector<unsigned>{kProtocolAh});
}

BOOST_FIXTURE_TEST_CASE(a_deleted_sa_drops_what_its_eroute_matches, OutboundGateway) {
  edit_sas([](SaEdit& edit) { require(edit.delete_sa(parse_sa_id("esp.115@192.0.2.2").value())); });
  BOOST_TEST(sent_protocols().empty());
  BOOST_TEST(dropped(DropReason::group_dissolved) == 1u);
}

BOOST_FIXTURE_TEST_CASE(regrouping_between_bursts_changes_whole_packets_and_keeps_the_sequence_numbers,
                        OutboundGateway) {
  // Invariants 1 and 2, HAZARDS 18
  std::vector<uint32_t> numbers;
  for (unsigned round = 0; round < 20; ++round) {
    const bool is_long = round % 2 != 0;
    if (is_long) {
      replace_group({"tun.113@192.0.2.2", "esp.115@192.0.2.2", "ah.116@192.0.2.2"});
    } else if (round > 0) {
      replace_group({"tun.113@192.0.2.2", "esp.115@192.0.2.2"});
    }
    receive(kLan, std::vector<Bytes>(5, udp("10.1.0.2", "10.2.0.2")));
    const auto packets = this->packets(kWan);
    BOOST_REQUIRE(packets.size() == 5);
    for (const Bytes& packet : packets) {
      BOOST_TEST(packet[9] == (is_long ? kProtocolAh : kProtocolEsp));
      const size_t esp = is_long ? 20u + 24 : 20;  // AH with a 96-bit ICV has 24 bytes
      numbers.push_back(static_cast<uint32_t>(packet[esp + 6] << 8 | packet[esp + 7]));
    }
  }
  for (size_t i = 0; i < numbers.size(); ++i) BOOST_TEST(numbers[i] == i + 1);
}

BOOST_FIXTURE_TEST_CASE(packets_of_many_groups_in_one_burst_each_get_their_own, OutboundGateway) {
  add_sa("ah.200@10.2.1.1", "10.1.0.2");
  add_sa("esp.201@10.2.2.1", "10.1.0.2");
  add_sa("tun.202@192.0.2.2", "192.0.2.1");
  add_sa("ah.203@10.2.2.1", "10.1.0.2");
  group({"esp.201@10.2.2.1", "ah.203@10.2.2.1", "tun.202@192.0.2.2"});
  eroute("10.1.0.0/16", "10.2.1.0/24", "ah.200@10.2.1.1");
  eroute("10.1.0.0/16", "10.2.2.0/24", "esp.201@10.2.2.1");
  std::vector<Bytes> burst;
  for (size_t i = 0; i < 30; ++i) {
    burst.push_back(udp("10.1.0.2", std::array{"10.2.0.2", "10.2.1.1", "10.2.2.1"}[i % 3], i));
  }
  receive(kLan, burst);
  std::map<unsigned, std::vector<size_t>> sizes;
  for (const Bytes& packet : packets(kWan)) sizes[packet[9]].push_back(packet.size());
  BOOST_TEST(sizes[kProtocolEsp].size() == 10u);
  BOOST_TEST(sizes[kProtocolAh].size() == 10u);
  BOOST_TEST(sizes[kProtocolIpip].size() == 10u);
  // The order of one flow stays: payloads grow from packet to packet.
  for (const auto& [protocol, of_flow] : sizes) BOOST_TEST(std::ranges::is_sorted(of_flow));
}

// RFC 1191, RFC 4459: the sender learns what still fits, and that is so to the byte.
BOOST_FIXTURE_TEST_CASE(its_sender_is_told_what_fits_through_the_group, OutboundGateway) {
  receive(kLan, {with_df(udp("10.1.0.2", "10.2.0.2", 1450))});
  const Packets answers = packets(kLan);
  BOOST_REQUIRE(answers.size() == 1);
  BOOST_TEST(answers[0][20] == 3);
  BOOST_TEST(answers[0][21] == 4);
  BOOST_TEST(plain_checksum(Bytes(answers[0].begin() + 20, answers[0].end())) == 0u);
  const size_t mtu = answers[0][26] * 256u + answers[0][27];
  BOOST_TEST(frames(kWan).empty());
  receive(kLan, {with_df(udp("10.1.0.2", "10.2.0.2", mtu - 28))});
  const Packets sent = packets(kWan);
  BOOST_REQUIRE(sent.size() == 1);
  BOOST_TEST(sent[0].size() <= 1500u);
  receive(kLan, {with_df(udp("10.1.0.2", "10.2.0.2", mtu - 27))});
  BOOST_TEST(packets(kWan).empty());
  BOOST_TEST(dropped(DropReason::too_big) == 2u);
}

BOOST_FIXTURE_TEST_CASE(so_is_one_whose_packet_is_ipv6, OutboundGateway) {
  eroute("fd00:1::/32", "fd00:2::/32", "tun.113@192.0.2.2");
  receive(kLan, {udp("fd00:1::2", "fd00:2::2", 1440)});
  const Packets answers = packets(kLan);
  BOOST_REQUIRE(answers.size() == 1);
  BOOST_TEST(answers[0][40] == 2);
  BOOST_TEST(icmpv6_sum(answers[0]) == 0u);
  const size_t mtu = answers[0][46] * 256u + answers[0][47];
  receive(kLan, {udp("fd00:1::2", "fd00:2::2", mtu - 48), udp("fd00:1::2", "fd00:2::2", mtu - 47)});
  BOOST_TEST(packets(kWan).size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(the_rejected_are_told_so_and_the_dropped_are_not, OutboundGateway) {
  eroute("10.1.0.0/16", "10.2.2.0/24", MagicTarget::kReject);
  eroute("10.1.0.0/16", "10.2.1.0/24", MagicTarget::kDrop);
  eroute("fd00:1::/32", "fd00:2::/32", MagicTarget::kReject);
  receive(kLan, {udp("10.1.0.2", "10.2.1.1"), udp("10.1.0.2", "10.2.2.1"), udp("fd00:1::2", "fd00:2::2")});
  const Packets answers = packets(kLan);
  BOOST_REQUIRE(answers.size() == 2);
  BOOST_TEST((Bytes(answers[0].begin() + 20, answers[0].begin() + 22) == (Bytes{3, 13})));
  BOOST_TEST((Bytes(answers[1].begin() + 40, answers[1].begin() + 42) == (Bytes{1, 1})));
}

// The size is worked out before anything is encrypted, and must be the size that comes out.
BOOST_FIXTURE_TEST_CASE(the_size_after_a_group_is_foreseen_to_the_byte, OutboundGateway) {
  edit_sas([](SaEdit& edit) {
    const std::array<SaId, 3> members = {parse_sa_id("tun.113@192.0.2.2").value(),
                                         parse_sa_id("ah.116@192.0.2.2").value(),
                                         parse_sa_id("esp.115@192.0.2.2").value()};
    require(edit.ungroup(members[0]));
    require(edit.group(members));
  });
  const SaGroup& group = *parts().sas().newest(parse_sa_id("tun.113@192.0.2.2").value())->group;
  for (uint32_t bytes = 1; bytes < 80; ++bytes) {
    receive(kLan, {udp("10.1.0.2", "10.2.0.2", bytes)});
    const Packets sent = packets(kWan);
    BOOST_REQUIRE(sent.size() == 1);
    const IpPacket inner{.family = Family::kIpv4, .header_bytes = 20, .total_bytes = bytes + 28};
    BOOST_TEST(group.bytes_after(inner) == sent[0].size());
    BOOST_TEST(group.largest_within(inner, static_cast<uint32_t>(sent[0].size())) >= inner.total_bytes);
  }
}

BOOST_FIXTURE_TEST_CASE(a_sequence_that_is_used_up_stops_the_sa, OutboundGateway) {
  // HAZARDS 7
  Sa* sa = parts().sas().newest(parse_sa_id("esp.115@192.0.2.2").value())->sa;
  sa->sequence.reserve(Sequence::kLast32 - 2);
  BOOST_TEST(sent_protocols(5).size() == 2u);
  BOOST_TEST(dropped(DropReason::sequence_exhausted) == 3u);
}

BOOST_FIXTURE_TEST_CASE(an_answer_of_the_gateway_itself_goes_through_its_eroute, OutboundGateway) {
  eroute("192.0.2.1/32", "10.2.0.0/24", "tun.113@192.0.2.2");
  add_sa("esp.901@192.0.2.1", "192.0.2.2");
  Gateway far(kFar);
  far.add_sa("esp.901@192.0.2.1", "192.0.2.2");
  far.edit_routes([](RouteEdit& edit) {
    require(edit.add_route({prefix("192.0.2.1/32"), address("192.0.2.1"), "ipsec0"}));
  });
  far.eroute("10.2.0.2/32", "192.0.2.1/32", "esp.901@192.0.2.1");
  far.receive(kLan, {icmp_packet({"10.2.0.2", "192.0.2.1"}, 8, 0, Bytes(8))});
  receive(kWan, far.packets(kWan));
  const auto answers = packets(kWan);
  BOOST_REQUIRE(answers.size() == 1);
  BOOST_TEST(answers[0][9] == kProtocolEsp);
  BOOST_TEST(sum(&PacketCounters::originated) == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
