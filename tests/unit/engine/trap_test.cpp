// Eroutes to %trap, %trapsubnet and %hold: which packet is kept, what is told of it, and where it goes when its eroute
// ends. When a gateway ends, the fixture counts its packets and buffers (invariant 4).
#include <functional>

#include <rte_cycles.h>

#include "gateway_fixture.h"

namespace spigrp::test {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

struct TrapGateway : Gateway {
  explicit TrapGateway(uint16_t workers = 1) : Gateway(kNear, workers) {
    add_sa("tun.113@192.0.2.2", "192.0.2.1");
    add_sa("esp.115@192.0.2.2", "192.0.2.1");
    group({"tun.113@192.0.2.2", "esp.115@192.0.2.2"});
    far_.add_sa("tun.113@192.0.2.2", "192.0.2.1");
    far_.add_sa("esp.115@192.0.2.2", "192.0.2.1");
    far_.group({"tun.113@192.0.2.2", "esp.115@192.0.2.2"});
  }

  void trap(MagicTarget target = MagicTarget::kTrap, ErouteMode mode = ErouteMode::kAdd) {
    eroute("10.1.0.0/16", "10.2.0.0/24", target, mode);
  }
  void replace(const ErouteTarget& target) { eroute("10.1.0.0/16", "10.2.0.0/24", target, ErouteMode::kReplace); }
  void protect() { replace(parse_sa_id("tun.113@192.0.2.2").value()); }
  void remove(std::string_view source, std::string_view destination) {
    edit_sas([&](SaEdit& edit) {
      require(edit.delete_eroute({.source = prefix(source), .destination = prefix(destination)}));
    });
  }

  std::vector<AcquireEvent> acquires() {
    std::vector<AcquireEvent> acquires;
    for (const Event& event : parts().events().take()) acquires.push_back(std::get<AcquireEvent>(event));
    return acquires;
  }
  // Two turns: an eroute that has been replaced is reclaimed at the end of the first.
  void turn(uint64_t now_ns = 0) {
    poll_control(now_ns);
    poll_control(now_ns);
  }
  size_t hold_count() { return parts().sas().trap_holds().size(); }
  uint32_t eroute_count() { return parts().sas().eroutes().eroute_count(); }

  // What leaves, through the far gateway, as its host gets it.
  Packets received_far() {
    const Packets sent = packets(kWan);
    for (const Bytes& packet : sent) BOOST_TEST(packet[9] == kProtocolEsp);
    far_.receive(kWan, sent);
    return far_.packets(kLan);
  }
  // Held packets count as handed over by one thread and not yet taken over by another.
  uint64_t held() { return sum(&PacketCounters::punted) - sum(&PacketCounters::injected); }

 private:
  Gateway far_{kFar};
};

Bytes flow_packet(uint16_t source_port, size_t bytes = 32) {
  return ip_packet({"10.1.0.2", "10.2.0.2"}, udp_datagram(source_port, 5000, counted_bytes(bytes)));
}

struct TwoWorkers : TrapGateway {
  TwoWorkers() : TrapGateway(2) {}

  // 1600 flows, with the control thread's turn now and then, and at the end.
  void flood(const std::function<void()>& take_turn) {
    for (uint16_t source_port = 1; source_port <= 1600; source_port = static_cast<uint16_t>(source_port + 32)) {
      std::vector<Bytes> burst;
      for (uint16_t i = 0; i < 32; ++i) burst.push_back(flow_packet(static_cast<uint16_t>(source_port + i)));
      receive(kLan, burst, source_port / 32 % 2);
      if (source_port % 256 == 1) take_turn();
    }
    take_turn();
  }
};

Bytes later_fragment() {
  Bytes packet = udp("10.1.0.2", "10.2.0.2");
  packet[7] = 8;  // 64 bytes into its packet
  set_ipv4_checksum(packet);
  return packet;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(trap)

BOOST_FIXTURE_TEST_CASE(a_hold_keeps_exactly_the_last_packet_and_sends_it_when_replaced_by_a_group, TrapGateway) {
  trap(MagicTarget::kHold);
  receive(kLan, {flow_packet(1, 10), flow_packet(1, 20)});
  receive(kLan, {flow_packet(1, 30)});
  turn();
  BOOST_TEST(dropped(DropReason::eroute_hold) == 2u);
  BOOST_TEST(held() == 1u);
  BOOST_TEST(acquires().empty());
  BOOST_TEST(packets(kWan).empty());
  protect();
  turn();
  BOOST_TEST((received_far() == Packets{two_hops_on(flow_packet(1, 30))}));
  BOOST_TEST(held() == 0u);
  check_accounting();
}

BOOST_FIXTURE_TEST_CASE(what_it_kept_goes_the_way_of_whatever_replaces_it, TrapGateway) {
  trap(MagicTarget::kHold);
  receive(kLan, {flow_packet(1)});
  replace(MagicTarget::kDrop);
  turn();
  BOOST_TEST(dropped(DropReason::eroute_drop) == 1u);
  replace(MagicTarget::kHold);
  receive(kLan, {flow_packet(2)});
  replace(MagicTarget::kPass);
  turn();
  BOOST_TEST((packets(kWan) == Packets{one_hop_on(flow_packet(2))}));
  BOOST_TEST(sum(&PacketCounters::forwarded_plain) == 1u);
  replace(MagicTarget::kHold);
  receive(kLan, {flow_packet(3)});
  remove("10.1.0.0/16", "10.2.0.0/24");
  turn();
  BOOST_TEST(dropped(DropReason::no_eroute) == 1u);
  check_accounting();
}

BOOST_FIXTURE_TEST_CASE(a_hold_that_replaces_a_hold_goes_on_holding, TrapGateway) {
  trap(MagicTarget::kHold);
  receive(kLan, {flow_packet(1, 10)});
  replace(MagicTarget::kHold);
  turn();
  BOOST_TEST(held() == 1u);
  eroute("10.1.0.0/16", "10.2.0.0/16", MagicTarget::kHold);
  receive(kLan, {ip_packet({"10.1.0.2", "10.2.9.9"}, udp_datagram(1, 2, counted_bytes(99)))});
  remove("10.1.0.0/16", "10.2.0.0/24");
  turn();
  // The wider one has a later packet already.
  BOOST_TEST(dropped(DropReason::eroute_hold) == 1u);
  BOOST_TEST(held() == 1u);
  check_accounting();
}

BOOST_FIXTURE_TEST_CASE(a_trap_tells_once_of_a_flow_and_holds_its_last_packet, TrapGateway) {
  trap();
  receive(kLan, {flow_packet(1, 10), flow_packet(1, 20), flow_packet(2)});
  turn();
  receive(kLan, {flow_packet(1, 30), flow_packet(1, 40)});
  turn();
  const std::vector<AcquireEvent> told = acquires();
  BOOST_REQUIRE(told.size() == 2);
  BOOST_TEST(told[0].flow.text() == "10.1.0.2/32:1 -> 10.2.0.2/32:5000 protocol 17");
  BOOST_TEST(told[0].trap.text() == "10.1.0.0/16:0 -> 10.2.0.0/24:0");
  BOOST_TEST(told[1].flow.source_port == 2);
  BOOST_TEST(held() == 2u);
  BOOST_TEST(dropped(DropReason::eroute_hold) == 3u);
  protect();
  turn();
  const Packets got = received_far();
  BOOST_REQUIRE(got.size() == 2);
  BOOST_TEST((std::ranges::count(got, two_hops_on(flow_packet(1, 40))) == 1));
  BOOST_TEST((std::ranges::count(got, two_hops_on(flow_packet(2))) == 1));
  BOOST_TEST(eroute_count() == 1u);
  check_accounting();
}

BOOST_FIXTURE_TEST_CASE(a_packet_that_met_the_trap_late_takes_no_later_ones_place, TrapGateway) {
  ReleasedPackets released;
  std::array<rte_mbuf*, 5> packets;
  for (rte_mbuf*& packet : packets) packet = buffer(flow_packet(1));
  {
    HeldPacket held(released);
    BOOST_TEST(held.put_late(packets[0]) == nullptr);
    BOOST_TEST(held.put_late(packets[1]) == packets[0]);
    BOOST_TEST(held.put(packets[2]) == packets[1]);
    BOOST_TEST(held.put_late(packets[3]) == packets[3]);
    BOOST_TEST(held.put_if_empty(packets[4]) == packets[4]);
  }
  const auto left = released.take();
  BOOST_REQUIRE(left.size() == 1);
  BOOST_TEST(left.front().packet == packets[2]);
  for (rte_mbuf* packet : packets) rte_pktmbuf_free(packet);
}

BOOST_FIXTURE_TEST_CASE(an_icmp_flow_has_its_type_and_code_and_ipv6_its_hosts, TrapGateway) {
  trap();
  eroute("fd00:1::/32", "fd00:2::/32", MagicTarget::kTrap);
  receive(kLan, {icmp_packet({"10.1.0.2", "10.2.0.2"}, 8, 0, Bytes(8)), udp("fd00:1::2", "fd00:2::2")});
  turn();
  const std::vector<AcquireEvent> told = acquires();
  BOOST_REQUIRE(told.size() == 2);
  BOOST_TEST(told[0].flow.text() == "10.1.0.2/32:0 -> 10.2.0.2/32:0 protocol 1 type 8 code 0");
  BOOST_TEST(told[1].flow.text() == "fd00:1::2/128:4000 -> fd00:2::2/128:5000 protocol 17");
}

BOOST_FIXTURE_TEST_CASE(a_packet_that_was_punted_goes_by_the_eroute_there_is_when_it_arrives, TrapGateway) {
  trap();
  receive(kLan, {flow_packet(1)});
  protect();
  turn();
  BOOST_TEST(acquires().empty());
  BOOST_TEST((received_far() == Packets{two_hops_on(flow_packet(1))}));
  BOOST_TEST(hold_count() == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_hold_of_a_trap_ends_with_any_eroute_that_its_flow_could_have, TrapGateway) {
  trap();
  receive(kLan, {flow_packet(1)});
  turn();
  eroute("10.1.0.0/16", "10.2.7.0/24", MagicTarget::kDrop);  // not this one
  BOOST_TEST(hold_count() == 1u);
  eroute("10.1.0.0/24", "10.2.0.0/24", "tun.113@192.0.2.2");
  BOOST_TEST(hold_count() == 0u);
  turn();
  BOOST_TEST((received_far() == Packets{two_hops_on(flow_packet(1))}));
}

BOOST_FIXTURE_TEST_CASE(an_eroute_for_the_very_flow_is_added_as_if_there_were_no_hold, TrapGateway) {
  trap();
  receive(kLan, {flow_packet(1), flow_packet(2)});
  turn();
  const Selector flow{prefix("10.1.0.2/32"), prefix("10.2.0.2/32"), kProtocolUdp, 1, 5000};
  edit_sas([&](SaEdit& edit) {
    require(edit.set_eroute(flow, parse_sa_id("tun.113@192.0.2.2").value(), ErouteMode::kAdd));
  });
  turn();
  BOOST_TEST((received_far() == Packets{two_hops_on(flow_packet(1))}));
  BOOST_TEST(held() == 1u);
}

BOOST_FIXTURE_TEST_CASE(an_edit_that_is_thrown_away_leaves_holds_alone, TrapGateway) {
  trap();
  receive(kLan, {flow_packet(1)});
  turn();
  {
    SaEdit edit(parts().sas(), parts().versions());
    require(edit.delete_eroute({.source = prefix("10.1.0.0/16"), .destination = prefix("10.2.0.0/24")}));
  }
  parts().versions().discard();
  turn();
  BOOST_TEST(hold_count() == 1u);
  BOOST_TEST(held() == 1u);
  edit_sas([](SaEdit& edit) { edit.clear_eroutes(); });
  BOOST_TEST(hold_count() == 0u);
  turn();
  BOOST_TEST(dropped(DropReason::no_eroute) == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_hold_that_nothing_replaces_expires_and_the_next_packet_is_told_of, TrapGateway) {
  trap();
  receive(kLan, {flow_packet(1)});
  turn(kSecond);
  BOOST_TEST(acquires().size() == 1u);
  turn(30 * kSecond);
  BOOST_TEST(held() == 1u);
  turn(31 * kSecond);
  BOOST_TEST(held() == 0u);
  BOOST_TEST(hold_count() == 0u);
  BOOST_TEST(dropped(DropReason::eroute_hold) == 1u);
  BOOST_TEST(acquires().empty());
  receive(kLan, {flow_packet(1)});
  turn(31 * kSecond);
  BOOST_TEST(acquires().size() == 1u);
  // The first one's time means nothing to a hold that was made anew.
  remove("10.1.0.0/16", "10.2.0.0/24");
  trap();
  turn(40 * kSecond);
  BOOST_TEST(acquires().size() == 1u);
  turn(62 * kSecond);
  BOOST_TEST(held() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_trap_of_a_subnet_becomes_a_hold_for_all_of_it, TrapGateway) {
  trap(MagicTarget::kTrapSubnet);
  receive(kLan, {flow_packet(1), flow_packet(2)});
  turn(0);
  receive(kLan, {flow_packet(3)});
  turn(0);
  const std::vector<AcquireEvent> told = acquires();
  BOOST_REQUIRE(told.size() == 1);
  BOOST_TEST((told[0].flow == told[0].trap));
  BOOST_TEST(held() == 1u);
  BOOST_TEST(eroute_count() == 1u);
  turn(30 * kSecond);
  BOOST_TEST(dropped(DropReason::eroute_hold) == 3u);
  receive(kLan, {flow_packet(4)});
  turn(30 * kSecond);
  BOOST_TEST(acquires().size() == 1u);
  protect();
  turn(31 * kSecond);
  BOOST_TEST((received_far() == Packets{two_hops_on(flow_packet(4))}));
}

BOOST_FIXTURE_TEST_CASE(later_fragments_of_others_do_not_become_unclear_by_a_hold, TrapGateway) {
  trap();
  eroute("10.1.0.0/16", "10.2.3.0/24", MagicTarget::kPass);
  receive(kLan, {flow_packet(1)});
  turn();
  Bytes other = later_fragment();
  other[18] = 3;  // to 10.2.3.2
  set_ipv4_checksum(other);
  receive(kLan, {other, later_fragment()});
  BOOST_TEST((packets(kWan) == Packets{one_hop_on(other)}));
  turn();
  BOOST_TEST(dropped(DropReason::fragment) == 0u);
  const std::vector<AcquireEvent> told = acquires();
  BOOST_REQUIRE(told.size() == 2);
  BOOST_TEST(told[1].flow.text() == "10.1.0.2/32:0 -> 10.2.0.2/32:0 protocol 17");
}

BOOST_FIXTURE_TEST_CASE(a_hold_does_not_let_in_what_had_to_come_protected, TrapGateway) {
  trap();
  edit_sas([&](SaEdit& edit) {
    const Selector replies{.source = prefix("10.1.0.0/16"),
                           .destination = prefix("10.2.0.0/24"),
                           .protocol = kProtocolIcmp,
                           .icmp_type = 0};
    require(edit.set_eroute(replies, parse_sa_id("tun.113@192.0.2.2").value(), ErouteMode::kAdd));
  });
  receive(kWan, {icmp_packet({"10.2.0.2", "10.1.0.2"}, 8, 0, Bytes(8))});
  BOOST_TEST(dropped(DropReason::unprotected) == 1u);
  receive(kLan, {icmp_packet({"10.1.0.2", "10.2.0.2"}, 8, 0, Bytes(8))});
  turn();
  BOOST_TEST(hold_count() == 1u);
  receive(kWan, {icmp_packet({"10.2.0.2", "10.1.0.2"}, 8, 0, Bytes(8))});
  BOOST_TEST(dropped(DropReason::unprotected) == 2u);
}

BOOST_FIXTURE_TEST_CASE(a_hold_for_a_fragment_ends_with_a_narrower_eroute, TrapGateway) {
  trap();
  receive(kLan, {later_fragment()});
  turn();
  BOOST_TEST(hold_count() == 1u);
  const Selector other{prefix("10.1.0.0/16"), prefix("10.2.0.0/24"), kProtocolUdp, 0, 77};
  edit_sas([&](SaEdit& edit) {
    require(edit.set_eroute(other, parse_sa_id("tun.113@192.0.2.2").value(), ErouteMode::kAdd));
  });
  BOOST_TEST(hold_count() == 0u);
  turn();
  BOOST_TEST(dropped(DropReason::fragment) == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_flow_of_port_0_has_no_selector_of_its_own_and_is_dropped, TrapGateway) {
  trap();
  receive(kLan, {flow_packet(0)});
  turn();
  BOOST_TEST(dropped(DropReason::eroute_hold) == 1u);
  BOOST_TEST(acquires().empty());
  BOOST_TEST(eroute_count() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_flood_of_flows_is_bounded, TwoWorkers) {
  trap();
  flood([this] { turn(); });
  const uint64_t beyond = dropped(DropReason::holds_full) + dropped(DropReason::trap_limited);
  BOOST_TEST(dropped(DropReason::holds_full) > 0u);
  BOOST_TEST(hold_count() <= kMaxTrapHolds);
  BOOST_TEST(acquires().size() == hold_count());
  BOOST_TEST(held() == hold_count());
  BOOST_TEST(hold_count() + beyond == 1600u);
}

BOOST_FIXTURE_TEST_CASE(a_flow_is_told_of_once_in_the_midst_of_a_transaction_and_its_last_packet_kept, TrapGateway) {
  trap();
  receive(kLan, {flow_packet(1, 10), flow_packet(1, 20)});
  const Generation before = parts().versions().published();
  for (uint64_t ns = 0; ns < 3; ++ns) poll_aside(ns);
  const std::vector<AcquireEvent> told = acquires();
  BOOST_REQUIRE(told.size() == 1);
  BOOST_TEST(told[0].flow.text() == "10.1.0.2/32:1 -> 10.2.0.2/32:5000 protocol 17");
  BOOST_TEST(told[0].trap.text() == "10.1.0.0/16:0 -> 10.2.0.0/24:0");
  receive(kLan, {flow_packet(1, 30)});
  poll_aside(3);
  BOOST_TEST(hold_count() == 0u);
  BOOST_TEST(parts().versions().published() == before);
  BOOST_TEST(dropped(DropReason::eroute_hold) == 2u);
  check_accounting(1);
  turn(4);
  BOOST_TEST(hold_count() == 1u);
  BOOST_TEST(acquires().empty());
  protect();
  turn(5);
  BOOST_TEST((received_far() == Packets{two_hops_on(flow_packet(1, 30))}));
  check_accounting();
}

BOOST_FIXTURE_TEST_CASE(what_met_a_trap_in_the_midst_of_a_transaction_goes_by_what_that_leaves, TrapGateway) {
  trap();
  {
    SaEdit edit(parts().sas(), parts().versions());
    require(edit.set_eroute({.source = prefix("10.1.0.0/16"), .destination = prefix("10.2.0.0/24")},
                            parse_sa_id("tun.113@192.0.2.2").value(), ErouteMode::kReplace));
    receive(kLan, {flow_packet(1)});
    poll_aside(0);
    parts().versions().begin_linking(100);
    edit.link();
    receive(kLan, {flow_packet(2)});
    poll_aside(1);
    parts().versions().publish();
  }
  BOOST_TEST(acquires().size() == 2u);
  poll_aside(2);  // while it is cleared away
  turn(3);
  BOOST_TEST(hold_count() == 0u);
  BOOST_TEST(acquires().empty());
  BOOST_TEST(received_far().size() == 2u);
  check_accounting();
}

BOOST_FIXTURE_TEST_CASE(a_trap_that_the_transaction_sets_anew_tells_anew, TrapGateway) {
  trap();
  receive(kLan, {flow_packet(1), flow_packet(2)});
  poll_aside(0);
  BOOST_TEST(acquires().size() == 2u);
  trap(MagicTarget::kTrap, ErouteMode::kReplace);
  receive(kLan, {flow_packet(1)});
  poll_aside(1);
  BOOST_TEST(acquires().size() == 1u);
  turn(2);
  const std::vector<AcquireEvent> told = acquires();
  BOOST_REQUIRE(told.size() == 1);
  BOOST_TEST(told[0].flow.source_port == 2);
  BOOST_TEST(hold_count() == 2u);
}

BOOST_FIXTURE_TEST_CASE(a_hold_that_is_there_keeps_its_packet_in_the_midst_of_a_transaction, TwoWorkers) {
  trap(MagicTarget::kTrapSubnet);
  receive(kLan, {flow_packet(1, 10)}, 0);
  receive(kLan, {flow_packet(2, 20)}, 1);
  poll_aside(0);  // one hold for both flows
  BOOST_TEST(acquires().size() == 1u);
  BOOST_TEST(dropped(DropReason::eroute_hold) == 1u);
  turn(1);
  receive(kLan, {flow_packet(3, 30)});
  poll_aside(2);
  BOOST_TEST(acquires().empty());
  BOOST_TEST(held() == 1u);
  BOOST_TEST(dropped(DropReason::eroute_hold) == 2u);
  check_accounting();
}

BOOST_FIXTURE_TEST_CASE(flows_in_the_midst_of_a_transaction_are_bounded_and_dropped_at_the_end, TwoWorkers) {
  trap();
  flood([this] { poll_aside(0); });
  const uint64_t limited = dropped(DropReason::trap_limited), beyond = dropped(DropReason::holds_full);
  BOOST_TEST(beyond > 0u);
  BOOST_TEST(limited + beyond + kMaxTrapHolds == 1600u);
  BOOST_TEST(acquires().size() == kMaxTrapHolds);
  check_accounting(kMaxTrapHolds);
  parts().close();
  BOOST_TEST(dropped(DropReason::shutting_down) == kMaxTrapHolds);
}

BOOST_FIXTURE_TEST_CASE(a_worker_tells_of_no_more_than_so_many_a_second, TrapGateway) {
  trap();
  const uint64_t start = rte_rdtsc();
  for (uint16_t round = 0; round < 60; ++round) {
    std::vector<Bytes> burst;
    for (uint16_t i = 0; i < 32; ++i) burst.push_back(flow_packet(static_cast<uint16_t>(1 + round * 32 + i)));
    receive(kLan, burst);
    if (round % 16 == 0) turn();
  }
  turn();
  const uint64_t due = 1000 * (rte_rdtsc() - start) / rte_get_tsc_hz() + 1;
  BOOST_TEST(dropped(DropReason::trap_limited) + due + 1000 >= 1920u);
  BOOST_TEST(dropped(DropReason::trap_limited) > 0u);
  BOOST_TEST(dropped(DropReason::punt_full) == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_busy_flow_leaves_some_of_it_to_others, TrapGateway) {
  trap();
  std::vector<Bytes> burst(32, flow_packet(1));
  for (unsigned round = 0; round < 40; ++round) receive(kLan, burst);
  burst.back() = flow_packet(2);
  receive(kLan, burst);
  poll_aside(0);
  BOOST_TEST(acquires().size() == 2u);
  BOOST_TEST(dropped(DropReason::trap_limited) > 1000u);
  check_accounting(2);
}

BOOST_FIXTURE_TEST_CASE(two_workers_share_the_place_of_a_hold, TwoWorkers) {
  trap();
  receive(kLan, {flow_packet(1, 10)}, 0);
  receive(kLan, {flow_packet(1, 20)}, 1);
  turn();
  BOOST_TEST(acquires().size() == 1u);
  receive(kLan, {flow_packet(1, 30)}, 0);
  receive(kLan, {flow_packet(1, 40)}, 1);
  BOOST_TEST(held() == 1u);
  protect();
  turn();
  BOOST_TEST((received_far() == Packets{two_hops_on(flow_packet(1, 40))}));
  check_accounting();
}

// HAZARDS: whoever looks at the eroute still may put a packet in, so its end waits for that.
BOOST_FIXTURE_TEST_CASE(a_worker_that_still_sees_the_hold_may_put_a_packet_there, TwoWorkers) {
  trap(MagicTarget::kHold);
  receive(kLan, {flow_packet(1, 10)});
  parts().versions().online(1);
  parts().versions().quiescent(1);
  const Eroute* seen =
      parts().sas().eroutes().newest({.source = prefix("10.1.0.0/16"), .destination = prefix("10.2.0.0/24")});
  protect();
  turn();
  BOOST_TEST(packets(kWan).empty());
  BOOST_TEST(seen->held != nullptr);
  BOOST_TEST(held() == 1u);
  parts().versions().offline(1);
  turn();
  BOOST_TEST((received_far() == Packets{two_hops_on(flow_packet(1, 10))}));
}

BOOST_FIXTURE_TEST_CASE(what_is_held_at_the_end_is_dropped_as_shutting_down, TwoWorkers) {
  trap();
  eroute("10.1.0.0/16", "10.2.1.0/24", MagicTarget::kHold);
  eroute("10.1.0.0/16", "10.2.2.0/24", MagicTarget::kHold);
  receive(kLan, {flow_packet(1), udp("10.1.0.2", "10.2.1.1"), udp("10.1.0.2", "10.2.2.1")});
  turn();
  receive(kLan, {flow_packet(2)}, 1);    // in the queue to the control thread
  remove("10.1.0.0/16", "10.2.2.0/24");  // released, and not yet on its way
  parts().close();
  BOOST_TEST(dropped(DropReason::shutting_down) == 4u);
  BOOST_TEST(held() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
