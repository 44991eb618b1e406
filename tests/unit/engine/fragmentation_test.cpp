// Packets that are larger than the port they leave by: fragmented where their header allows it, before or after the
// group as its tun SA says. What arrives is put together by the tests themselves and taken off by a second gateway.
#include "gateway_fixture.h"
#include "packet/fragments.h"

namespace spigrp::test {
namespace {

constexpr OuterHeader kBefore{.fragment = Fragmentation::kBefore};

// The near gateway sends to the far one with one group over IPv4 or IPv6.
struct Sending {
  Gateway far{kFar};
  Gateway near{kNear};

  void group_over(Family outer, const OuterHeader& header = {}) {
    const bool is_ipv4 = outer == Family::kIpv4;
    const auto id = [&](std::string_view proto) {
      return std::string(proto) + (is_ipv4 ? "@192.0.2.2" : "@2001:db8::2");
    };
    const std::string tun = id(is_ipv4 ? "tun.113" : "tun:113"), esp = id(is_ipv4 ? "esp.115" : "esp:115");
    for (Gateway* gateway : {&near, &far}) {
      gateway->add_sa(tun, is_ipv4 ? "192.0.2.1" : "2001:db8::1", header);
      gateway->add_sa(esp, is_ipv4 ? "192.0.2.1" : "2001:db8::1");
      gateway->group({tun, esp});
    }
    near.eroute("10.1.0.0/16", "10.2.0.0/16", tun);
    near.eroute("fd00:1::/32", "fd00:2::/32", tun);
  }
  Packets sent(const Packets& packets) {
    near.receive(kLan, packets);
    return near.packets(kWan);
  }
  Packets taken_off(const Packets& packets) {
    far.receive(kWan, packets);
    return far.packets(kLan);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(fragmentation)

BOOST_AUTO_TEST_CASE(an_outer_packet_too_large_for_the_port_leaves_in_fragments) {
  for (const Family outer : {Family::kIpv4, Family::kIpv6}) {
    Sending pair;
    pair.group_over(outer);
    const Bytes whole = udp("10.1.0.2", "10.2.0.2", 1450);
    const Packets fragments = pair.sent({whole});
    BOOST_REQUIRE(fragments.size() == 2);
    for (const Bytes& fragment : fragments) BOOST_TEST(fragment.size() <= 1500u);
    BOOST_TEST((pair.taken_off({joined(fragments)}) == Packets{two_hops_on(whole)}));
    BOOST_TEST(pair.near.sum(&PacketCounters::originated) == 1u);
    BOOST_TEST(pair.near.sum(&PacketCounters::sent) == 2u);
    BOOST_TEST(pair.near.sum(&PacketCounters::encapsulated) == 1u);
    BOOST_TEST(pair.near.all_dropped() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(fragmented_before_each_fragment_is_protected_and_fits) {
  for (const Family outer : {Family::kIpv4, Family::kIpv6}) {
    Sending pair;
    pair.group_over(outer, kBefore);
    const Bytes whole = udp("10.1.0.2", "10.2.0.2", 2000);
    const Packets packets = pair.sent({whole});
    BOOST_REQUIRE(packets.size() == 2);
    for (const Bytes& packet : packets) {
      BOOST_TEST(packet.size() <= 1500u);
      BOOST_TEST(packet[outer == Family::kIpv4 ? 9 : 6] == kProtocolEsp);
    }
    const Packets inner = pair.taken_off(packets);
    BOOST_TEST(joined(inner) == two_hops_on(whole));
    BOOST_TEST(pair.near.sum(&PacketCounters::originated) == 1u);
    BOOST_TEST(pair.near.sum(&PacketCounters::encapsulated) == 2u);
  }
}

// 64 packets become 128 that are to be protected, twice what a burst holds.
BOOST_AUTO_TEST_CASE(a_whole_burst_of_packets_to_be_fragmented_before_is_sent_in_order) {
  Sending pair;
  pair.group_over(Family::kIpv4, kBefore);
  Packets whole;
  for (size_t i = 0; i < kBurstCapacity; ++i) whole.push_back(udp("10.1.0.2", "10.2.0.2", 1500 + i));
  const Packets packets = pair.sent(whole);
  BOOST_REQUIRE(packets.size() == 2 * kBurstCapacity);
  const Packets inner = pair.taken_off(packets);
  BOOST_REQUIRE(inner.size() == packets.size());
  for (size_t i = 0; i < whole.size(); ++i) {
    BOOST_TEST(joined({inner[2 * i], inner[2 * i + 1]}) == two_hops_on(whole[i]));
  }
}

BOOST_AUTO_TEST_CASE(what_must_stay_whole_is_refused_and_its_sender_told) {
  for (const OuterHeader& header : {OuterHeader{}, kBefore}) {
    Sending pair;
    pair.group_over(Family::kIpv4, header);
    BOOST_TEST(pair.sent({with_df(udp("10.1.0.2", "10.2.0.2", 1450)), udp("fd00:1::2", "fd00:2::2", 1430)}).empty());
    BOOST_TEST(pair.near.dropped(DropReason::too_big) == 2u);
    const Packets answers = pair.near.packets(kLan);
    BOOST_REQUIRE(answers.size() == 2);
    BOOST_TEST((answers[0][20] == 3 && answers[0][21] == 4));
    BOOST_TEST(answers[1][40] == 2);
  }
}

// An outer header with DF cannot be fragmented, but the inner one without it can.
BOOST_AUTO_TEST_CASE(where_df_is_always_set_packets_are_fragmented_before) {
  Sending pair;
  pair.group_over(Family::kIpv4, {.df = DfChoice::kSet});
  const Bytes whole = udp("10.1.0.2", "10.2.0.2", 1450);
  const Packets packets = pair.sent({whole});
  BOOST_REQUIRE(packets.size() == 2);
  for (const Bytes& packet : packets) BOOST_TEST(packet[6] == 0x40);
  BOOST_TEST(joined(pair.taken_off(packets)) == two_hops_on(whole));
}

BOOST_AUTO_TEST_CASE(a_group_knows_which_of_its_packets_may_be_fragmented_after_it) {
  Gateway near(kNear);
  const auto tunnel = [&](unsigned spi, bool is_ipv4, DfChoice df) {
    char id[64];
    std::snprintf(id, sizeof(id), is_ipv4 ? "tun.%x@192.0.2.2" : "tun:%x@2001:db8::2", spi);
    near.add_sa(id, is_ipv4 ? "192.0.2.1" : "2001:db8::1", {.df = df});
    return near.parts().sas().newest(parse_sa_id(id).value())->sa;
  };
  Sa* copy4 = tunnel(0x301, true, DfChoice::kCopy);
  Sa* set4 = tunnel(0x302, true, DfChoice::kSet);
  Sa* clear4 = tunnel(0x303, true, DfChoice::kClear);
  Sa* copy6 = tunnel(0x304, false, DfChoice::kCopy);
  const struct {
    std::vector<Sa*> members;
    bool before, any_inner;  // whether after is impossible; whether even what must stay whole can be fragmented after
  } cases[] = {
      {{copy4}, false, false},       {{set4}, true, false},          {{clear4}, false, true},
      {{copy6}, false, true},        {{set4, copy4}, true, false},   {{set4, clear4}, false, true},
      {{copy6, copy4}, true, false}, {{copy6, clear4}, false, true}, {{set4, copy6}, false, true},
  };
  for (const auto& one : cases) {
    const SaGroup group(one.members);
    BOOST_TEST_CONTEXT(group.text()) {
      BOOST_TEST(group.fragments_before() == one.before);
      BOOST_TEST(group.header_may_be_fragmented() == one.any_inner);
    }
  }
}

// RFC 2473 section 7.1: nobody has to send less than 1280 bytes, so where the outer header allows it they pass.
BOOST_AUTO_TEST_CASE(the_smallest_mtu_of_ipv6_passes_a_port_that_has_no_more) {
  GatewayPlan plan = kNear;
  plan.wan_mtu_bytes = 1280;
  Gateway near(plan);
  const struct {
    std::string_view id, source;
    DfChoice df;
    bool passes;
  } tunnels[] = {{"tun:301@2001:db8::2", "2001:db8::1", DfChoice::kCopy, true},
                 {"tun.302@192.0.2.2", "192.0.2.1", DfChoice::kClear, true},
                 {"tun.303@192.0.2.2", "192.0.2.1", DfChoice::kCopy, false}};
  for (const auto& tunnel : tunnels) {
    near.add_sa(tunnel.id, tunnel.source, {.df = tunnel.df});
    near.eroute("fd00:1::/32", "fd00:2::/32", parse_sa_id(tunnel.id).value(), ErouteMode::kReplace);
    const Bytes smallest = udp("fd00:1::2", "fd00:2::2", 1280 - 48), larger = udp("fd00:1::2", "fd00:2::2", 1281 - 48);
    near.receive(kLan, {larger, smallest});
    const Packets answers = near.packets(kLan), sent = near.packets(kWan);
    BOOST_REQUIRE(answers.size() == (tunnel.passes ? 1u : 2u));
    BOOST_TEST((answers[0][46] * 256 + answers[0][47]) == (tunnel.passes ? 1280 : 1260));
    BOOST_REQUIRE(sent.size() == (tunnel.passes ? 2u : 0u));
    if (!tunnel.passes) continue;
    const Bytes whole = joined(sent);
    BOOST_TEST(Bytes(whole.begin() + (whole[0] >> 4 == 4 ? 20 : 40), whole.end()) == one_hop_on(smallest));
  }
}

// esp stands behind the host's own header, which for IPv4 any gateway may fragment and for IPv6 none.
BOOST_AUTO_TEST_CASE(a_group_without_tunnel_is_fragmented_after_where_the_hosts_header_allows_it) {
  Gateway near(kNear);
  near.add_sa("esp.201@10.2.2.1", "10.1.0.2");
  near.eroute("10.1.0.0/16", "10.2.2.0/24", "esp.201@10.2.2.1");
  near.add_sa("esp:202@fd00:2::2", "fd00:1::2");
  near.eroute("fd00:1::/32", "fd00:2::/32", "esp:202@fd00:2::2");
  near.receive(kLan, {udp("10.1.0.2", "10.2.2.1", 1470), udp("fd00:1::2", "fd00:2::2", 1450)});
  const Packets fragments = near.packets(kWan);
  BOOST_REQUIRE(fragments.size() == 2);
  BOOST_TEST(joined(fragments)[9] == kProtocolEsp);
  BOOST_TEST(near.dropped(DropReason::too_big) == 1u);
}

// The gateway is the source of an answer over IPv6, so it may fragment that, if not the outer header.
BOOST_AUTO_TEST_CASE(an_answer_too_large_for_an_outer_header_that_must_stay_whole_is_fragmented_before) {
  GatewayPlan plan = kNear;
  plan.wan_mtu_bytes = 1400;
  Gateway near(plan), far(kFar);
  for (Gateway* gateway : {&near, &far}) {
    gateway->add_sa("tun.113@192.0.2.2", "192.0.2.1");
    gateway->add_sa("esp.115@192.0.2.2", "192.0.2.1");
    gateway->group({"tun.113@192.0.2.2", "esp.115@192.0.2.2"});
    gateway->add_sa("tun.213@192.0.2.1", "192.0.2.2");
    gateway->add_sa("esp.215@192.0.2.1", "192.0.2.2");
    gateway->group({"tun.213@192.0.2.1", "esp.215@192.0.2.1"});
  }
  near.eroute("fd00:1::1/128", "fd00:2::2/128", "tun.113@192.0.2.2");
  far.eroute("fd00:2::2/128", "fd00:1::1/128", "tun.213@192.0.2.1");
  const Bytes echo = Bytes{0, 1, 0, 1} + counted_bytes(1330);
  far.receive(kLan, {icmp_packet({"fd00:2::2", "fd00:1::1"}, 128, 0, echo)});
  near.receive(kWan, far.packets(kWan));
  const Packets answer = near.packets(kWan);
  BOOST_REQUIRE(answer.size() == 2);
  for (const Bytes& packet : answer) BOOST_TEST((packet.size() <= 1400u && (packet[6] & 0x40) != 0));
  far.receive(kWan, answer);
  BOOST_TEST(joined(far.packets(kLan)) == one_hop_on(icmp_packet({"fd00:1::1", "fd00:2::2"}, 129, 0, echo)));
  BOOST_TEST(near.all_dropped() + far.all_dropped() == 0u);
}

// RFC 8200 section 4.5: the next header of a fragment is that of what begins the fragmentable part.
BOOST_AUTO_TEST_CASE(fragments_that_begin_with_destination_options_are_put_together) {
  Sending pair;
  pair.group_over(Family::kIpv6);
  const Bytes host_packet = udp("fd00:1::2", "fd00:2::2", 1200);
  const auto esp_behind_options = [&] {
    Bytes packet = pair.sent({host_packet})[0];
    const Bytes options = extension_header(kProtocolEsp);
    packet[6] = kProtocolDestinationOptions;
    put16(packet, 4, static_cast<unsigned>(packet.size() - 40 + options.size()));
    packet.insert(packet.begin() + 40, options.begin(), options.end());
    return packet;
  };
  BOOST_TEST((pair.taken_off({esp_behind_options()}) == Packets{two_hops_on(host_packet)}));

  rte_mbuf* whole = pair.far.buffer(esp_behind_options());
  const Fragments cut = fragment_packet(whole, parse_ip(whole).ip, 600, pair.far.parts().buffers());
  BOOST_REQUIRE(cut.count == 3);
  Packets fragments;
  for (uint16_t i = 0; i < cut.count; ++i) {
    fragments.push_back(bytes_of(cut.packets[i]));
    rte_pktmbuf_free(cut.packets[i]);
  }
  BOOST_TEST(fragments[0][40] == kProtocolDestinationOptions);
  BOOST_TEST((pair.taken_off(fragments) == Packets{two_hops_on(host_packet)}));
  BOOST_TEST(pair.far.all_dropped() == 0u);
}

BOOST_AUTO_TEST_CASE(plain_packets_are_fragmented_where_df_is_clear) {
  Gateway near(kNear);
  const Bytes whole = udp("192.0.2.2", "10.1.0.2", 1473);
  near.receive(kWan, {whole});
  const Packets fragments = near.packets(kLan);
  BOOST_REQUIRE(fragments.size() == 2);
  BOOST_TEST(joined(fragments) == one_hop_on(whole));
  BOOST_TEST(near.sum(&PacketCounters::forwarded_plain) == 2u);
  near.receive(kWan, {with_df(whole), udp("2001:db8::2", "fd00:1::2", 1453)});
  BOOST_TEST(near.packets(kLan).empty());
  BOOST_TEST(near.dropped(DropReason::too_big) == 2u);
  BOOST_TEST(near.packets(kWan).size() == 2u);
}

BOOST_AUTO_TEST_CASE(without_buffers_a_packet_is_dropped_whole) {
  Sending pair;
  pair.group_over(Family::kIpv4);
  const Bytes frame = pair.near.frame(kLan, udp("10.1.0.2", "10.2.0.2", 1450));
  rte_mbuf* received = pair.near.buffer(frame);
  std::vector<rte_mbuf*> all;
  for (rte_mbuf* one = rte_pktmbuf_alloc(pair.near.parts().buffers()); one != nullptr;
       one = rte_pktmbuf_alloc(pair.near.parts().buffers())) {
    all.push_back(one);
  }
  rte_pktmbuf_free(all.back());
  all.pop_back();
  pair.near.worker().process(kLan, &received, 1);
  BOOST_TEST(pair.near.packets(kWan).empty());
  BOOST_TEST(pair.near.dropped(DropReason::no_room) == 1u);
  for (rte_mbuf* one : all) rte_pktmbuf_free(one);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
