// What is remembered of a flow outlives edits that do not concern it, and no other.
#include "gateway_fixture.h"

namespace spigrp::test {

struct DecisionGateway : Gateway {
  explicit DecisionGateway(const GatewayPlan& plan = kNear, std::string_view peer = "192.0.2.2",
                           std::string_view self = "192.0.2.1")
      : Gateway(plan), peer(peer), self(self) {
    for (const std::string_view name : {"tun.113", "esp.115", "ah.117"}) add_sa(at_peer(name), self);
    group({at_peer("tun.113"), at_peer("esp.115")});
    eroute(prefix(plan.lan).masked().text(), plan.far_network, at_peer("tun.113"));
  }
  std::string at_peer(std::string_view name) const { return std::string(name) + "@" + peer; }

  // An edit of SAs that nothing here has to do with.
  void edit_others() { add_sa("esp." + std::to_string(next_other_++) + "@203.0.113.1", self); }

  std::string peer, self;

 private:
  unsigned next_other_ = 5000;
};

struct NearGateway : DecisionGateway {
  // The IP protocol of what leaves for a packet of the one flow; 0: nothing leaves.
  unsigned outermost() {
    receive(kLan, {udp("10.1.0.2", "10.2.0.2")});
    const Packets sent = packets(kWan);
    return sent.size() == 1 ? sent[0][9] : 0;
  }
};

BOOST_AUTO_TEST_SUITE(flow_decision)

BOOST_FIXTURE_TEST_CASE(a_flow_goes_its_way_through_edits_of_others, NearGateway) {
  for (unsigned i = 0; i < 4; ++i) {
    BOOST_TEST(outermost() == kProtocolEsp);
    edit_others();
  }
  const Selector selector{.source = prefix("10.1.0.0/24"), .destination = prefix("10.2.0.0/16")};
  const Slot slot = parts().sas().eroutes().newest(selector)->slot;
  BOOST_TEST(parts().sas().eroutes().packets(slot) == 4u);
}

BOOST_FIXTURE_TEST_CASE(a_regrouping_among_edits_of_others_counts_from_the_next_burst_on, NearGateway) {
  BOOST_TEST(outermost() == kProtocolEsp);
  edit_others();
  replace_group({"tun.113@192.0.2.2", "esp.115@192.0.2.2", "ah.117@192.0.2.2"});
  edit_others();
  BOOST_TEST(outermost() == kProtocolAh);
  // The group is freed, and one of the same kind is made: it may lie where the other lay.
  replace_group({"tun.113@192.0.2.2", "esp.115@192.0.2.2"});
  edit_others();
  replace_group({"tun.113@192.0.2.2", "esp.115@192.0.2.2", "ah.117@192.0.2.2"});
  BOOST_TEST(outermost() == kProtocolAh);
  ungroup("esp.115@192.0.2.2");
  edit_others();
  BOOST_TEST(outermost() == 0u);
  BOOST_TEST(dropped(DropReason::group_dissolved) == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_change_of_ways_counts_behind_edits_of_others, NearGateway) {
  BOOST_TEST(outermost() == kProtocolEsp);
  const MacAddress moved{2, 0, 0, 0, 9, 7};
  edit_others();
  edit_routes([&](RouteEdit& edit) { require(edit.set_neighbour({address("192.0.2.2"), "wan", moved})); });
  edit_others();
  receive(kLan, {udp("10.1.0.2", "10.2.0.2")});
  const std::vector<Bytes> sent = frames(kWan);
  BOOST_REQUIRE(sent.size() == 1u);
  BOOST_TEST((Bytes(sent[0].begin(), sent[0].begin() + 6) == Bytes(moved.begin(), moved.end())));

  edit_routes([](RouteEdit& edit) { require(edit.add_route({prefix("10.2.0.2/32"), {}, {}})); });  // a blackhole
  edit_others();
  BOOST_TEST(outermost() == 0u);
  BOOST_TEST(dropped(DropReason::blackhole_route) == 1u);

  edit_routes([](RouteEdit& edit) {
    require(edit.delete_route(prefix("10.2.0.2/32")));
    require(edit.detach_interface("ipsec0"));
  });
  edit_others();
  BOOST_TEST(outermost() == 0u);
  BOOST_TEST(dropped(DropReason::interface_detached) == 1u);
}

BOOST_FIXTURE_TEST_CASE(an_eroute_in_front_counts_behind_edits_of_others, NearGateway) {
  BOOST_TEST(outermost() == kProtocolEsp);
  edit_others();
  eroute("10.1.0.2/32", "10.2.0.2/32", MagicTarget::kDrop);
  edit_others();
  BOOST_TEST(outermost() == 0u);
  BOOST_TEST(dropped(DropReason::eroute_drop) == 1u);
}

// Flows that nothing is known of are looked up together; each meets its own eroute, as often as it is sent, also where
// several share a place in the cache.
BOOST_FIXTURE_TEST_CASE(new_flows_of_one_burst_have_each_its_own_eroute, NearGateway) {
  Packets burst;
  for (unsigned host = 1; host <= 48; ++host) {
    const std::string destination = "10.2.0." + std::to_string(host);
    if (host % 3 == 0) eroute("10.1.0.2/32", destination + "/32", MagicTarget::kDrop);
    burst.push_back(udp("10.1.0.2", destination));
    if (host % 12 == 0) burst.push_back(udp("10.1.0.2", "10.2.0.1"));  // no more a new one
  }
  for (unsigned round = 1; round <= 2; ++round) {
    receive(kLan, burst);
    BOOST_TEST(packets(kWan).size() == 36u);
    BOOST_TEST(dropped(DropReason::eroute_drop) == round * 16u);
  }
}

// The far gateway of a near one that sends it tun and esp.
struct FarGateway : DecisionGateway {
  FarGateway() : DecisionGateway(kFar, "192.0.2.1", "192.0.2.2") {
    for (const std::string_view name : {"tun.113", "esp.115"}) add_sa(std::string(name) + "@192.0.2.2", "192.0.2.1");
    group({"tun.113@192.0.2.2", "esp.115@192.0.2.2"});
  }
  NearGateway near;

  size_t arrived() {
    near.receive(kLan, {udp("10.1.0.2", "10.2.0.2")});
    receive(kWan, near.packets(kWan));
    return packets(kLan).size();
  }
};

BOOST_FIXTURE_TEST_CASE(what_comes_out_of_a_group_is_held_to_the_policy_of_now, FarGateway) {
  BOOST_TEST(arrived() == 1u);
  edit_others();
  BOOST_TEST(arrived() == 1u);
  // Of the group that the traffic's other direction goes into, somebody else is the peer now.
  add_sa("tun.119@192.0.2.9", "192.0.2.2");
  replace_group({"tun.113@192.0.2.1", "esp.115@192.0.2.1", "tun.119@192.0.2.9"});
  edit_others();
  BOOST_TEST(arrived() == 0u);
  BOOST_TEST(dropped(DropReason::inbound_policy) == 1u);
  replace_group({"tun.113@192.0.2.1", "esp.115@192.0.2.1"});
  edit_others();
  BOOST_TEST(arrived() == 1u);
}

BOOST_FIXTURE_TEST_CASE(an_address_that_is_given_up_takes_nothing_in_behind_edits_of_others, FarGateway) {
  BOOST_TEST(arrived() == 1u);
  edit_others();
  edit_routes([](RouteEdit& edit) { require(edit.delete_address({prefix("192.0.2.2/24"), "wan"})); });
  edit_others();
  BOOST_TEST(arrived() == 0u);
}

BOOST_FIXTURE_TEST_CASE(an_sa_that_is_replaced_takes_its_own_packets_only, FarGateway) {
  BOOST_TEST(arrived() == 1u);
  edit_others();
  edit_sas([](SaEdit& edit) { require(edit.delete_sa(parse_sa_id("esp.115@192.0.2.2").value())); });
  edit_others();
  BOOST_TEST(arrived() == 0u);
  BOOST_TEST(dropped(DropReason::no_sa) == 1u);
}

// Of the flows whose packets hash alike the last two are remembered.
BOOST_FIXTURE_TEST_CASE(flows_of_one_hash_have_a_place_each, NearGateway) {
  const SaTables& sas = parts().sas();
  const Generation g = parts().versions().published();
  const ChangeStamps now{.at = g, .eroutes = sas.eroutes_changed_at(g), .ways = 0};
  const auto flow_of = [](uint64_t host) {
    return HashedFlow{{host << 24 | 0x01010a, 0, 0x0200020a, 0, 17ull << 32}, 5};
  };
  FlowCache flows(8);
  for (uint16_t host = 1; host <= 3; ++host) {
    flows.policy(flow_of(host), sas, now);
    flows.remember(flow_of(host), nullptr, g, Decision{.departure = {}, .most_bytes = host});
  }
  BOOST_TEST(flows.decision(flow_of(1), nullptr, g) == nullptr);
  for (uint16_t host = 2; host <= 3; ++host) {
    const Decision* decision = flows.decision(flow_of(host), nullptr, g);
    BOOST_REQUIRE(decision != nullptr);
    BOOST_TEST(decision->most_bytes == host);
    BOOST_TEST(flows.decision(flow_of(host), nullptr, g + 1) == nullptr);
    BOOST_TEST((flows.earlier_decision(flow_of(host), nullptr, now).decision == decision));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
