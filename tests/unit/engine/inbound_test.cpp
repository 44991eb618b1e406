// Packets that arrive with ESP, AH or a tunnel. A second gateway makes them, so these tests are about which groups are
// accepted; the format on the wire is for the end-to-end tests.
#include <algorithm>
#include <map>
#include <random>

#include "gateway_fixture.h"

namespace spigrp::test {

using Names = std::initializer_list<std::string_view>;

// The far gateway sends from 10.2.0.2 to 10.1.0.2; the test decides what each side knows.
struct Pair {
  Gateway far{kFar};
  Gateway near{kNear};

  // The same SA on both sides.
  void add(std::string_view id, std::string_view source) {
    far.add_sa(id, source);
    near.add_sa(id, source);
  }
  void add_usual() {
    add("tun.213@192.0.2.1", "192.0.2.2");
    add("esp.215@192.0.2.1", "192.0.2.2");
    add("ah.216@192.0.2.1", "192.0.2.2");
  }
  void far_sends_with(Names group) {
    if (group.size() > 1) far.group(group);
    far.eroute("10.2.0.0/16", "10.1.0.0/16", *group.begin());
  }
  void near_has(Names group) {
    if (group.size() > 1) near.group(group);
  }
  // What the far gateway puts on the wire for these.
  std::vector<Bytes> wire(const std::vector<Bytes>& packets) {
    far.receive(kLan, packets);
    return far.packets(kWan);
  }
  std::vector<Bytes> pass(const std::vector<Bytes>& packets) {
    near.receive(kWan, wire(packets));
    return near.packets(kLan);
  }
  // Nothing comes through, for this reason.
  void check_refused(DropReason reason) {
    BOOST_TEST(pass({udp("10.2.0.2", "10.1.0.2")}).empty());
    BOOST_TEST(near.dropped(reason) == 1u);
    BOOST_TEST(near.all_dropped() == 1u);
  }
};

Bytes compressible(std::string_view source, std::string_view destination, size_t payload_bytes) {
  return ip_packet({source, destination}, udp_datagram(4000, 5000, Bytes(payload_bytes, 'x')));
}

// One group at both ends lets packets through, such as compress and such as do not.
void check_passes(Names group, Names addresses = {"10.2.0.2", "10.1.0.2"}) {
  Pair pair;
  for (const std::string_view id : group) {
    const bool is_ipv4 = id.find('.') < id.find(':');
    pair.add(id, is_ipv4 ? "192.0.2.2" : "2001:db8::2");
  }
  pair.far_sends_with(group);
  pair.near_has(group);
  std::vector<Bytes> sent, due;
  for (size_t size = 0; size < 20; ++size) {
    sent.push_back(udp(*addresses.begin(), *(addresses.begin() + 1), size));
    sent.push_back(compressible(*addresses.begin(), *(addresses.begin() + 1), 20 * size));
  }
  for (const Bytes& packet : sent) due.push_back(two_hops_on(packet));
  const auto received = pair.pass(sent);
  BOOST_TEST((received == due));
  BOOST_TEST(pair.near.sum(&PacketCounters::decapsulated) == sent.size());
  BOOST_TEST(pair.near.sum(&PacketCounters::forwarded_plain) == 0u);
}

BOOST_AUTO_TEST_SUITE(inbound)

BOOST_AUTO_TEST_CASE(a_group_in_reverse_lets_the_inner_packet_through) {
  check_passes({"tun.213@192.0.2.1", "esp.215@192.0.2.1"});
  check_passes({"tun.213@192.0.2.1", "ah.216@192.0.2.1"});
  check_passes({"tun.213@192.0.2.1", "esp.215@192.0.2.1", "ah.216@192.0.2.1"});
  check_passes({"tun.213@192.0.2.1", "ah.216@192.0.2.1", "esp.215@192.0.2.1"});
  check_passes({"tun:213@2001:db8::1", "esp:215@2001:db8::1", "ah:216@2001:db8::1"});
}

BOOST_AUTO_TEST_CASE(a_tunnel_alone_is_found_by_its_endpoints) {
  check_passes({"tun.213@192.0.2.1"});
  check_passes({"tun.213@192.0.2.1", "tun.214@192.0.2.1"});
}

BOOST_AUTO_TEST_CASE(a_tunnel_that_stands_outermost_is_found_by_the_esp_or_ah_below_it) {
  check_passes({"tun.212@192.0.2.1", "esp.215@192.0.2.1", "tun.213@192.0.2.1"});
  check_passes({"tun.212@192.0.2.1", "ah.216@192.0.2.1", "tun.213@192.0.2.1", "tun.214@192.0.2.1"});
  check_passes({"esp.215@10.1.0.2", "tun.213@192.0.2.1"});
  check_passes({"ah.216@10.1.0.2", "esp.215@10.1.0.2", "tun.213@192.0.2.1"});
}

BOOST_AUTO_TEST_CASE(eight_sas_are_taken_off) {
  check_passes({"tun.211@192.0.2.1", "ah.212@192.0.2.1", "esp.213@192.0.2.1", "tun.214@192.0.2.1", "esp.215@192.0.2.1",
                "ah.216@192.0.2.1", "esp.217@192.0.2.1", "ah.218@192.0.2.1"});
}

BOOST_AUTO_TEST_CASE(compression_may_stand_anywhere_in_a_group) {
  check_passes({"tun.213@192.0.2.1", "comp.214@192.0.2.1"});
  check_passes({"tun.213@192.0.2.1", "comp.214@192.0.2.1", "esp.215@192.0.2.1"});
  check_passes({"tun.213@192.0.2.1", "comp.214@192.0.2.1", "esp.215@192.0.2.1", "ah.216@192.0.2.1"});
  check_passes({"tun.213@192.0.2.1", "esp.215@192.0.2.1", "comp.214@192.0.2.1"});
  check_passes({"tun.213@192.0.2.1", "esp.215@192.0.2.1", "comp.214@192.0.2.1", "ah.216@192.0.2.1"});
  check_passes({"tun.213@192.0.2.1", "comp.214@192.0.2.1", "comp.215@192.0.2.1"});
  check_passes({"comp.214@10.1.0.2", "tun.213@192.0.2.1"});
  check_passes({"comp.214@10.1.0.2", "tun.213@192.0.2.1", "esp.215@192.0.2.1"});
  check_passes({"esp.215@10.1.0.2", "comp.214@10.1.0.2", "tun.213@192.0.2.1"});
  check_passes({"esp.215@10.1.0.2", "tun.213@192.0.2.1", "comp.214@192.0.2.1"});
  check_passes({"tun.212@192.0.2.1", "comp.214@192.0.2.1", "tun.213@192.0.2.1"});
  check_passes({"tun.212@192.0.2.1", "esp.215@192.0.2.1", "comp.214@192.0.2.1", "tun.213@192.0.2.1"});
  check_passes({"tun:213@2001:db8::1", "comp:214@2001:db8::1", "esp:215@2001:db8::1"});
}

BOOST_AUTO_TEST_CASE(only_compression_may_be_absent) {
  // RFC 3173 section 2.2, invariant 2. `sent` lacks what the near gateway's group has.
  struct Case {
    Names sent, group;
    DropReason reason;  // or kept: see below
  };
  constexpr DropReason kPasses = DropReason::shutting_down;  // stands for none
  const std::string_view tun = "tun.213@192.0.2.1", comp = "comp.214@192.0.2.1", esp = "esp.215@192.0.2.1",
                         ah = "ah.216@192.0.2.1";
  for (const Case& each : {Case{{tun, esp}, {tun, comp, esp}, kPasses}, Case{{tun, esp}, {tun, esp, comp}, kPasses},
                           Case{{tun, esp, ah}, {tun, comp, esp, ah}, kPasses}, Case{{tun}, {tun, comp}, kPasses},
                           Case{{tun, comp}, {tun, comp, esp}, DropReason::group_mismatch},
                           Case{{tun}, {tun, comp, esp}, DropReason::no_sa},
                           Case{{tun, comp, esp}, {tun, comp, esp, ah}, DropReason::group_mismatch},
                           Case{{tun, comp}, {tun, esp, comp}, DropReason::group_mismatch},
                           Case{{tun, comp, ah}, {tun, esp, comp, ah}, DropReason::group_mismatch},
                           Case{{tun, comp, esp}, {tun, esp}, DropReason::group_mismatch}}) {
    Pair pair;
    for (const std::string_view id : {tun, comp, esp, ah}) pair.add(id, "192.0.2.2");
    pair.near_has(each.group);
    pair.far_sends_with(each.sent);
    const bool passes = pair.pass({compressible("10.2.0.2", "10.1.0.2", 600)}).size() == 1;
    BOOST_TEST(passes == (each.reason == kPasses));
    BOOST_TEST(pair.near.all_dropped() == (passes ? 0u : 1u));
    if (!passes) BOOST_TEST(pair.near.dropped(each.reason) == 1u);
  }
}

BOOST_AUTO_TEST_CASE(the_well_known_cpi_is_that_of_the_peers_sa) {
  for (const Names group : {Names{"comp.2@192.0.2.1"}, Names{"comp.2@192.0.2.1", "esp.215@192.0.2.1"}}) {
    const auto with_own_cpi = [&](std::string_view inner) {
      std::vector<std::string_view> ids{inner, "comp.214@192.0.2.1"};
      if (group.size() > 1) ids.push_back("esp.215@192.0.2.1");
      return ids;
    };
    Pair pair;
    for (const std::string_view id : {"tun.213@192.0.2.1", "comp.2@192.0.2.1", "esp.215@192.0.2.1"}) {
      pair.far.add_sa(id, "192.0.2.2");
    }
    for (const std::string_view id : {"tun.213@192.0.2.1", "comp.214@192.0.2.1", "esp.215@192.0.2.1"}) {
      pair.near.add_sa(id, "192.0.2.2");
    }
    const auto link = [](Gateway& gateway, const std::vector<std::string_view>& ids) {
      std::vector<SaId> members;
      for (const std::string_view id : ids) members.push_back(parse_sa_id(id).value());
      gateway.edit_sas([&](SaEdit& edit) { Gateway::require(edit.group(members)); });
    };
    std::vector<std::string_view> sent{"tun.213@192.0.2.1"};
    sent.insert(sent.end(), group.begin(), group.end());
    link(pair.far, sent);
    link(pair.near, with_own_cpi("tun.213@192.0.2.1"));
    pair.far.eroute("10.2.0.0/16", "10.1.0.0/16", "tun.213@192.0.2.1");
    const Bytes packet = compressible("10.2.0.2", "10.1.0.2", 600);
    BOOST_TEST((pair.pass({packet}) == Packets{two_hops_on(packet)}));
  }
  Gateway near;  // from nobody's peer
  near.add_sa("comp.214@192.0.2.1", "192.0.2.2");
  near.receive(kWan, {ip_packet({"192.0.2.3", "192.0.2.1", 64, kProtocolIpcomp}, Bytes{4, 0, 0, 2, 3, 0})});
  BOOST_TEST(near.dropped(DropReason::no_sa) == 1u);
}

BOOST_AUTO_TEST_CASE(where_only_compression_is_asked_for_a_packet_may_come_as_it_is) {
  Gateway near;
  near.add_sa("comp.114@10.2.0.2", "10.1.0.2");
  near.eroute("10.1.0.0/16", "10.2.0.0/16", "comp.114@10.2.0.2");
  const Bytes packet = udp("10.2.0.2", "10.1.0.2");
  near.receive(kWan, {packet});
  BOOST_TEST((near.packets(kLan) == Packets{one_hop_on(packet)}));
  near.add_sa("esp.115@10.2.0.2", "10.1.0.2");
  near.group({"comp.114@10.2.0.2", "esp.115@10.2.0.2"});
  near.receive(kWan, {packet});
  BOOST_TEST(near.dropped(DropReason::unprotected) == 1u);
  near.ungroup("comp.114@10.2.0.2");  // the group is dissolved: it still demands what it demanded
  near.receive(kWan, {packet});
  BOOST_TEST(near.dropped(DropReason::unprotected) == 2u);
  BOOST_TEST(near.packets(kLan).empty());
}

BOOST_AUTO_TEST_CASE(less_than_the_group_is_refused) {
  // Invariant 2, inbound
  for (const Names sent :
       {Names{"tun.213@192.0.2.1", "esp.215@192.0.2.1"}, Names{"tun.213@192.0.2.1", "ah.216@192.0.2.1"},
        Names{"tun.213@192.0.2.1", "ah.216@192.0.2.1", "esp.215@192.0.2.1"}}) {
    Pair pair;
    pair.add_usual();
    pair.near_has({"tun.213@192.0.2.1", "esp.215@192.0.2.1", "ah.216@192.0.2.1"});
    pair.far_sends_with(sent);
    pair.check_refused(DropReason::group_mismatch);
  }
}

BOOST_AUTO_TEST_CASE(more_than_the_group_is_refused) {
  Pair pair;
  pair.add_usual();
  pair.near_has({"tun.213@192.0.2.1", "esp.215@192.0.2.1"});
  pair.far_sends_with({"tun.213@192.0.2.1", "esp.215@192.0.2.1", "ah.216@192.0.2.1"});
  // AH is a group of its own here; what comes out of it carries the other group, which is taken off in turn.
  BOOST_TEST(pair.pass({udp("10.2.0.2", "10.1.0.2")}).size() == 1u);
  pair.near.ungroup("esp.215@192.0.2.1");
  pair.near.group({"esp.215@192.0.2.1", "tun.213@192.0.2.1"});
  BOOST_TEST(pair.pass({udp("10.2.0.2", "10.1.0.2")}).empty());
  BOOST_TEST(pair.near.dropped(DropReason::group_mismatch) == 1u);
}

BOOST_AUTO_TEST_CASE(transport_esp_without_its_tunnel_is_refused) {
  Pair pair;
  pair.add_usual();
  pair.near_has({"tun.213@192.0.2.1", "esp.215@192.0.2.1"});
  pair.far.eroute("10.2.0.0/16", "192.0.2.1/32", "esp.215@192.0.2.1");
  pair.far.edit_routes([](RouteEdit& edit) {
    Gateway::require(edit.add_route({Gateway::prefix("192.0.2.1/32"), address("192.0.2.1"), "ipsec0"}));
  });
  pair.near.receive(kWan, pair.wire({icmp_packet({"10.2.0.2", "192.0.2.1"}, 8, 0, Bytes(8))}));
  BOOST_TEST(pair.near.dropped(DropReason::group_mismatch) == 1u);
  BOOST_TEST(pair.near.all_dropped() == 1u);
}

BOOST_AUTO_TEST_CASE(a_tunnel_of_a_group_is_not_taken_bare) {
  Pair pair;
  pair.add_usual();
  pair.near_has({"tun.213@192.0.2.1", "esp.215@192.0.2.1"});
  pair.far_sends_with({"tun.213@192.0.2.1"});
  pair.check_refused(DropReason::no_sa);
}

BOOST_AUTO_TEST_CASE(an_unknown_spi_has_no_sa) {
  Pair pair;
  pair.far.add_sa("tun.213@192.0.2.1", "192.0.2.2");
  pair.far.add_sa("esp.215@192.0.2.1", "192.0.2.2");
  pair.far_sends_with({"tun.213@192.0.2.1", "esp.215@192.0.2.1"});
  pair.check_refused(DropReason::no_sa);
}

BOOST_AUTO_TEST_CASE(a_bare_tunnel_may_not_carry_what_an_eroute_protects) {
  Pair pair;
  pair.add("tun.213@192.0.2.1", "192.0.2.2");
  pair.far_sends_with({"tun.213@192.0.2.1"});
  pair.near.add_sa("tun.113@192.0.2.2", "192.0.2.1");
  pair.near.add_sa("esp.115@192.0.2.2", "192.0.2.1");
  pair.near.group({"tun.113@192.0.2.2", "esp.115@192.0.2.2"});
  pair.near.eroute("10.1.0.0/16", "10.2.0.0/16", "tun.113@192.0.2.2");
  pair.check_refused(DropReason::inbound_policy);
  pair.near.ungroup("tun.113@192.0.2.2");
  BOOST_TEST(pair.pass({udp("10.2.0.2", "10.1.0.2")}).empty());
  BOOST_TEST(pair.near.dropped(DropReason::inbound_policy) == 2u);
}

BOOST_AUTO_TEST_CASE(a_bare_tunnel_may_carry_what_goes_out_by_a_bare_tunnel) {
  Pair pair;
  pair.add("tun.213@192.0.2.1", "192.0.2.2");
  pair.far_sends_with({"tun.213@192.0.2.1"});
  pair.near.add_sa("tun.113@192.0.2.2", "192.0.2.1");
  pair.near.eroute("10.1.0.0/16", "10.2.0.0/16", "tun.113@192.0.2.2");
  BOOST_TEST(pair.pass({udp("10.2.0.2", "10.1.0.2")}).size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_hub_protects_again_what_comes_out_of_a_group) {
  Pair pair;
  pair.add_usual();
  pair.near_has({"tun.213@192.0.2.1", "esp.215@192.0.2.1"});
  pair.far.group({"tun.213@192.0.2.1", "esp.215@192.0.2.1"});
  pair.far.eroute("10.2.0.0/16", "10.9.0.0/16", "tun.213@192.0.2.1");
  pair.far.edit_routes([](RouteEdit& edit) {
    Gateway::require(edit.add_route({Gateway::prefix("10.9.0.0/16"), address("192.0.2.1"), "ipsec0"}));
  });
  pair.near.add_sa("tun.313@192.0.2.3", "192.0.2.1");
  pair.near.add_sa("ah.315@192.0.2.3", "192.0.2.1");
  pair.near.group({"tun.313@192.0.2.3", "ah.315@192.0.2.3"});
  pair.near.eroute("10.2.0.0/16", "10.9.0.0/16", "tun.313@192.0.2.3");
  pair.near.edit_routes([](RouteEdit& edit) {
    Gateway::require(edit.add_route({Gateway::prefix("10.9.0.0/16"), address("192.0.2.3"), "ipsec0"}));
    Gateway::require(edit.set_neighbour({address("192.0.2.3"), "wan", kPeerMac}));
  });
  pair.near.receive(kWan, pair.wire({udp("10.2.0.2", "10.9.0.9")}));
  const auto onward = pair.near.packets(kWan);
  BOOST_REQUIRE(onward.size() == 1);
  BOOST_TEST(onward[0][9] == kProtocolAh);
}

// The far gateway fragments what it sends. (How fragments are put together, and what of them is refused, is for
// reassembly_test.cpp.)
void check_fragments_pass(Names group, std::string_view source) {
  Pair pair;
  for (const std::string_view id : group) pair.add(id, source);
  pair.far_sends_with(group);
  pair.near_has(group);
  const Bytes whole = udp("10.2.0.2", "10.1.0.2", 1460);
  Packets fragments = pair.wire({whole});
  BOOST_REQUIRE(fragments.size() == 2);
  std::ranges::reverse(fragments);
  pair.near.receive(kWan, {fragments[0]});
  BOOST_TEST(pair.near.sum(&PacketCounters::held) == 1u);
  pair.near.check_accounting();
  pair.near.receive(kWan, {fragments[1]});
  BOOST_TEST((pair.near.packets(kLan) == Packets{two_hops_on(whole)}));
  BOOST_TEST(pair.near.sum(&PacketCounters::held) == 0u);
  BOOST_TEST(pair.near.sum(&PacketCounters::joined) == 1u);
  BOOST_TEST(pair.near.sum(&PacketCounters::decapsulated) == 1u);
}

BOOST_AUTO_TEST_CASE(fragments_of_protected_packets_are_put_together) {
  check_fragments_pass({"tun.213@192.0.2.1", "esp.215@192.0.2.1"}, "192.0.2.2");
  check_fragments_pass({"tun.213@192.0.2.1", "ah.216@192.0.2.1"}, "192.0.2.2");
  check_fragments_pass({"tun.213@192.0.2.1"}, "192.0.2.2");
  check_fragments_pass({"tun:213@2001:db8::1", "esp:215@2001:db8::1", "ah:216@2001:db8::1"}, "2001:db8::2");
}

BOOST_AUTO_TEST_CASE(fragments_that_are_still_held_are_dropped_when_the_engine_ends) {
  Pair pair;
  pair.add_usual();
  pair.near_has({"tun.213@192.0.2.1", "esp.215@192.0.2.1"});
  pair.far_sends_with({"tun.213@192.0.2.1", "esp.215@192.0.2.1"});
  pair.near.receive(kWan, {pair.wire({udp("10.2.0.2", "10.1.0.2", 1460)})[0]});
  BOOST_TEST(pair.near.sum(&PacketCounters::held) == 1u);
  pair.near.parts().close();
  BOOST_TEST(pair.near.sum(&PacketCounters::held) == 0u);
  BOOST_TEST(pair.near.dropped(DropReason::shutting_down) == 1u);
}

BOOST_AUTO_TEST_CASE(a_protected_packet_in_several_segments_is_taken_off_whole) {
  // HAZARDS 12, 22
  Pair pair;
  pair.add_usual();
  pair.near_has({"tun.213@192.0.2.1", "esp.215@192.0.2.1"});
  pair.far_sends_with({"tun.213@192.0.2.1", "esp.215@192.0.2.1"});
  const Bytes packet = udp("10.2.0.2", "10.1.0.2", 1000);
  const Bytes bytes = pair.near.frame(kWan, pair.wire({packet})[0]);
  rte_mbuf* chain = pair.near.buffer(Bytes(bytes.begin(), bytes.begin() + 64));
  rte_pktmbuf_chain(chain, pair.near.buffer(Bytes(bytes.begin() + 64, bytes.end())));
  pair.near.worker().process(kWan, &chain, 1);
  BOOST_TEST((pair.near.packets(kLan) == Packets{two_hops_on(packet)}));
}

BOOST_AUTO_TEST_CASE(copies_in_one_burst_pass_once) {
  // HAZARDS 5
  Pair pair;
  pair.add_usual();
  pair.near_has({"tun.213@192.0.2.1", "esp.215@192.0.2.1"});
  pair.far_sends_with({"tun.213@192.0.2.1", "esp.215@192.0.2.1"});
  const Bytes packet = pair.wire({udp("10.2.0.2", "10.1.0.2")})[0];
  pair.near.receive(kWan, std::vector<Bytes>(32, packet));
  BOOST_TEST(pair.near.packets(kLan).size() == 1u);
  BOOST_TEST(pair.near.dropped(DropReason::replayed) == 31u);
}

BOOST_AUTO_TEST_CASE(groups_that_come_mixed_in_a_burst_keep_their_order_each) {
  // HAZARDS 5, 16
  Pair pair;
  const std::vector<std::string> numbers{"2", "3", "4"};
  for (const std::string& number : numbers) {
    const std::string tunnel = "tun." + number + "13@192.0.2.1", esp = "esp." + number + "15@192.0.2.1";
    pair.add(tunnel, "192.0.2.2");
    pair.add(esp, "192.0.2.2");
    pair.near_has({tunnel, esp});
    pair.far.group({tunnel, esp});
    pair.far.eroute("10.2." + number + ".0/24", "10.1.0.0/16", tunnel);
  }
  std::mt19937 random(1);
  std::vector<Bytes> sent;
  for (size_t i = 0; i < 60; ++i) sent.push_back(udp("10.2." + numbers[random() % 3] + ".2", "10.1.0.2", i));
  std::vector<Bytes> wire = pair.wire(sent);
  BOOST_REQUIRE(wire.size() == sent.size());
  wire[20].back() ^= 1;
  wire[30] = wire[10];
  pair.near.receive(kWan, wire);
  std::map<uint8_t, std::vector<size_t>> sizes;  // by flow; payloads grew from packet to packet
  size_t packets = 0;
  for (const Bytes& packet : pair.near.packets(kLan)) {
    sizes[packet[14]].push_back(packet.size());
    ++packets;
  }
  BOOST_TEST(packets == sent.size() - 2);
  for (const auto& [flow, of_flow] : sizes) BOOST_TEST(std::ranges::is_sorted(of_flow));
  BOOST_TEST(pair.near.dropped(DropReason::replayed) == 1u);
  BOOST_TEST(pair.near.dropped(DropReason::authentication_failed) == 1u);
  uint64_t counted = 0;
  for (const std::string& number : numbers) {
    const SaId id = parse_sa_id("esp." + number + "15@192.0.2.1").value();
    counted += pair.near.parts().sas().newest(id)->sa->counters.packets;
  }
  BOOST_TEST(counted == packets);
}

BOOST_AUTO_TEST_CASE(a_packet_that_fails_never_continues) {
  // HAZARDS 16
  Pair pair;
  pair.add_usual();
  pair.near_has({"tun.213@192.0.2.1", "esp.215@192.0.2.1", "ah.216@192.0.2.1"});
  pair.far_sends_with({"tun.213@192.0.2.1", "esp.215@192.0.2.1", "ah.216@192.0.2.1"});
  const Bytes packet = pair.wire({udp("10.2.0.2", "10.1.0.2")})[0];
  for (size_t place = 20; place < packet.size(); ++place) {
    Bytes wrong = packet;
    wrong[place] ^= 1;
    pair.near.receive(kWan, {wrong});
  }
  BOOST_TEST(pair.near.frames(kLan).empty());
  BOOST_TEST((pair.near.all_dropped() == packet.size() - 20));
  pair.near.receive(kWan, {packet});
  BOOST_TEST(pair.near.packets(kLan).size() == 1u);
}

BOOST_AUTO_TEST_CASE(tunnels_within_tunnels_without_end_are_dropped) {
  // HAZARDS 11
  Gateway near;
  near.add_sa("tun.213@192.0.2.1", "192.0.2.2");
  Bytes packet = udp("10.2.0.2", "10.1.0.2");
  std::vector<Bytes> nested;
  for (unsigned depth = 1; depth <= 30; ++depth) {
    packet = ip_packet({"192.0.2.2", "192.0.2.1", 64, kProtocolIpip}, packet);
    nested.push_back(packet);
  }
  near.receive(kWan, nested);
  // Up to eight at once are looked through, and each is a group of its own.
  BOOST_TEST(near.packets(kLan).size() == 8u);
  BOOST_TEST(near.dropped(DropReason::too_many_headers) == 22u);
}

BOOST_AUTO_TEST_CASE(an_inner_packet_that_claims_to_be_from_this_host_is_a_martian) {
  Gateway near;
  near.add_sa("tun.213@192.0.2.1", "192.0.2.2");
  near.receive(kWan, {ip_packet({"192.0.2.2", "192.0.2.1", 64, kProtocolIpip}, udp("127.0.0.1", "10.1.0.2"))});
  BOOST_TEST(near.dropped(DropReason::martian_address) == 1u);
}

BOOST_AUTO_TEST_CASE(regrouping_counts_for_the_next_burst_inbound_too) {
  Pair pair;
  pair.add_usual();
  pair.near_has({"tun.213@192.0.2.1", "esp.215@192.0.2.1"});
  pair.far_sends_with({"tun.213@192.0.2.1", "esp.215@192.0.2.1"});
  BOOST_TEST(pair.pass({udp("10.2.0.2", "10.1.0.2")}).size() == 1u);
  pair.near.replace_group({"tun.213@192.0.2.1", "esp.215@192.0.2.1", "ah.216@192.0.2.1"});
  BOOST_TEST(pair.pass({udp("10.2.0.2", "10.1.0.2")}).empty());
  pair.far.replace_group({"tun.213@192.0.2.1", "esp.215@192.0.2.1", "ah.216@192.0.2.1"});
  BOOST_TEST(pair.pass({udp("10.2.0.2", "10.1.0.2")}).size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
