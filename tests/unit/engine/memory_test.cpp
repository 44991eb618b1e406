// The control thread's packets where memory runs out: what it has taken over is kept or counted, and those behind it
// are served. When a gateway ends, the fixture counts its packets and buffers (invariant 4).
#include "gateway_fixture.h"
#include "support/scarce_memory.h"

namespace spigrp::test {
namespace {

struct TrappingGateway : Gateway {
  TrappingGateway() {
    eroute("10.1.0.0/16", "10.2.0.0/24", MagicTarget::kTrap);
    poll_control(0);
  }

  void receive_trapped(unsigned number) {
    receive(kLan, {ip_packet({"10.1.0.2", "10.2.0.2"},
                             udp_datagram(static_cast<uint16_t>(1 + number), 5000, counted_bytes(32)))});
  }
  // To a host that has to be asked for.
  void receive_for_stranger(unsigned number) {
    receive(kWan, {udp("192.0.2.2", "10.1.0." + std::to_string(50 + number))});
  }
};

BOOST_AUTO_TEST_SUITE(memory)

BOOST_FIXTURE_TEST_CASE(where_memory_runs_out_one_packet_is_counted_and_those_behind_it_are_served, TrappingGateway) {
  unsigned failures = 0;
  for (unsigned nth = 0; nth < 30; ++nth) {
    for (unsigned i = 0; i < 3; ++i) {
      receive_for_stranger(nth * 3 + i);
      receive_trapped(nth * 3 + i);
    }
    const uint64_t dropped_before = dropped(DropReason::no_memory);
    {
      const MemoryRunsOut runs_out(static_cast<int>(nth));
      parts().control_plane().poll_aside(0);
      failures += MemoryRunsOut::has_failed() ? 1 : 0;
    }
    BOOST_TEST(dropped(DropReason::no_memory) <= dropped_before + 1);
    const auto told = parts().events().take().size();
    const auto asked = frames(kLan).size();
    worker().send_frames_of_others();
    BOOST_TEST(told + asked + frames(kLan).size() >= 5u);
  }
  BOOST_TEST(failures > 5u);
  BOOST_TEST(dropped(DropReason::no_memory) > 5u);
  check_accounting(180 - dropped(DropReason::no_memory));
  poll_control(0);
  for (uint64_t second = 1; second < 5; ++second) poll_control(second * 1'000'000'000);
  check_accounting();
}

// None of these is needed when anything is linked already: there the process ends (SaEdit::link).
BOOST_FIXTURE_TEST_CASE(a_hold_for_which_there_is_no_memory_is_not_made_and_its_packet_counted, TrappingGateway) {
  for (unsigned nth = 0; nth < 7; ++nth) {
    receive_trapped(nth);
    {
      const MemoryRunsOut runs_out(static_cast<int>(nth));
      parts().control_plane().poll(0);
      BOOST_TEST(MemoryRunsOut::has_failed());
    }
    BOOST_TEST(dropped(DropReason::no_memory) == nth + 1);
    check_accounting();
  }
  BOOST_TEST(parts().sas().trap_holds().empty());
  receive_trapped(1);
  poll_control(0);
  BOOST_TEST(parts().sas().trap_holds().size() == 1u);
  BOOST_TEST(parts().events().take().size() == 1u);
}

// At the first allocations, all of which are before anything is linked, also where a sanitized build makes fewer.
BOOST_FIXTURE_TEST_CASE(holds_whose_end_finds_no_memory_end_later, TrappingGateway) {
  constexpr uint64_t kSecond = 1'000'000'000;
  constexpr unsigned kHolds = 30;
  for (unsigned nth = 0; nth < 14; ++nth) {
    const uint64_t now_ns = nth * 100 * kSecond;
    for (unsigned i = 0; i < kHolds; ++i) receive_trapped(nth * kHolds + i);
    poll_control(now_ns);
    BOOST_REQUIRE(parts().sas().trap_holds().size() == kHolds);
    const uint64_t dropped_before = dropped(DropReason::eroute_hold);
    {
      const MemoryRunsOut runs_out(static_cast<int>(nth));
      try {
        parts().control_plane().poll(now_ns + kTrapHoldNs);
      } catch (const std::bad_alloc&) {
      }
      BOOST_TEST(MemoryRunsOut::has_failed());
    }
    poll_control(now_ns + kTrapHoldNs + kSecond);
    poll_control(now_ns + kTrapHoldNs + kSecond);
    BOOST_TEST(parts().sas().trap_holds().empty());
    BOOST_TEST(dropped(DropReason::eroute_hold) == dropped_before + kHolds);
    check_accounting();
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace

}  // namespace spigrp::test
