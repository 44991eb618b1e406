// The control thread's packets: ARP, neighbour discovery, and packets that wait for a next hop.
#include "engine/arp.h"
#include "engine/ndp.h"
#include "gateway_fixture.h"

namespace spigrp::test {

constexpr uint64_t kSecondNs = 1'000'000'000;
constexpr MacAddress kNewMac{2, 0, 0, 0, 9, 9};

Bytes arp_frame(unsigned operation, const MacAddress& from_mac, std::string_view from, std::string_view to,
                const MacAddress& to_mac = {}) {
  Bytes frame(14, 0xff);
  std::copy(from_mac.begin(), from_mac.end(), frame.begin() + 6);
  put16(frame, 12, kEtherTypeArp);
  Bytes arp{0, 1, 8, 0, 6, 4, 0, static_cast<uint8_t>(operation)};
  arp.insert(arp.end(), from_mac.begin(), from_mac.end());
  const auto sender = raw<4>(from), target = raw<4>(to);
  arp.insert(arp.end(), sender.begin(), sender.end());
  arp.insert(arp.end(), to_mac.begin(), to_mac.end());
  arp.insert(arp.end(), target.begin(), target.end());
  return frame + arp;
}

// A solicitation or advertisement, option included.
Bytes neighbour_packet(const Words& words, uint8_t type, std::string_view target, const MacAddress& mac,
                       uint8_t flags = 0) {
  const auto bytes = raw<16>(target);
  Bytes rest{flags, 0, 0, 0};
  rest.insert(rest.end(), bytes.begin(), bytes.end());
  rest = rest + Bytes{static_cast<uint8_t>(type == 135 ? 1 : 2), 1} + Bytes(mac.begin(), mac.end());
  return icmp_packet(words, type, 0, rest);
}

BOOST_AUTO_TEST_SUITE(neighbours)

BOOST_AUTO_TEST_CASE(an_arp_request_for_an_own_address_is_answered_and_its_sender_learned) {
  Gateway gateway;
  gateway.receive_frame(kLan, arp_frame(1, kNewMac, "10.1.0.77", "10.1.0.1"));
  gateway.poll_control(0);
  const MacAddress own = gateway.parts().ports()[kLan].mac();
  Bytes reply = arp_frame(2, own, "10.1.0.1", "10.1.0.77", kNewMac);
  std::copy(kNewMac.begin(), kNewMac.end(), reply.begin());
  BOOST_TEST((gateway.frames(kLan) == Packets{reply}));
  gateway.receive(kWan, {udp("192.0.2.2", "10.1.0.77")});
  const auto frames = gateway.frames(kLan);
  BOOST_REQUIRE(frames.size() == 1);
  BOOST_TEST(std::equal(kNewMac.begin(), kNewMac.end(), frames[0].begin()));
}

BOOST_AUTO_TEST_CASE(arp_for_others_teaches_nothing_new) {
  Gateway gateway;
  gateway.receive_frame(kLan, arp_frame(1, kNewMac, "10.1.0.77", "10.1.0.78"));
  gateway.receive_frame(kLan, arp_frame(2, kNewMac, "10.1.0.77", "10.1.0.1"));  // nobody asked, but it is to us
  gateway.receive_frame(kLan, arp_frame(2, kNewMac, "10.1.0.2", "10.1.0.1"));   // over a static neighbour
  gateway.poll_control(0);
  BOOST_TEST(gateway.frames(kLan).empty());
  const auto neighbours = list_neighbours(gateway.parts().routes());
  for (const NeighbourRow& row : neighbours) {
    if (row.spec.address == address("10.1.0.2")) BOOST_TEST((row.is_static && row.spec.mac == kHostMac));
    BOOST_TEST((row.spec.address != address("10.1.0.78")));
  }
}

BOOST_AUTO_TEST_CASE(broken_arp_is_dropped) {
  Gateway gateway;
  const Bytes good = arp_frame(1, kNewMac, "10.1.0.77", "10.1.0.1");
  for (const size_t place : {15u, 16u, 18u, 19u, 20u}) {
    Bytes wrong = good;
    wrong[place] ^= 0x40;
    gateway.receive_frame(kLan, wrong);
  }
  gateway.receive_frame(kLan, Bytes(good.begin(), good.end() - 1));
  gateway.receive_frame(kLan, arp_frame(1, {1, 0, 0, 0, 0, 1}, "10.1.0.77", "10.1.0.1"));
  gateway.receive_frame(kLan, arp_frame(1, kNewMac, "224.0.0.1", "10.1.0.1"));
  gateway.poll_control(0);
  BOOST_TEST(gateway.dropped(DropReason::malformed) == 8u);
  BOOST_TEST(gateway.frames(kLan).empty());
}

BOOST_AUTO_TEST_CASE(packets_wait_while_their_next_hop_is_asked_for_by_arp) {
  Gateway gateway;
  const std::vector<Bytes> packets{udp("192.0.2.2", "10.1.0.50", 1), udp("192.0.2.2", "10.1.0.50", 2)};
  gateway.receive(kWan, packets);
  gateway.poll_control(0);
  const MacAddress own = gateway.parts().ports()[kLan].mac();
  BOOST_TEST((gateway.frames(kLan) == Packets{arp_frame(1, own, "10.1.0.1", "10.1.0.50")}));
  gateway.check_accounting(2);
  gateway.receive_frame(kLan, arp_frame(2, kNewMac, "10.1.0.50", "10.1.0.1", own));
  gateway.poll_control(0);
  BOOST_TEST((gateway.packets(kLan) == Packets{one_hop_on(packets[0]), one_hop_on(packets[1])}));
  gateway.receive(kWan, {packets[0]});  // known from now on
  BOOST_TEST(gateway.packets(kLan).size() == 1u);
}

BOOST_AUTO_TEST_CASE(of_several_addresses_in_a_network_the_gateway_speaks_from_the_one_that_it_got_first) {
  Gateway gateway;
  const MacAddress own = gateway.parts().ports()[kLan].mac();
  const auto asks = [&](std::string_view speaker, std::string_view host) {
    gateway.receive(kWan, {udp("192.0.2.2", host)});
    gateway.poll_control(0);
    BOOST_TEST((gateway.frames(kLan) == Packets{arp_frame(1, own, speaker, host)}), "not by " << speaker);
  };
  const auto change = [&](std::string_view added, std::string_view deleted) {
    gateway.edit_routes([&](RouteEdit& edit) {
      Gateway::require(edit.add_address({Gateway::prefix(added), "lan"}));
      if (!deleted.empty()) Gateway::require(edit.delete_address({Gateway::prefix(deleted), "lan"}));
    });
  };
  change("10.1.0.9/24", {});
  asks("10.1.0.1", "10.1.0.50");
  change("10.1.0.5/24", "10.1.0.1/24");
  asks("10.1.0.9", "10.1.0.51");
  change("10.1.0.1/24", "10.1.0.9/24");
  asks("10.1.0.5", "10.1.0.52");
}

BOOST_AUTO_TEST_CASE(packets_wait_while_their_next_hop_is_solicited) {
  Gateway gateway;
  const Bytes packet = udp("2001:db8::2", "fd00:1::50");
  gateway.receive(kWan, {packet});
  gateway.poll_control(0);
  const MacAddress own = gateway.parts().ports()[kLan].mac();
  const auto asked = gateway.frames(kLan);
  BOOST_REQUIRE(asked.size() == 1);
  BOOST_TEST((Bytes(asked[0].begin(), asked[0].begin() + 6) == Bytes{0x33, 0x33, 0xff, 0, 0, 0x50}));
  BOOST_TEST((Bytes(asked[0].begin() + 14, asked[0].end()) ==
              neighbour_packet({"fd00:1::1", "ff02::1:ff00:50", 255}, 135, "fd00:1::50", own)));
  gateway.receive(kLan, {neighbour_packet({"fd00:1::50", "fd00:1::1", 255}, 136, "fd00:1::50", kNewMac, 0x60)});
  gateway.poll_control(0);
  BOOST_TEST((gateway.packets(kLan) == Packets{one_hop_on(packet)}));
}

BOOST_AUTO_TEST_CASE(a_next_hop_is_asked_for_three_times_and_then_given_up) {
  Gateway gateway;
  gateway.receive(kWan, {udp("192.0.2.2", "10.1.0.50"), udp("192.0.2.2", "10.1.0.50")});
  unsigned requests = 0;
  for (unsigned tenth = 0; tenth < 29; ++tenth) {
    gateway.poll_control(tenth * kSecondNs / 10);
    requests += static_cast<unsigned>(gateway.frames(kLan).size());
    BOOST_TEST(gateway.dropped(DropReason::neighbour_unresolved) == 0u);
  }
  BOOST_TEST(requests == 3u);
  gateway.poll_control(3 * kSecondNs);
  BOOST_TEST(gateway.dropped(DropReason::neighbour_unresolved) == 2u);
  gateway.receive(kWan, {udp("192.0.2.2", "10.1.0.50")});  // and from the start again
  gateway.poll_control(4 * kSecondNs);
  BOOST_TEST(gateway.frames(kLan).size() == 1u);
}

BOOST_AUTO_TEST_CASE(only_so_many_packets_wait) {
  Gateway gateway;
  gateway.receive(kWan, std::vector<Bytes>(kMaxWaitingPerNeighbour + 5, udp("192.0.2.2", "10.1.0.50")));
  gateway.poll_control(0);
  BOOST_TEST(gateway.dropped(DropReason::neighbour_queue_full) == 5u);
  BOOST_TEST(gateway.frames(kLan).size() == 1u);
}

BOOST_AUTO_TEST_CASE(protected_packets_wait_too_and_leave_as_they_are) {
  Gateway gateway;
  gateway.edit_routes([](RouteEdit& edit) { Gateway::require(edit.delete_neighbour(address("192.0.2.2"), "wan")); });
  gateway.add_sa("tun.113@192.0.2.2", "192.0.2.1");
  gateway.add_sa("esp.115@192.0.2.2", "192.0.2.1");
  gateway.group({"tun.113@192.0.2.2", "esp.115@192.0.2.2"});
  gateway.eroute("10.1.0.0/16", "10.2.0.0/16", "tun.113@192.0.2.2");
  gateway.receive(kLan, {udp("10.1.0.2", "10.2.0.2")});
  gateway.poll_control(0);
  BOOST_TEST(gateway.frames(kWan).size() == 1u);  // the question
  const MacAddress own = gateway.parts().ports()[kWan].mac();
  gateway.receive_frame(kWan, arp_frame(2, kNewMac, "192.0.2.2", "192.0.2.1", own));
  gateway.poll_control(0);
  const auto packets = gateway.packets(kWan);
  BOOST_REQUIRE(packets.size() == 1);
  BOOST_TEST(packets[0][9] == kProtocolEsp);
  BOOST_TEST(gateway.sum(&PacketCounters::forwarded_plain) == 0u);
}

BOOST_AUTO_TEST_CASE(a_solicitation_for_an_own_address_is_answered) {
  Gateway gateway;
  const MacAddress own = gateway.parts().ports()[kLan].mac();
  const Bytes solicitation = neighbour_packet({"fd00:1::77", "ff02::1:ff00:1", 255}, 135, "fd00:1::1", kNewMac);
  gateway.receive_frame(kLan, gateway.frame(kLan, solicitation, MacAddress{0x33, 0x33, 0xff, 0, 0, 1}));
  gateway.poll_control(0);
  const auto frames = gateway.frames(kLan);
  BOOST_REQUIRE(frames.size() == 1);
  BOOST_TEST(std::equal(kNewMac.begin(), kNewMac.end(), frames[0].begin()));
  BOOST_TEST((Bytes(frames[0].begin() + 14, frames[0].end()) ==
              neighbour_packet({"fd00:1::1", "fd00:1::77", 255}, 136, "fd00:1::1", own, 0x60)));
}

BOOST_AUTO_TEST_CASE(duplicate_address_detection_is_answered_to_all_nodes) {
  Gateway gateway;
  const MacAddress own = gateway.parts().ports()[kLan].mac();
  const auto target = raw<16>("fd00:1::1");
  const Bytes solicitation =
      icmp_packet({"::", "ff02::1:ff00:1", 255}, 135, 0, Bytes(4) + Bytes(target.begin(), target.end()));
  gateway.receive_frame(kLan, gateway.frame(kLan, solicitation, MacAddress{0x33, 0x33, 0xff, 0, 0, 1}));
  gateway.poll_control(0);
  const auto frames = gateway.frames(kLan);
  BOOST_REQUIRE(frames.size() == 1);
  BOOST_TEST((Bytes(frames[0].begin(), frames[0].begin() + 6) == Bytes{0x33, 0x33, 0, 0, 0, 1}));
  BOOST_TEST((Bytes(frames[0].begin() + 14, frames[0].end()) ==
              neighbour_packet({"fd00:1::1", "ff02::1", 255}, 136, "fd00:1::1", own, 0x20)));
}

BOOST_AUTO_TEST_CASE(neighbour_messages_that_may_come_from_off_the_link_are_not_believed) {
  // RFC 4861 section 7.1: hop limit 255, checksum, code, lengths
  Gateway gateway;
  const Words words{"fd00:1::77", "fd00:1::1", 255};
  const Bytes good = neighbour_packet(words, 135, "fd00:1::1", kNewMac);
  Bytes wrong_sum = good, no_length = good;
  wrong_sum[43] ^= 1;
  no_length[65] = 0;
  put16(no_length, 42, 0);
  put16(no_length, 42, icmpv6_sum(no_length));
  gateway.receive(kLan, {wrong_sum, no_length});
  gateway.receive(kLan, {neighbour_packet({"fd00:1::77", "fd00:1::1", 254}, 135, "fd00:1::1", kNewMac)});
  gateway.poll_control(0);
  BOOST_TEST(gateway.dropped(DropReason::malformed) == 2u);
  BOOST_TEST(gateway.frames(kLan).empty());
  for (const NeighbourRow& row : list_neighbours(gateway.parts().routes())) BOOST_TEST(row.is_static);
}

BOOST_AUTO_TEST_CASE(an_advertisement_that_nobody_waits_for_teaches_nothing) {
  Gateway gateway;
  gateway.receive(kLan, {neighbour_packet({"fd00:1::77", "fd00:1::1", 255}, 136, "fd00:1::77", kNewMac, 0x60)});
  gateway.poll_control(0);
  for (const NeighbourRow& row : list_neighbours(gateway.parts().routes())) BOOST_TEST(row.is_static);
}

BOOST_AUTO_TEST_CASE(fragments_wait_for_their_next_hop_together) {
  Gateway gateway;
  const Bytes whole = udp("192.0.2.2", "10.1.0.77", 1600);
  gateway.receive(kWan, {whole});
  gateway.poll_control(0);
  gateway.frames(kLan);
  gateway.receive_frame(kLan, arp_frame(2, kNewMac, "10.1.0.77", "10.1.0.1"));
  gateway.poll_control(1);
  BOOST_TEST(joined(gateway.packets(kLan)) == one_hop_on(whole));
}

BOOST_AUTO_TEST_CASE(what_waits_at_the_end_is_counted) {
  Gateway gateway;
  gateway.receive(kWan, {udp("192.0.2.2", "10.1.0.50"), udp("192.0.2.2", "10.1.0.51")});
  gateway.poll_control(0);
  gateway.receive(kWan, {udp("192.0.2.2", "10.1.0.52")});
  gateway.frames(kLan);
  gateway.parts().close();
  BOOST_TEST(gateway.dropped(DropReason::shutting_down) == 3u);
}

// A transaction of SAs, an own address and a static neighbour, step by step.
struct SlowTransaction {
  explicit SlowTransaction(Gateway& gateway)
      : versions(gateway.parts().versions()),
        sas(gateway.parts().sas(), versions),
        routes(gateway.parts().routes(), versions) {
    SaSpec spec{.id = parse_sa_id("tun.113@192.0.2.2").value(), .source = address("192.0.2.1")};
    spec.tunnel_destination = spec.id.destination;
    Gateway::require(sas.add_sa(spec));
    Gateway::require(routes.add_address({parse_ip_prefix("10.1.0.9/24", HostBits::kAllowed).value(), "lan"}));
    Gateway::require(routes.set_neighbour({address("10.1.0.70"), "lan", kHostMac}));
  }
  void begin_linking(Generation between) {
    versions.begin_linking(between);
    sas.link();
  }
  void publish() {
    routes.link();
    versions.publish();
  }

  Versions& versions;
  SaEdit sas;
  RouteEdit routes;
};

// An ARP request and a solicitation are answered, and a packet waits until its next hop is: all in turns.
void check_turns(Gateway& gateway, unsigned host) {
  const std::string asker = "10.1.0." + std::to_string(host), next_hop = "10.1.0." + std::to_string(host + 1);
  const MacAddress own = gateway.parts().ports()[kLan].mac();
  gateway.receive_frame(kLan, arp_frame(1, kNewMac, asker, "10.1.0.1"));
  gateway.receive_frame(kLan, arp_frame(1, kNewMac, asker, "10.1.0.9"));  // not an own address yet
  gateway.receive_frame(
      kLan, gateway.frame(kLan, neighbour_packet({"fd00:1::77", "ff02::1:ff00:1", 255}, 135, "fd00:1::1", kNewMac)));
  gateway.receive(kWan, {udp("192.0.2.2", next_hop)});
  gateway.poll_aside(0);
  Bytes reply = arp_frame(2, own, "10.1.0.1", asker, kNewMac);
  std::copy(kNewMac.begin(), kNewMac.end(), reply.begin());
  const Packets answers = gateway.frames(kLan);
  BOOST_REQUIRE(answers.size() == 3u);
  BOOST_TEST((answers[0] == reply));
  BOOST_TEST(answers[1][14 + 40] == 136);
  BOOST_TEST((answers[2] == arp_frame(1, own, "10.1.0.1", next_hop)));
  gateway.receive_frame(kLan, arp_frame(2, kNewMac, next_hop, "10.1.0.1", own));
  gateway.poll_aside(1);
  BOOST_TEST((gateway.packets(kLan) == Packets{one_hop_on(udp("192.0.2.2", next_hop))}));
}

bool is_known_to_workers(Gateway& gateway, unsigned host) {
  gateway.receive(kWan, {udp("192.0.2.2", "10.1.0." + std::to_string(host))});
  return gateway.packets(kLan).size() == 1;
}

BOOST_AUTO_TEST_CASE(in_the_midst_of_a_transaction_neighbours_are_answered_and_learned) {
  Gateway gateway;
  {
    SlowTransaction transaction(gateway);
    check_turns(gateway, 50);
    transaction.begin_linking(100);
    const Generation linked = gateway.parts().versions().next();
    check_turns(gateway, 60);
    for (const unsigned host : {50u, 51u, 60u, 61u}) BOOST_TEST(is_known_to_workers(gateway, host), host);
    BOOST_TEST(gateway.parts().versions().published() < linked);
    transaction.publish();
    BOOST_TEST(gateway.parts().versions().published() == linked);
  }
  for (const unsigned host : {50u, 51u, 60u, 61u, 70u}) BOOST_TEST(is_known_to_workers(gateway, host), host);
  gateway.receive_frame(kLan, arp_frame(1, kNewMac, "10.1.0.50", "10.1.0.9"));
  gateway.poll_control(2);
  BOOST_TEST(gateway.frames(kLan).size() == 1u);
  gateway.check_accounting();
}

BOOST_AUTO_TEST_CASE(where_nothing_can_be_published_any_more_they_are_answered_and_learned_later) {
  Gateway gateway;
  {
    SlowTransaction transaction(gateway);
    transaction.begin_linking(0);
    const Generation before = gateway.parts().versions().published();
    check_turns(gateway, 50);
    BOOST_TEST(gateway.parts().versions().published() == before);
    transaction.publish();
  }
  gateway.poll_control(2);
  gateway.receive_frame(kLan, arp_frame(1, kNewMac, "10.1.0.50", "10.1.0.1"));
  gateway.poll_control(3);
  gateway.frames(kLan);
  BOOST_TEST(is_known_to_workers(gateway, 50));
}

BOOST_AUTO_TEST_CASE(what_a_transaction_deletes_is_not_learned_before_it_is_made) {
  Gateway gateway;
  RouteEdit edit(gateway.parts().routes(), gateway.parts().versions());
  Gateway::require(edit.delete_neighbour(address("10.1.0.2"), "lan"));
  gateway.receive_frame(kLan, arp_frame(1, kNewMac, "10.1.0.2", "10.1.0.1"));
  gateway.poll_aside(0);
  BOOST_TEST(gateway.frames(kLan).size() == 1u);
  edit.link();
  gateway.parts().versions().publish();
  BOOST_TEST(!is_known_to_workers(gateway, 2));
  gateway.receive_frame(kLan, arp_frame(1, kNewMac, "10.1.0.2", "10.1.0.1"));
  gateway.poll_control(1);
  BOOST_TEST(gateway.frames(kLan).size() == 3u);  // the question, the packet that waited, and the answer
  BOOST_TEST(is_known_to_workers(gateway, 2));
}

BOOST_AUTO_TEST_CASE(a_punt_queue_that_is_full_drops) {
  Gateway gateway;
  for (unsigned i = 0; i < 20; ++i) gateway.receive(kWan, std::vector<Bytes>(64, udp("192.0.2.2", "10.1.0.50")));
  BOOST_TEST(gateway.dropped(DropReason::punt_full) >= 20 * 64 - kPuntQueuePackets);
  gateway.poll_control(0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
