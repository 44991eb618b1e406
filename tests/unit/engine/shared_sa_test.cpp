// Workers that share SAs: what they use of them, and the SAs that one of them has not told yet of what it used.
#include <rte_cycles.h>

#include "gateway_fixture.h"

namespace spigrp::test {
namespace {

struct SharedGateway : Gateway {
  explicit SharedGateway(std::string_view lifetime = {}, uint16_t workers = 2) : Gateway(kNear, workers) {
    add_sa("tun.113@192.0.2.2", "192.0.2.1", {}, lifetime);
    add_sa("esp.115@192.0.2.2", "192.0.2.1", {}, lifetime);
    group({"tun.113@192.0.2.2", "esp.115@192.0.2.2"});
    eroute("10.1.0.0/16", "10.2.0.0/24", "tun.113@192.0.2.2");
    parts().versions().online(0);
  }
  ~SharedGateway() { parts().versions().offline(0); }

  // A turn of the first worker, which finds so many packets for the group at each port, and what has left is taken.
  void turn_with(size_t packets, size_t at_wan = 0) {
    const Bytes packet = udp("10.1.0.2", "10.2.0.2", 100);
    put_on_wire(kLan, std::vector<Bytes>(packets, packet), parts().ports()[kLan].share(0).receive);
    put_on_wire(kWan, std::vector<Bytes>(at_wan, packet), parts().ports()[kWan].share(0).receive);
    worker().turn();
    sent_ += this->packets(kWan).size();
  }
  const Sa& sa(std::string_view id) { return *parts().sas().newest(parse_sa_id(id).value())->sa; }
  uint64_t eroute_packets() {
    const auto& eroutes = parts().sas().eroutes();
    return eroutes.packets(
        eroutes.newest({.source = prefix("10.1.0.0/16"), .destination = prefix("10.2.0.0/24")})->slot);
  }
  size_t waiting() {
    parts().versions().reclaim();
    return parts().versions().waiting();
  }
  size_t sent() const { return sent_; }

 private:
  size_t sent_ = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(shared_sa)

BOOST_FIXTURE_TEST_CASE(what_is_used_in_some_turns_is_told_behind_the_last_of_them, SharedGateway) {
  const Sa &tun = sa("tun.113@192.0.2.2"), &esp = sa("esp.115@192.0.2.2");
  for (unsigned turn = 1; turn < DeferredUses::kTurns; ++turn) turn_with(3);
  BOOST_TEST(esp.counters.packets == 0u);
  BOOST_TEST(eroute_packets() == 0u);
  turn_with(3);
  const uint64_t all = uint64_t{3} * DeferredUses::kTurns;
  BOOST_TEST(sent() == all);
  BOOST_TEST(esp.sequence.sent() == all);
  BOOST_TEST(esp.counters.packets == all);
  BOOST_TEST(esp.counters.bytes == all * (20 + 20 + 8 + 100));
  BOOST_TEST(tun.counters.packets == all);
  BOOST_TEST(tun.counters.bytes == all * (20 + 8 + 100));
  BOOST_TEST(tun.counters.first_used_tsc != 0u);
  BOOST_TEST(eroute_packets() == all);
}

BOOST_FIXTURE_TEST_CASE(a_worker_with_nothing_to_do_tells_at_once, SharedGateway) {
  turn_with(2);
  BOOST_TEST(sa("tun.113@192.0.2.2").counters.packets == 0u);
  turn_with(0);
  BOOST_TEST(sa("tun.113@192.0.2.2").counters.packets == 2u);
  BOOST_TEST(sa("esp.115@192.0.2.2").counters.packets == 2u);
  BOOST_TEST(eroute_packets() == 2u);
}

BOOST_FIXTURE_TEST_CASE(sas_that_have_rested_are_told_at_once, SharedGateway) {
  add_sa("tun.213@192.0.2.2", "192.0.2.1");
  add_sa("esp.215@192.0.2.2", "192.0.2.1");
  group({"tun.213@192.0.2.2", "esp.215@192.0.2.2"});
  eroute("10.1.0.0/16", "10.2.1.0/24", "tun.213@192.0.2.2");
  put_on_wire(kLan, {udp("10.1.0.2", "10.2.1.2", 100)}, parts().ports()[kLan].share(0).receive);
  turn_with(1);
  for (const std::string_view id :
       {"tun.113@192.0.2.2", "esp.115@192.0.2.2", "tun.213@192.0.2.2", "esp.215@192.0.2.2"}) {
    BOOST_TEST(sa(id).counters.packets == 1u);
  }
  BOOST_TEST(sent() == 2u);
}

BOOST_FIXTURE_TEST_CASE(each_of_two_workers_tells_of_its_own, SharedGateway) {
  const std::vector<Bytes> some(5, udp("10.1.0.2", "10.2.0.2", 100));
  for (unsigned round = 0; round < 3; ++round) {
    for (const uint16_t id : {uint16_t{0}, uint16_t{1}}) receive(kLan, some, id);
  }
  BOOST_TEST(sa("esp.115@192.0.2.2").counters.packets == 30u);
  BOOST_TEST(sa("esp.115@192.0.2.2").sequence.sent() == 30u);
  BOOST_TEST(eroute_packets() == 30u);
}

// HAZARDS 13: the SA goes, and a worker that is busy with other packets has not told it yet of what it used.
BOOST_FIXTURE_TEST_CASE(an_sa_that_goes_stays_until_it_has_been_told, SharedGateway) {
  turn_with(0);
  BOOST_TEST(waiting() == 0u);
  turn_with(2);
  edit_sas([&](SaEdit& edit) {
    require(edit.delete_eroute({.source = prefix("10.1.0.0/16"), .destination = prefix("10.2.0.0/24")}));
    require(edit.delete_sa(parse_sa_id("tun.113@192.0.2.2").value()));  // and the rest of its group
  });
  for (unsigned turn = 2; turn < DeferredUses::kTurns; ++turn) {
    turn_with(1);  // dropped: there is no eroute any more
    BOOST_TEST(waiting() > 0u);
  }
  // The next turn but one finds nothing untold; what goes with an SA goes in a grace period of its own.
  for (unsigned turn = 0; turn < 4 * DeferredUses::kTurns && waiting() > 0; ++turn) turn_with(1);
  BOOST_TEST(waiting() == 0u);
  BOOST_TEST(sent() == 2u);
}

// HAZARDS 13: what goes is freed however busy a worker is. Here it has a burst from each of two ports in every turn but
// the first, so that no turn ends with every fourth burst.
BOOST_FIXTURE_TEST_CASE(a_worker_busy_at_two_ports_lets_go_of_what_goes, SharedGateway) {
  turn_with(1);
  add_sa("esp.999@192.0.2.9", "192.0.2.1");
  edit_sas([&](SaEdit& edit) { require(edit.delete_sa(parse_sa_id("esp.999@192.0.2.9").value())); });
  BOOST_TEST(waiting() > 0u);
  for (unsigned turn = 0; turn < 16 * DeferredUses::kTurns && waiting() > 0; ++turn) turn_with(1, 1);
  BOOST_TEST(waiting() == 0u);
}

// The same of one that has none of its own any more, and sends in every turn what others have made.
BOOST_FIXTURE_TEST_CASE(a_worker_that_sends_for_others_tells_and_lets_go, SharedGateway) {
  turn_with(1);
  add_sa("esp.999@192.0.2.9", "192.0.2.1");
  edit_sas([&](SaEdit& edit) { require(edit.delete_sa(parse_sa_id("esp.999@192.0.2.9").value())); });
  for (unsigned turn = 0; turn < 16 * DeferredUses::kTurns && waiting() > 0; ++turn) {
    // The other one asks for a neighbour that nobody knows; the control thread has this one send what it asks.
    const std::string unknown = "10.1.0." + std::to_string(100 + turn);
    receive(kWan, {udp("10.9.0.1", unknown)}, 1);
    parts().control_plane().poll(0);
    worker(0).turn();
    BOOST_TEST(frames(kLan).size() == 1u);
  }
  BOOST_TEST(waiting() == 0u);
  BOOST_TEST(sa("esp.115@192.0.2.2").counters.packets == 1u);
}

// A lifetime may begin with the first packet: the control thread is told of it and looks when that was.
BOOST_AUTO_TEST_CASE(an_sa_with_a_lifetime_is_told_at_once) {
  SharedGateway gateway("hard-usetime=60");
  gateway.turn_with(1);
  BOOST_TEST(gateway.sa("esp.115@192.0.2.2").counters.packets == 1u);
  gateway.parts().events().poll(rte_rdtsc());
  BOOST_TEST(gateway.parts().events().take().empty());
  gateway.parts().events().poll(rte_rdtsc() + 61 * rte_get_tsc_hz());
  BOOST_TEST(gateway.parts().events().take().size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_worker_that_is_alone_tells_at_once) {
  SharedGateway gateway({}, 1);
  gateway.turn_with(1);
  BOOST_TEST(gateway.sa("esp.115@192.0.2.2").counters.packets == 1u);
  BOOST_TEST(gateway.eroute_packets() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
