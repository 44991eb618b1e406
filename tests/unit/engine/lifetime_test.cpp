// SAs that come to their end while packets pass, and what is told of it.
#include <rte_cycles.h>

#include "gateway_fixture.h"

namespace spigrp::test {
namespace {

// The group tun esp on the way out, with a lifetime of one of them; its peer, which takes it off.
class AgeingGateway : public Gateway {
 public:
  void make(std::string_view tunnel_life, std::string_view esp_life) {
    for (Gateway* gateway : {static_cast<Gateway*>(this), &far}) {
      const bool ages = (gateway == this) == near_ages;
      gateway->add_sa("tun.113@192.0.2.2", "192.0.2.1", {}, ages ? tunnel_life : "");
      gateway->add_sa("esp.115@192.0.2.2", "192.0.2.1", {}, ages ? esp_life : "");
      gateway->group({"tun.113@192.0.2.2", "esp.115@192.0.2.2"});
    }
    eroute("10.1.0.0/24", "10.2.0.0/24", "tun.113@192.0.2.2");
  }

  // How many of so many packets get to the far host.
  size_t carried(unsigned count, size_t payload_bytes = 32) {
    receive(kLan, std::vector<Bytes>(count, udp("10.1.0.2", "10.2.0.2", payload_bytes)));
    far.receive(kWan, packets(kWan));
    return far.packets(kLan).size();
  }

  static std::vector<std::string> told(Gateway& gateway, uint64_t now_tsc = rte_rdtsc()) {
    std::vector<std::string> lines;
    gateway.parts().events().poll(now_tsc);
    for (const Event& event : gateway.parts().events().take()) {
      const auto* expire = std::get_if<ExpireEvent>(&event);
      lines.push_back(expire == nullptr ? std::string(event_name(event))
                                        : expire->id.text() + ' ' + expire->expiry + ' ' + expire->limit + ' ' +
                                              std::to_string(expire->value));
    }
    return lines;
  }

  Gateway far{kFar};
  bool near_ages = true;
};

using Lines = std::vector<std::string>;

BOOST_AUTO_TEST_SUITE(lifetimes)

BOOST_FIXTURE_TEST_CASE(the_group_stops_at_exactly_the_packet_that_the_hard_limit_says, AgeingGateway) {
  make("", "soft-packets=90,hard-packets=100");
  BOOST_TEST(carried(64) == 64u);
  BOOST_TEST(told(*this) == Lines(), boost::test_tools::per_element());
  BOOST_TEST(carried(30) == 30u);
  BOOST_TEST(told(*this) == Lines{"esp.115@192.0.2.2 soft packets 90"}, boost::test_tools::per_element());
  BOOST_TEST(carried(50) == 6u);
  BOOST_TEST(told(*this) == Lines{"esp.115@192.0.2.2 hard packets 100"}, boost::test_tools::per_element());
  BOOST_TEST(carried(10) == 0u);
  BOOST_TEST(told(*this).empty());
  BOOST_TEST(dropped(DropReason::sa_expired) == 54u);
  const Sa& esp = *parts().sas().newest(parse_sa_id("esp.115@192.0.2.2").value())->sa;
  BOOST_TEST(esp.counters.packets == 100u);
  BOOST_TEST(esp.counters.expired == 54u);
  BOOST_TEST(esp.sequence.sent() == 100u);  // the key has encrypted no more
}

BOOST_FIXTURE_TEST_CASE(an_sa_without_a_key_ends_its_group_too, AgeingGateway) {
  make("hard-packets=3", "");
  BOOST_TEST(carried(10) == 3u);
  BOOST_TEST(carried(1) == 0u);
  BOOST_TEST(dropped(DropReason::sa_expired) == 8u);
}

BOOST_FIXTURE_TEST_CASE(bytes_are_those_of_the_packet_before_and_never_more_than_the_limit, AgeingGateway) {
  make("hard-bytes=600", "");
  BOOST_TEST(carried(4, 100) == 4u);  // of 128 bytes each
  BOOST_TEST(carried(1, 100) == 0u);
  BOOST_TEST(carried(1, 1) == 0u);  // though so much would be left
  BOOST_TEST(told(*this) == Lines{"tun.113@192.0.2.2 hard bytes 600"}, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(inbound_only_packets_that_authenticate_use_it_up, AgeingGateway) {
  near_ages = false;
  make("", "soft-packets=4,hard-packets=5");
  receive(kLan, std::vector<Bytes>(8, udp("10.1.0.2", "10.2.0.2")));
  std::vector<Bytes> sent = packets(kWan);
  BOOST_REQUIRE(sent.size() == 8);
  Bytes forged = sent[0];
  forged.back() ^= 1;
  far.receive(kWan, std::vector<Bytes>(20, forged));
  far.receive(kWan, {sent[0], sent[0], sent[0], sent[1], sent[2], sent[3]});  // two replays among them
  BOOST_TEST(far.packets(kLan).size() == 4u);
  BOOST_TEST(told(far).back() == "esp.115@192.0.2.2 soft packets 4");
  far.receive(kWan, {sent[4], sent[5], sent[6]});
  BOOST_TEST(far.packets(kLan).size() == 1u);
  far.receive(kWan, {sent[7]});
  BOOST_TEST(far.packets(kLan).empty());
  BOOST_TEST(told(far) == Lines{"esp.115@192.0.2.2 hard packets 5"}, boost::test_tools::per_element());
  BOOST_TEST(far.dropped(DropReason::sa_expired) == 3u);
}

BOOST_FIXTURE_TEST_CASE(the_first_packet_starts_the_time_of_use_and_its_end_is_told_without_another, AgeingGateway) {
  const uint64_t hz = rte_get_tsc_hz();
  make("", "hard-usetime=3600");
  BOOST_TEST(told(*this, rte_rdtsc() + 7200 * hz).empty());
  BOOST_TEST(carried(1) == 1u);
  BOOST_TEST(told(*this).empty());  // but now it is waited for
  BOOST_TEST(told(*this, rte_rdtsc() + 3599 * hz).empty());
  BOOST_TEST(told(*this, rte_rdtsc() + 3601 * hz) == Lines{"esp.115@192.0.2.2 hard usetime 3600"},
             boost::test_tools::per_element());
}

// The newest version of an SA may be another one then.
BOOST_FIXTURE_TEST_CASE(while_tables_are_linked_what_lifetimes_reach_waits_and_all_else_is_told, AgeingGateway) {
  near_ages = false;
  make("", "soft-packets=1,hard-usetime=60");
  receive(kLan, {udp("10.1.0.2", "10.2.0.2")});
  const Packets sent = packets(kWan);
  far.receive(kWan, sent);
  far.receive(kWan, sent);
  far.parts().events().poll_aside();
  const std::vector<Event> events = far.parts().events().take();
  BOOST_REQUIRE(events.size() == 1u);
  BOOST_TEST(event_name(events[0]) == "replay");
  BOOST_TEST(told(far) == Lines{"esp.115@192.0.2.2 soft packets 1"}, boost::test_tools::per_element());
  const uint64_t end = rte_rdtsc() + 61 * rte_get_tsc_hz();
  BOOST_TEST(told(far, end) == Lines{"esp.115@192.0.2.2 hard usetime 60"}, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(what_an_attacker_can_cause_is_told_only_so_often, AgeingGateway) {
  make("", "");
  receive(kLan, {udp("10.1.0.2", "10.2.0.2")});
  const std::vector<Bytes> sent = packets(kWan);
  Bytes forged = sent[0];
  forged.back() ^= 1;
  for (unsigned i = 0; i < 40; ++i) far.receive(kWan, std::vector<Bytes>(50, forged));
  far.parts().events().poll(rte_rdtsc());
  const std::vector<Event> events = far.parts().events().take();
  const auto* lost = std::get_if<LostEvent>(&events.back());
  BOOST_REQUIRE(lost != nullptr);
  BOOST_TEST(lost->count + events.size() - 1 == 2000u);
  BOOST_TEST(events.size() < 500u);
  const auto& failure = std::get<AuthenticationFailureEvent>(events[0]);
  BOOST_TEST(failure.id.text() == "esp.115@192.0.2.2");
  BOOST_TEST(failure.source.text() == "192.0.2.1");
}

BOOST_FIXTURE_TEST_CASE(replays_and_the_last_sequence_number_are_told, AgeingGateway) {
  make("", "");
  parts().sas().newest(parse_sa_id("esp.115@192.0.2.2").value())->sa->sequence.reserve(Sequence::kLast32 - 2);
  receive(kLan, std::vector<Bytes>(5, udp("10.1.0.2", "10.2.0.2")));
  const std::vector<Bytes> sent = packets(kWan);
  BOOST_TEST(sent.size() == 2u);
  BOOST_TEST(told(*this) == Lines{"esp.115@192.0.2.2 hard sequence 4294967295"}, boost::test_tools::per_element());
  far.receive(kWan, {sent[1], sent[1]});
  far.parts().events().poll(rte_rdtsc());
  const std::vector<Event> events = far.parts().events().take();
  BOOST_REQUIRE(events.size() == 1);
  BOOST_TEST(std::get<ReplayEvent>(events[0]).sequence == 0xffffffffu);
  BOOST_TEST(far.packets(kLan).size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp::test
