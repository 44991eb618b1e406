// ESP in UDP through whole gateways (RFC 3948): which groups pass, what else may come in UDP, and where the peer is.
#include <random>

#include "gateway_fixture.h"

namespace spigrp::test {
namespace {

using UdpNames = std::initializer_list<std::string_view>;

// The far gateway sends from 10.2.0.2 to 10.1.0.2, and the near one back. SAs whose SPI ends in 5 are in UDP.
struct UdpPair {
  Gateway far, near{kNear};

  explicit UdpPair(uint16_t far_mtu_bytes = 1500) : far(plan_of(far_mtu_bytes)) {}
  static GatewayPlan plan_of(uint16_t mtu_bytes) {
    GatewayPlan plan = kFar;
    plan.wan_mtu_bytes = mtu_bytes;
    return plan;
  }

  static void add(Gateway& gateway, std::string_view id, std::string_view source,
                  std::optional<UdpEncapsulation> ports = {}) {
    if (!ports) return gateway.add_sa(id, source);
    SaSpec spec;
    spec.id = parse_sa_id(id).value();
    spec.source = address(source);
    spec.algorithm = "aes128gcm16";
    spec.encryption_key = Key(Bytes(20, static_cast<uint8_t>(spec.id.spi)));
    spec.udp_encapsulation = ports;
    gateway.edit_sas([&](SaEdit& edit) { Gateway::require(edit.add_sa(spec)); });
  }
  void add_both(std::string_view id, std::string_view source, std::optional<UdpEncapsulation> ports = {}) {
    add(far, id, source, ports);
    add(near, id, source, ports);
  }
  void add_group(UdpNames group, UdpEncapsulation ports = {}) {
    for (const std::string_view id : group) {
      const SaId parsed = parse_sa_id(id).value();
      const bool in_udp = parsed.protocol == SaProtocol::kEsp && parsed.spi % 16 == 5;
      add_both(id, parsed.destination.family == Family::kIpv4 ? "192.0.2.2" : "2001:db8::2",
               in_udp ? std::optional(ports) : std::nullopt);
    }
    if (group.size() > 1) {
      far.group(group);
      near.group(group);
    }
    far.eroute("10.2.0.0/16", "10.1.0.0/16", *group.begin());
  }
  // The usual ones, both ways; the peer was at port 40001 when they were made.
  void add_both_ways() {
    add_group({"tun.213@192.0.2.1", "esp.215@192.0.2.1"}, {40001, 4500});
    add_both("tun.113@192.0.2.2", "192.0.2.1");
    add_both("esp.115@192.0.2.2", "192.0.2.1", UdpEncapsulation{4500, 40001});
    near.group({"tun.113@192.0.2.2", "esp.115@192.0.2.2"});
    near.eroute("10.1.0.0/16", "10.2.0.0/16", "tun.113@192.0.2.2");
  }
  Packets wire(const Packets& packets) {
    far.receive(kLan, packets);
    return far.packets(kWan);
  }
  Bytes one_on_wire() { return wire({udp("10.2.0.2", "10.1.0.2")}).at(0); }
  size_t passed(const Packets& wire) {
    near.receive(kWan, wire);
    return near.packets(kLan).size();
  }
  // The UDP port that the near gateway sends to now.
  unsigned destination_port() {
    near.receive(kLan, {udp("10.1.0.2", "10.2.0.2")});
    const Packets sent = near.packets(kWan);
    BOOST_REQUIRE(sent.size() == 1);
    BOOST_TEST(sent[0][9] == kProtocolUdp);
    return static_cast<unsigned>(sent[0][22] << 8 | sent[0][23]);
  }
};

Bytes from_port(Bytes packet, unsigned port) {
  put16(packet, 20, port);
  return packet;
}

// UDP from the far gateway to the near one.
Bytes datagram(const Bytes& payload, uint16_t port = 4500, bool is_ipv4 = true) {
  return ip_packet({is_ipv4 ? "192.0.2.2" : "2001:db8::2", is_ipv4 ? "192.0.2.1" : "2001:db8::1"},
                   udp_datagram(4500, port, payload));
}

void check_udp_group_passes(UdpNames group) {
  UdpPair pair;
  pair.add_group(group);
  Packets sent, due;
  for (size_t size = 0; size < 40; size += 3) {
    sent.push_back(udp("10.2.0.2", "10.1.0.2", size));
    sent.push_back(ip_packet({"10.2.0.2", "10.1.0.2"}, udp_datagram(4000, 5000, Bytes(20 * size, 'x'))));
  }
  for (const Bytes& packet : sent) due.push_back(two_hops_on(packet));
  const Packets wire = pair.wire(sent);
  BOOST_TEST(wire.size() == sent.size());
  pair.near.receive(kWan, wire);
  BOOST_TEST((pair.near.packets(kLan) == due));
  BOOST_TEST(pair.near.all_dropped() == 0u);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(udp_encapsulation)

BOOST_AUTO_TEST_CASE(esp_in_udp_may_stand_where_esp_may) {
  check_udp_group_passes({"tun.213@192.0.2.1", "esp.215@192.0.2.1"});
  check_udp_group_passes({"tun:213@2001:db8::1", "esp:215@2001:db8::1"});
  check_udp_group_passes({"tun.213@192.0.2.1", "comp.214@192.0.2.1", "esp.215@192.0.2.1"});
  check_udp_group_passes({"tun.213@192.0.2.1", "esp.216@192.0.2.1", "esp.215@192.0.2.1"});
  check_udp_group_passes({"tun.213@192.0.2.1", "esp.215@192.0.2.1", "esp.216@192.0.2.1"});
  check_udp_group_passes({"tun.213@192.0.2.1", "esp.215@192.0.2.1", "esp.225@192.0.2.1"});
  check_udp_group_passes({"tun.213@192.0.2.1", "esp.216@192.0.2.1", "tun:217@2001:db8::1", "esp:215@2001:db8::1"});
  check_udp_group_passes({"tun.213@192.0.2.1", "esp.215@192.0.2.1", "tun:217@2001:db8::1", "ah:218@2001:db8::1"});
  check_udp_group_passes({"tun.213@192.0.2.1", "esp.215@192.0.2.1", "tun.217@192.0.2.1"});
  check_udp_group_passes({"esp.215@10.1.0.2", "tun.213@192.0.2.1"});
  check_udp_group_passes({"esp.215@10.1.0.2", "tun.213@192.0.2.1", "esp.225@192.0.2.1"});
}

BOOST_AUTO_TEST_CASE(what_is_not_esp_in_udp_ends_under_its_own_name) {
  struct Case {
    Bytes payload;
    DropReason reason;
  };
  for (const bool is_ipv4 : {true, false}) {
    Gateway gateway;
    uint64_t sent = 0;
    for (const Case& each :
         {Case{{0xff}, DropReason::nat_keepalive}, Case{{0}, DropReason::runt}, Case{{}, DropReason::runt},
          Case{{0xff, 0xff}, DropReason::runt}, Case{Bytes(3), DropReason::runt},
          Case{Bytes(4), DropReason::ike_unhandled}, Case{Bytes(4) + counted_bytes(200, 1), DropReason::ike_unhandled},
          Case{{0, 0, 1, 0}, DropReason::runt}, Case{counted_bytes(7, 1), DropReason::runt},
          Case{counted_bytes(8, 1), DropReason::no_sa}, Case{counted_bytes(900, 1), DropReason::no_sa}}) {
      const uint64_t before = gateway.dropped(each.reason);
      gateway.receive(kWan, {datagram(each.payload, 4500, is_ipv4)});
      BOOST_TEST(gateway.dropped(each.reason) == before + 1, drop_reason_name(each.reason));
      BOOST_TEST(gateway.all_dropped() == ++sent);
    }
    gateway.receive(kWan, {datagram({0xff}, 4501, is_ipv4)});
    BOOST_TEST(gateway.dropped(DropReason::local_unhandled) == 1u);
    BOOST_TEST(gateway.sum(&PacketCounters::sent) == 0u);
  }
}

BOOST_AUTO_TEST_CASE(lengths_in_udp_are_compared_with_those_of_ip) {
  Gateway gateway;
  Bytes longer = datagram(counted_bytes(40, 1)), shorter = longer;
  put16(longer, 24, 49);
  put16(shorter, 24, 47);
  gateway.receive(kWan, {longer, shorter, ip_packet({"192.0.2.2", "192.0.2.1"}, Bytes{0x11, 0x94, 0x11, 0x94, 0, 7})});
  BOOST_TEST(gateway.dropped(DropReason::runt) == 1u);
  BOOST_TEST(gateway.dropped(DropReason::malformed) == 1u);
  BOOST_TEST(gateway.dropped(DropReason::local_unhandled) == 1u);  // shows no port
  BOOST_TEST(gateway.all_dropped() == 3u);
}

BOOST_AUTO_TEST_CASE(bare_esp_and_esp_in_udp_are_not_taken_for_each_other) {
  for (const bool far_is_bare : {true, false}) {
    UdpPair pair;
    for (Gateway* gateway : {&pair.far, &pair.near}) {
      UdpPair::add(*gateway, "tun.213@192.0.2.1", "192.0.2.2");
      const bool bare = (gateway == &pair.far) == far_is_bare;
      UdpPair::add(*gateway, "esp.215@192.0.2.1", "192.0.2.2",
                   bare ? std::nullopt : std::optional(UdpEncapsulation{4500, 4500}));
      gateway->group({"tun.213@192.0.2.1", "esp.215@192.0.2.1"});
    }
    pair.far.eroute("10.2.0.0/16", "10.1.0.0/16", "tun.213@192.0.2.1");
    BOOST_TEST(pair.passed({pair.one_on_wire()}) == 0u);
    BOOST_TEST(pair.near.dropped(DropReason::encapsulation_mismatch) == 1u);
    BOOST_TEST(pair.near.all_dropped() == 1u);
  }
}

BOOST_AUTO_TEST_CASE(the_gateway_looks_for_esp_at_the_ports_of_its_sas) {
  UdpPair pair;
  pair.add_group({"tun.213@192.0.2.1", "esp.215@192.0.2.1"}, {4500, 4600});
  const Bytes packet = pair.one_on_wire();
  Bytes to_4500 = packet, to_4700 = packet;
  put16(to_4500, 22, 4500);
  put16(to_4700, 22, 4700);
  BOOST_TEST(pair.passed({to_4500, to_4700}) == 0u);
  BOOST_TEST(pair.near.dropped(DropReason::encapsulation_mismatch) == 1u);
  BOOST_TEST(pair.near.dropped(DropReason::local_unhandled) == 1u);
  BOOST_TEST(pair.passed({packet}) == 1u);
}

BOOST_AUTO_TEST_CASE(an_answer_goes_to_the_port_where_the_peer_is_now) {
  UdpPair pair;
  pair.add_both_ways();
  BOOST_TEST(pair.destination_port() == 40001u);
  BOOST_TEST(pair.passed({from_port(pair.one_on_wire(), 50007)}) == 1u);
  BOOST_TEST(pair.destination_port() == 50007u);
  // An SA between the same ports that is made afterwards starts there.
  pair.near.edit_sas([](SaEdit& edit) {
    edit.clear_eroutes();
    Gateway::require(edit.delete_sa(parse_sa_id("esp.115@192.0.2.2").value()));
  });
  UdpPair::add(pair.near, "tun.123@192.0.2.2", "192.0.2.1");
  UdpPair::add(pair.near, "esp.125@192.0.2.2", "192.0.2.1", UdpEncapsulation{4500, 40001});
  pair.near.group({"tun.123@192.0.2.2", "esp.125@192.0.2.2"});
  pair.near.eroute("10.1.0.0/16", "10.2.0.0/16", "tun.123@192.0.2.2");
  BOOST_TEST(pair.destination_port() == 50007u);
}

// Invariant 7.
BOOST_AUTO_TEST_CASE(nothing_but_a_new_authenticated_packet_moves_the_peer) {
  UdpPair pair;
  pair.add_both_ways();
  const Bytes old = pair.one_on_wire(), late = pair.one_on_wire(), first = pair.one_on_wire();
  BOOST_TEST(pair.passed({old, first}) == 2u);
  Bytes forged = from_port(pair.one_on_wire(), 50001);
  forged.back() ^= 1;
  Bytes unknown = from_port(pair.one_on_wire(), 50002);
  unknown[28] ^= 1;
  BOOST_TEST(pair.passed({forged, unknown, from_port(old, 50003), datagram({0xff}), datagram(Bytes(40))}) == 0u);
  BOOST_TEST(pair.near.dropped(DropReason::authentication_failed) == 1u);
  BOOST_TEST(pair.near.dropped(DropReason::no_sa) == 1u);
  BOOST_TEST(pair.near.dropped(DropReason::replayed) == 1u);
  BOOST_TEST(pair.passed({from_port(late, 50004)}) == 1u);
  BOOST_TEST(pair.destination_port() == 40001u);
}

BOOST_AUTO_TEST_CASE(what_comes_in_udp_need_not_be_protected_once_more) {
  UdpPair pair;
  pair.add_both_ways();
  // All traffic between the gateways is protected: but ESP, IKE and keepalives are what protects it.
  pair.near.eroute("192.0.2.1/32", "192.0.2.2/32", "tun.113@192.0.2.2");
  BOOST_TEST(pair.passed({pair.one_on_wire(), datagram({0xff}), datagram(Bytes(40)), datagram({1}, 4501)}) == 1u);
  BOOST_TEST(pair.near.dropped(DropReason::nat_keepalive) == 1u);
  BOOST_TEST(pair.near.dropped(DropReason::ike_unhandled) == 1u);
  BOOST_TEST(pair.near.dropped(DropReason::unprotected) == 1u);
}

BOOST_AUTO_TEST_CASE(fragments_of_esp_in_udp_are_put_together) {
  for (const UdpNames group :
       {UdpNames{"tun.213@192.0.2.1", "esp.215@192.0.2.1"}, UdpNames{"tun:213@2001:db8::1", "esp:215@2001:db8::1"}}) {
    UdpPair pair(600);
    pair.add_group(group);
    const Packets sent{udp("10.2.0.2", "10.1.0.2", 1200)};
    Packets wire = pair.wire(sent);
    BOOST_TEST(wire.size() == 3u);
    std::swap(wire[0], wire[2]);
    pair.near.receive(kWan, wire);
    BOOST_TEST((pair.near.packets(kLan) == Packets{two_hops_on(sent[0])}));
    BOOST_TEST(pair.near.all_dropped() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(fragments_of_other_udp_are_not_held_where_they_show_their_port) {
  Gateway gateway;
  const auto fragment = [](const Bytes& payload, uint16_t flags_fragment) {
    return ipv4_packet({.identification = 77,
                        .flags_fragment = flags_fragment,
                        .source = raw<4>("192.0.2.2"),
                        .destination = raw<4>("192.0.2.1")},
                       payload);
  };
  gateway.receive(kWan, {fragment(udp_datagram(1, 4501, Bytes(8)), 0x2000)});
  BOOST_TEST(gateway.dropped(DropReason::fragment) == 1u);
  BOOST_TEST(gateway.sum(&PacketCounters::held) == 0u);
  // One that does not show it is held. Whole, the packet is seen to be for nobody.
  gateway.receive(kWan, {fragment(Bytes(8), 2)});
  BOOST_TEST(gateway.sum(&PacketCounters::held) == 1u);
  gateway.receive(kWan, {fragment(udp_datagram(1, 4500, Bytes(8)), 0x2000)});
  BOOST_TEST(gateway.sum(&PacketCounters::held) == 0u);
  BOOST_TEST(gateway.dropped(DropReason::runt) + gateway.dropped(DropReason::malformed) == 1u);
}

BOOST_AUTO_TEST_CASE(the_size_that_fits_counts_the_udp_header) {
  const auto fitting = [](uint32_t spi) {
    Gateway gateway;
    const std::string esp = "esp." + std::to_string(spi) + "@192.0.2.2";
    UdpPair::add(gateway, "tun.113@192.0.2.2", "192.0.2.1");
    UdpPair::add(gateway, esp, "192.0.2.1", spi == 115 ? std::optional(UdpEncapsulation()) : std::nullopt);
    gateway.group({"tun.113@192.0.2.2", esp});
    gateway.eroute("10.1.0.0/16", "10.2.0.0/16", "tun.113@192.0.2.2");
    gateway.receive(kLan, {with_df(udp("10.1.0.2", "10.2.0.2", 1465))});
    const Packets told = gateway.packets(kLan);
    BOOST_REQUIRE(told.size() == 1);
    const size_t bytes = static_cast<size_t>(told[0][26] << 8 | told[0][27]);
    gateway.receive(
        kLan, {with_df(udp("10.1.0.2", "10.2.0.2", bytes - 28)), with_df(udp("10.1.0.2", "10.2.0.2", bytes - 27))});
    const Packets sent = gateway.packets(kWan);
    BOOST_REQUIRE(sent.size() == 1);
    BOOST_TEST(sent[0].size() <= 1500u);
    BOOST_TEST(sent[0].size() > 1496u);
    return bytes;
  };
  BOOST_TEST(fitting(115) + 8 == fitting(116));
}

BOOST_AUTO_TEST_CASE(noise_at_the_port_is_all_accounted_for) {
  UdpPair pair;
  pair.add_both_ways();
  std::mt19937 random(3948);
  const Bytes good = pair.one_on_wire();
  for (int round = 0; round < 400; ++round) {
    Packets noise;
    for (int i = 0; i < 16; ++i) {
      Bytes packet = good;
      packet.resize(20 + random() % (good.size() - 19));
      put16(packet, 2, static_cast<unsigned>(packet.size()));
      for (unsigned flips = random() % 4; flips > 0; --flips) {
        if (packet.size() > 20) packet[20 + random() % (packet.size() - 20)] ^= static_cast<uint8_t>(1 << random() % 8);
      }
      if (random() % 8 == 0) put16(packet, 6, random() & 0x3fff);
      if (random() % 2 == 0 && packet.size() >= 28) put16(packet, 24, static_cast<unsigned>(packet.size() - 20));
      set_ipv4_checksum(packet);
      noise.push_back(packet);
    }
    pair.near.receive(kWan, noise);
  }
  BOOST_TEST(pair.near.packets(kLan).size() <= 1u);  // it may be `good` itself
  BOOST_TEST(pair.near.sum(&PacketCounters::received) == 6400u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
