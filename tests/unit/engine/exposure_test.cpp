// Ways in which a gateway could let through or let out what an eroute protects: each was found by attacking one.
// (Invariant 2; RFC 4301 section 5.2.)
#include "gateway_fixture.h"

namespace spigrp::test {
namespace {

// 10.1/16 behind the near gateway, 10.2/16 behind 192.0.2.2 and 10.3/16 behind 192.0.2.3.
struct ThreeGateways {
  explicit ThreeGateways(const GatewayPlan& plan_of_near = kNear) : near(plan_of_near) {
    for (Gateway* gateway : {&far, &near}) {
      gateway->add_sa("tun.213@192.0.2.1", "192.0.2.2");
      gateway->add_sa("esp.215@192.0.2.1", "192.0.2.2");
      gateway->group({"tun.213@192.0.2.1", "esp.215@192.0.2.1"});
    }
    near.add_sa("tun.313@192.0.2.3", "192.0.2.1");
    near.add_sa("esp.315@192.0.2.3", "192.0.2.1");
    near.group({"tun.313@192.0.2.3", "esp.315@192.0.2.3"});
    near.eroute("10.1.0.0/16", "10.3.0.0/16", "tun.313@192.0.2.3");
  }
  // What the near gateway forwards to its LAN of what the far one sends.
  size_t arrived(const Packets& from_the_far_lan) {
    far.receive(kLan, from_the_far_lan);
    near.receive(kWan, far.packets(kWan));
    return near.packets(kLan).size();
  }

  Gateway far{kFar}, near;
};

struct OneGateway : Gateway {
  explicit OneGateway(const GatewayPlan& plan = kNear) : Gateway(plan) {
    add_sa("tun.113@192.0.2.2", "192.0.2.1");
    add_sa("esp.115@192.0.2.2", "192.0.2.1");
    group({"tun.113@192.0.2.2", "esp.115@192.0.2.2"});
  }
  void eroute_of_ports(uint16_t source_port, uint16_t destination_port) {
    const Selector selector{prefix("10.1.0.0/16"), prefix("10.2.0.0/16"), kProtocolUdp, source_port, destination_port};
    const SaId tunnel = parse_sa_id("tun.113@192.0.2.2").value();
    edit_sas([&](SaEdit& edit) { require(edit.set_eroute(selector, tunnel, ErouteMode::kAdd)); });
  }
  size_t in_the_clear() {
    size_t count = 0;
    for (const Bytes& packet : packets(kWan)) count += packet[9] == kProtocolUdp;
    return count;
  }
};

Bytes fragment_of(const Bytes& whole, uint16_t flags_and_offset, size_t begin, size_t end) {
  Bytes fragment(whole.begin(), whole.begin() + 20);
  fragment.insert(fragment.end(), whole.begin() + static_cast<long>(begin), whole.begin() + static_cast<long>(end));
  put16(fragment, 2, static_cast<unsigned>(fragment.size()));
  put16(fragment, 6, flags_and_offset);
  set_ipv4_checksum(fragment);
  return fragment;
}

// Whoever has `sender` says so at a port, to `target`.
void answer_arp(Gateway& gateway, uint16_t port, std::string_view sender, std::string_view target) {
  const auto bytes = [](const auto& address) { return Bytes(address.begin(), address.end()); };
  const Bytes reply =
      Bytes{0, 1, 8, 0, 6, 4, 0, 2} + bytes(kPeerMac) + bytes(raw<4>(sender)) + Bytes(6, 2) + bytes(raw<4>(target));
  Bytes frame = gateway.frame(port, Bytes{}) + reply;
  frame[12] = 8, frame[13] = 6;
  gateway.receive_frame(port, frame);
}

// Two fragments; only the first one shows the ports.
Packets fragments_of(const Bytes& whole) {
  return {fragment_of(whole, 0x2000, 20, 60), fragment_of(whole, 5, 60, whole.size())};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(exposure)

BOOST_FIXTURE_TEST_CASE(a_peer_cannot_send_what_belongs_to_another_peer, ThreeGateways) {
  far.eroute("10.0.0.0/8", "10.1.0.0/16", "tun.213@192.0.2.1");
  BOOST_TEST(arrived({udp("10.3.0.9", "10.1.0.2")}) == 0u);
  BOOST_TEST(near.dropped(DropReason::inbound_policy) == 1u);
  BOOST_TEST(arrived({udp("10.2.0.9", "10.1.0.2")}) == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_peer_may_send_what_an_eroute_protects_with_it, ThreeGateways) {
  near.add_sa("tun.113@192.0.2.2", "192.0.2.1");
  near.add_sa("esp.115@192.0.2.2", "192.0.2.1");
  near.group({"tun.113@192.0.2.2", "esp.115@192.0.2.2"});
  near.eroute("10.1.0.0/16", "10.2.0.0/16", "tun.113@192.0.2.2");
  far.eroute("10.2.0.0/16", "10.1.0.0/16", "tun.213@192.0.2.1");
  BOOST_TEST(arrived({udp("10.2.0.9", "10.1.0.2")}) == 1u);
  near.edit_sas([](SaEdit& edit) { Gateway::require(edit.ungroup(parse_sa_id("tun.113@192.0.2.2").value())); });
  BOOST_TEST(arrived({udp("10.2.0.9", "10.1.0.2")}) == 1u);  // the way in is still protected
}

BOOST_FIXTURE_TEST_CASE(encryption_without_an_icv_is_no_authentication, ThreeGateways) {
  SaSpec spec;
  spec.id = parse_sa_id("esp.415@192.0.2.1").value();
  spec.source = address("192.0.2.3");
  spec.algorithm = "aes128";
  spec.encryption_key = Key(Bytes(16, 7));
  for (Gateway* gateway : {&far, &near}) {
    gateway->add_sa("tun.413@192.0.2.1", "192.0.2.3");
    gateway->edit_sas([&](SaEdit& edit) { Gateway::require(edit.add_sa(spec)); });
    gateway->group({"tun.413@192.0.2.1", "esp.415@192.0.2.1"});
  }
  far.eroute("10.3.0.0/16", "10.1.0.0/16", "tun.413@192.0.2.1");
  BOOST_TEST(arrived({udp("10.3.0.2", "10.1.0.2")}) == 0u);
  BOOST_TEST(near.dropped(DropReason::inbound_policy) == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_later_fragment_does_not_slip_past_an_eroute_of_ports, OneGateway) {
  eroute_of_ports(0, 5000);
  eroute("10.1.0.0/16", "10.2.0.0/16", MagicTarget::kPass);
  receive(kLan, fragments_of(udp("10.1.0.2", "10.2.0.2", 64)));
  BOOST_TEST(in_the_clear() == 0u);
  BOOST_TEST(dropped(DropReason::fragment) >= 1u);
}

BOOST_FIXTURE_TEST_CASE(nor_where_its_route_is_plain, OneGateway) {
  eroute_of_ports(0, 5000);
  edit_routes([](RouteEdit& edit) { require(edit.add_route({prefix("10.2.7.0/24"), address("192.0.2.2"), "wan"})); });
  receive(kLan, fragments_of(udp("10.1.0.2", "10.2.7.2", 64)));
  BOOST_TEST(packets(kWan).empty());
}

BOOST_FIXTURE_TEST_CASE(nor_on_the_way_in, OneGateway) {
  eroute_of_ports(0, 4000);
  const Bytes whole = udp("10.2.0.2", "10.1.0.2", 64);
  receive(kWan, {whole});
  receive(kWan, fragments_of(whole));
  BOOST_TEST(dropped(DropReason::unprotected) == 2u);
  BOOST_TEST(dropped(DropReason::fragment) == 1u);
  BOOST_TEST(packets(kLan).empty());
}

BOOST_FIXTURE_TEST_CASE(fragments_take_eroutes_that_look_at_addresses_alone, OneGateway) {
  eroute("10.1.0.0/16", "10.2.0.0/16", "tun.113@192.0.2.2");
  receive(kLan, fragments_of(udp("10.1.0.2", "10.2.0.2", 64)));
  BOOST_TEST(packets(kWan).size() == 2u);
  BOOST_TEST(in_the_clear() == 0u);
}

BOOST_FIXTURE_TEST_CASE(ports_are_found_behind_a_cut_between_segments, OneGateway) {
  eroute_of_ports(0, 5000);
  eroute("10.1.0.0/16", "10.2.0.0/16", MagicTarget::kPass);
  const Bytes whole = frame(kLan, udp("10.1.0.2", "10.2.0.2", 64));
  rte_mbuf* chain = buffer(Bytes(whole.begin(), whole.begin() + 34));
  rte_pktmbuf_chain(chain, buffer(Bytes(whole.begin() + 34, whole.end())));
  worker().process(kLan, &chain, 1);
  const Packets sent = packets(kWan);
  BOOST_REQUIRE(sent.size() == 1u);
  BOOST_TEST(sent[0][9] == kProtocolEsp);
}

BOOST_FIXTURE_TEST_CASE(an_error_about_a_protected_packet_does_not_leave_in_the_clear, ThreeGateways) {
  far.eroute("0.0.0.0/0", "10.1.0.0/16", "tun.213@192.0.2.1");
  near.edit_routes([](RouteEdit& edit) {
    Gateway::require(edit.add_route({Gateway::prefix("0.0.0.0/0"), address("192.0.2.2"), "wan"}));
  });
  far.receive(kLan, {udp("203.0.113.5", "10.1.0.2", 200, 2)});
  near.receive(kWan, far.packets(kWan));
  BOOST_TEST(near.packets(kWan).empty());
  BOOST_TEST(near.dropped(DropReason::bypasses_eroute) == 1u);
}

BOOST_FIXTURE_TEST_CASE(it_leaves_protected_where_an_eroute_is_for_it, ThreeGateways) {
  near.add_sa("tun.113@192.0.2.2", "192.0.2.1");
  near.add_sa("esp.115@192.0.2.2", "192.0.2.1");
  near.group({"tun.113@192.0.2.2", "esp.115@192.0.2.2"});
  near.eroute("10.1.0.0/16", "10.2.0.0/16", "tun.113@192.0.2.2");
  far.eroute("10.2.0.0/16", "10.1.0.0/16", "tun.213@192.0.2.1");
  far.receive(kLan, {udp("10.2.0.2", "10.1.0.2", 200, 2)});
  near.receive(kWan, far.packets(kWan));
  const Packets sent = near.packets(kWan);
  BOOST_REQUIRE(sent.size() == 1u);
  BOOST_TEST(sent[0][9] == kProtocolEsp);
}

BOOST_FIXTURE_TEST_CASE(nor_does_the_answer_to_a_protected_ping, ThreeGateways) {
  far.eroute("10.2.0.0/16", "10.1.0.0/16", "tun.213@192.0.2.1");
  near.edit_routes([](RouteEdit& edit) {
    Gateway::require(edit.add_route({Gateway::prefix("10.2.0.0/24"), address("192.0.2.2"), "wan"}));
  });
  far.receive(kLan, {icmp_packet({"10.2.0.2", "10.1.0.1"}, 8, 0, Bytes(8, 0x77))});
  near.receive(kWan, far.packets(kWan));
  BOOST_TEST(near.packets(kWan).empty());
  BOOST_TEST(near.dropped(DropReason::bypasses_eroute) == 1u);
}

// A packet, under an eroute to %pass, that waits for a next hop which answers when the eroutes have changed.
struct WaitingPacketGateway : OneGateway {
  explicit WaitingPacketGateway(size_t payload_bytes = 32, const GatewayPlan& plan = kNear) : OneGateway(plan) {
    eroute("10.1.0.0/16", "10.2.0.0/16", MagicTarget::kPass);
    edit_routes([](RouteEdit& edit) {
      require(edit.add_route({prefix("10.2.0.0/24"), address("192.0.2.99"), "ipsec0"}));
    });
    receive(kLan, {udp("10.1.0.2", "10.2.0.2", payload_bytes)});
    poll_control(1);
    frames(kWan);
  }
  // Of an answer: that it is one, from the port where the packet came in.
  void is_refused_by_lan_port() {
    eroute("10.1.0.0/16", "10.2.0.0/16", MagicTarget::kReject, ErouteMode::kReplace);
    next_hop_answers();
    BOOST_TEST(packets(kWan).empty());
    const Packets answers = packets(kLan);
    BOOST_REQUIRE(answers.size() == 1u);
    BOOST_TEST(answers[0][9] == kProtocolIcmp);
    BOOST_TEST((Bytes(answers[0].begin() + 12, answers[0].begin() + 16) == Bytes{10, 1, 0, 1}));
  }
  void next_hop_answers() {
    answer_arp(*this, kWan, "192.0.2.99", "192.0.2.1");
    poll_control(2);
  }
};

BOOST_FIXTURE_TEST_CASE(a_packet_that_waits_for_its_next_hop_does_not_leave_under_old_eroutes, WaitingPacketGateway) {
  eroute("10.1.0.0/16", "10.2.0.0/16", parse_sa_id("tun.113@192.0.2.2").value(), ErouteMode::kReplace);
  next_hop_answers();
  const Packets sent = packets(kWan);
  BOOST_REQUIRE(sent.size() == 1u);
  BOOST_TEST(sent[0][9] == kProtocolEsp);
}

BOOST_FIXTURE_TEST_CASE(nor_where_the_new_ones_let_nothing_pass, WaitingPacketGateway) {
  eroute("10.1.0.0/16", "10.2.0.0/16", MagicTarget::kDrop, ErouteMode::kReplace);
  next_hop_answers();
  BOOST_TEST(packets(kWan).empty());
  BOOST_TEST(dropped(DropReason::eroute_drop) == 1u);
}

BOOST_FIXTURE_TEST_CASE(where_they_reject_it_its_sender_is_told_by_the_port_that_it_came_in, WaitingPacketGateway) {
  is_refused_by_lan_port();
}

BOOST_AUTO_TEST_CASE(also_where_it_waited_in_fragments) {
  GatewayPlan plan = kNear;
  plan.wan_mtu_bytes = 1280;
  WaitingPacketGateway gateway(1400, plan);
  gateway.check_accounting(2);
  gateway.is_refused_by_lan_port();
}

// A packet that came out of a group waits for a host on the LAN, which answers when the eroutes have changed.
struct WaitingOutOfGroup : ThreeGateways {
  WaitingOutOfGroup() {
    far.eroute("10.2.0.0/16", "10.1.0.0/16", "tun.213@192.0.2.1");
    far.receive(kLan, {udp("10.2.0.9", "10.1.0.50")});
    near.receive(kWan, far.packets(kWan));
    near.poll_control(1);
    BOOST_TEST(near.frames(kLan).size() == 1u);  // asks for the host
  }
  void host_answers() {
    answer_arp(near, kLan, "10.1.0.50", "10.1.0.1");
    near.poll_control(2);
  }
};

BOOST_FIXTURE_TEST_CASE(nor_does_one_leave_that_came_out_of_a_group, WaitingOutOfGroup) {
  near.eroute("10.2.0.0/16", "10.1.0.50/32", "tun.313@192.0.2.3");
  host_answers();
  BOOST_TEST(near.packets(kLan).empty());
  BOOST_TEST(near.dropped(DropReason::eroutes_changed) == 1u);
}

BOOST_FIXTURE_TEST_CASE(it_leaves_where_the_new_eroute_is_not_for_it, WaitingOutOfGroup) {
  near.eroute("10.2.0.0/16", "10.1.0.51/32", "tun.313@192.0.2.3");
  host_answers();
  BOOST_TEST(near.packets(kLan).size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(but_it_is_not_lost_where_others_change, WaitingPacketGateway) {
  eroute("10.9.0.0/16", "10.2.0.0/16", MagicTarget::kDrop);
  next_hop_answers();
  const Packets sent = packets(kWan);
  BOOST_REQUIRE(sent.size() == 1u);
  BOOST_TEST((sent[0][8] == 63 && sent[0][9] == kProtocolUdp));  // one hop is used up, not two
}

// A packet out of a group that an eroute holds on its way to 10.3/16; who sent it would be told of it in the clear.
struct HeldOutOfGroup : ThreeGateways {
  HeldOutOfGroup() : ThreeGateways(narrow_lan()) {
    far.eroute("10.2.0.0/16", "10.3.0.0/16", "tun.213@192.0.2.1");
    far.edit_routes([](RouteEdit& edit) {
      Gateway::require(edit.add_route({Gateway::prefix("10.3.0.0/16"), address("192.0.2.1"), "ipsec0"}));
    });
    near.edit_routes([](RouteEdit& edit) {
      Gateway::require(edit.add_route({Gateway::prefix("10.3.0.0/16"), address("192.0.2.99"), "ipsec0"}));
      Gateway::require(edit.add_route({Gateway::prefix("10.2.0.0/24"), address("192.0.2.2"), "wan"}));
    });
  }
  void hold(const Bytes& packet, MagicTarget held_by = MagicTarget::kHold) {
    near.eroute("10.2.0.0/16", "10.3.0.0/16", held_by);
    far.receive(kLan, {packet});
    near.receive(kWan, far.packets(kWan));
    near.poll_control(1);
  }
  void resume(MagicTarget now) {
    near.eroute("10.2.0.0/16", "10.3.0.0/16", now, ErouteMode::kReplace);
    resume();
  }
  void resume() {
    near.poll_control(2);
    near.poll_control(3);
  }
  static GatewayPlan narrow_lan() {
    GatewayPlan plan = kNear;
    plan.lan_mtu_bytes = 1280;
    return plan;
  }
  void says_nothing_in_the_clear() {
    BOOST_TEST(near.packets(kWan).empty());
    BOOST_TEST(near.dropped(DropReason::bypasses_eroute) == 1u);
  }
};

BOOST_FIXTURE_TEST_CASE(nor_does_an_error_about_one_that_was_held, HeldOutOfGroup) {
  hold(udp("10.2.0.2", "10.3.0.2", 200));
  resume(MagicTarget::kReject);
  BOOST_TEST(near.dropped(DropReason::eroute_reject) == 1u);
  says_nothing_in_the_clear();
}

BOOST_FIXTURE_TEST_CASE(nor_about_one_that_met_a_trap, HeldOutOfGroup) {
  hold(udp("10.2.0.2", "10.3.0.2", 200), MagicTarget::kTrap);
  BOOST_TEST(near.parts().sas().trap_holds().size() == 1u);
  resume(MagicTarget::kReject);
  BOOST_TEST(near.dropped(DropReason::eroute_reject) == 1u);
  says_nothing_in_the_clear();
}

BOOST_FIXTURE_TEST_CASE(nor_about_one_that_met_a_trap_which_was_gone, HeldOutOfGroup) {
  near.eroute("10.2.0.0/16", "10.3.0.0/16", MagicTarget::kTrap);
  far.receive(kLan, {udp("10.2.0.2", "10.3.0.2", 200)});
  near.receive(kWan, far.packets(kWan));
  resume(MagicTarget::kReject);
  BOOST_TEST(near.dropped(DropReason::eroute_reject) == 1u);
  says_nothing_in_the_clear();
}

BOOST_FIXTURE_TEST_CASE(nor_about_one_that_was_held_twice, HeldOutOfGroup) {
  hold(udp("10.2.0.2", "10.3.0.2", 200));
  resume(MagicTarget::kHold);
  resume(MagicTarget::kReject);
  says_nothing_in_the_clear();
}

BOOST_FIXTURE_TEST_CASE(nor_about_one_that_waited_for_its_next_hop_then, HeldOutOfGroup) {
  hold(udp("10.2.0.2", "10.3.0.2", 200));
  resume(MagicTarget::kPass);
  near.poll_control(4);
  BOOST_TEST(near.frames(kWan).size() == 1u);  // asks for the next hop
  near.eroute("10.2.0.0/16", "10.3.0.0/16", MagicTarget::kReject, ErouteMode::kReplace);
  answer_arp(near, kWan, "192.0.2.99", "192.0.2.1");
  resume();
  BOOST_TEST(near.packets(kWan).empty());
}

BOOST_FIXTURE_TEST_CASE(nor_that_it_is_too_big, HeldOutOfGroup) {
  hold(with_df(udp("10.2.0.2", "10.3.0.2", 1300)));
  near.edit_routes([](RouteEdit& edit) {
    Gateway::require(edit.replace_route({Gateway::prefix("10.3.0.0/16"), address("10.1.0.2"), "lan"}));
  });
  near.edit_sas([](SaEdit& edit) { edit.clear_eroutes(); });
  resume();
  BOOST_TEST(near.packets(kLan).empty());
  BOOST_TEST(near.dropped(DropReason::too_big) == 1u);
  says_nothing_in_the_clear();
}

BOOST_FIXTURE_TEST_CASE(nor_the_answer_to_a_ping_that_was_held, HeldOutOfGroup) {
  hold(icmp_packet({"10.2.0.2", "10.3.0.7"}, 8, 0, Bytes(8, 0x77)));
  near.edit_routes([](RouteEdit& edit) {
    Gateway::require(edit.add_address({Gateway::prefix("10.3.0.7/32"), "lan"}));
  });
  resume(MagicTarget::kPass);
  says_nothing_in_the_clear();
}

BOOST_FIXTURE_TEST_CASE(it_leaves_protected_where_an_eroute_is_for_it_then, HeldOutOfGroup) {
  near.add_sa("tun.113@192.0.2.2", "192.0.2.1");
  near.add_sa("esp.115@192.0.2.2", "192.0.2.1");
  near.group({"tun.113@192.0.2.2", "esp.115@192.0.2.2"});
  near.eroute("0.0.0.0/0", "10.2.0.0/16", "tun.113@192.0.2.2");
  near.edit_routes([](RouteEdit& edit) { Gateway::require(edit.delete_route(Gateway::prefix("10.2.0.0/24"))); });
  hold(udp("10.2.0.2", "10.3.0.2", 200));
  resume(MagicTarget::kReject);
  const Packets sent = near.packets(kWan);
  BOOST_REQUIRE(sent.size() == 1u);
  BOOST_TEST(sent[0][9] == kProtocolEsp);
}

// Inside of what a group protects comes a tunnel that protects nothing.
struct BareTunnelInside : ThreeGateways {
  BareTunnelInside() {
    far.eroute("10.2.0.0/16", "10.1.0.0/16", "tun.213@192.0.2.1");
    near.add_sa("tun.613@10.1.0.1", "10.2.0.9");
    near.edit_routes([](RouteEdit& edit) {
      Gateway::require(edit.add_route({Gateway::prefix("10.2.0.0/24"), address("192.0.2.2"), "wan"}));
    });
  }
  // Of which the sender would be told.
  static Bytes tunnelled() {
    Bytes expiring = udp("10.2.0.2", "10.1.0.50", 100);
    expiring[8] = 1;
    set_ipv4_checksum(expiring);
    return ipv4_packet({.protocol = kProtocolIpip, .source = raw<4>("10.2.0.9"), .destination = raw<4>("10.1.0.1")},
                       expiring);
  }
  void says_nothing_in_the_clear() {
    BOOST_TEST(near.dropped(DropReason::ttl_expired) == 1u);
    BOOST_TEST(near.packets(kWan).empty());
    BOOST_TEST(near.dropped(DropReason::bypasses_eroute) == 1u);
  }
};

BOOST_FIXTURE_TEST_CASE(nor_does_an_error_about_one_from_a_bare_tunnel_in_it, BareTunnelInside) {
  BOOST_TEST(arrived({tunnelled()}) == 0u);
  says_nothing_in_the_clear();
}

BOOST_FIXTURE_TEST_CASE(nor_where_the_last_fragment_of_it_came_in_the_clear, BareTunnelInside) {
  const Packets fragments = fragments_of(tunnelled());
  BOOST_TEST(arrived({fragments[0]}) == 0u);
  near.receive(kWan, {fragments[1]});
  says_nothing_in_the_clear();
}

BOOST_FIXTURE_TEST_CASE(who_sent_in_the_clear_what_was_held_is_told, OneGateway) {
  eroute("10.1.0.0/16", "10.2.0.0/16", MagicTarget::kHold);
  receive(kLan, {udp("10.1.0.2", "10.2.0.2")});
  eroute("10.1.0.0/16", "10.2.0.0/16", MagicTarget::kReject, ErouteMode::kReplace);
  poll_control(1);
  poll_control(2);
  BOOST_TEST(packets(kLan).size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
