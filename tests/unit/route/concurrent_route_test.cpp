// Workers that look routes up while the control thread edits them: run under the thread sanitizer too.
#include <atomic>
#include <thread>

#include "route_fixture.h"

namespace spigrp::test {

constexpr uint16_t kWorkers = 2;

struct TwoStates : Routes {
  TwoStates() {
    require(add_address("192.0.2.1/24", "wan"));
    require(add_address("198.51.100.1/24", "dmz"));
    require(create_interface("ipsec0"));
    require(attach("ipsec0", "wan"));
    require(edit([](RouteEdit& e) { return first(e); }));
  }

  // All of one is there, or all of the other.
  static Expected<void> first(RouteEdit& e) {
    require(e.replace_route(route("10.2.0.0/16", "192.0.2.2", "ipsec0")));
    require(e.replace_route(route("fd00:2::/32", "fe80::2", "wan")));
    require(e.add_route(route("10.2.1.0/24", "192.0.2.2", "wan")));
    return e.set_neighbour({address("192.0.2.2"), "wan", kMac});
  }
  static Expected<void> second(RouteEdit& e) {
    require(e.replace_route(route("10.2.0.0/16", "198.51.100.2", "ipsec0")));
    require(e.replace_route(route("fd00:2::/32", "fe80::3", "dmz")));
    require(e.delete_route(prefix("10.2.1.0/24")));
    return e.set_neighbour({address("192.0.2.2"), "wan", kOtherMac});
  }

  // Whether a burst at this generation sees one state or the other and nothing in between.
  bool is_whole(Generation g) const {
    const uint32_t destinations[] = {0x0101020a, 0x0109020a};  // 10.2.1.1, 10.2.9.1
    const NextHop* hops[2];
    const NextHop* hop6;
    tables->lookup_ipv4(destinations, 2, g, hops);
    const std::array<uint8_t, 16> destination6{0xfd, 0, 0, 2};
    tables->lookup_ipv6(&destination6, 1, g, &hop6);
    const MacAddress mac = neighbour("192.0.2.2", kWan, g)->mac;
    const bool is_first = hops[1]->gateway == address("192.0.2.2");
    return hops[1]->kind == NextHopKind::kInterface &&
           hops[0]->kind == (is_first ? NextHopKind::kPort : NextHopKind::kInterface) &&
           hops[0]->gateway == hops[1]->gateway && hop6->port == (is_first ? kWan : kDmz) &&
           mac == (is_first ? kMac : kOtherMac);
  }
};

BOOST_FIXTURE_TEST_CASE(invariant_3_every_burst_of_every_worker_sees_a_whole_transaction, TwoStates) {
  constexpr int kEdits = 1500;
  std::atomic<bool> stop{false};
  std::atomic<int> broken{0}, ready{0};
  const auto work = [&](uint16_t worker) {
    versions->online(worker);
    ready.fetch_add(1);
    for (unsigned burst = 0; !stop.load(std::memory_order_relaxed); ++burst) {
      versions->quiescent(worker);
      const Generation g = versions->published();
      for (int i = 0; i < 8; ++i) broken.fetch_add(is_whole(g) ? 0 : 1);
      if (burst % 64 == 0) {  // idle: nobody waits for a worker that sleeps
        versions->offline(worker);
        std::this_thread::yield();
        versions->online(worker);
      }
    }
    versions->offline(worker);
  };
  std::vector<std::thread> workers;
  for (uint16_t worker = 0; worker < kWorkers; ++worker) workers.emplace_back(work, worker);
  while (ready.load() < kWorkers) std::this_thread::yield();
  for (int i = 0; i < kEdits; ++i) {
    // The refusals of BOOST_REQUIRE would leave the workers running.
    const auto done = edit([&](RouteEdit& e) { return i % 2 == 0 ? second(e) : first(e); });
    if (!done) broken.fetch_add(1);
    if (i % 16 == 0) learn("192.0.2." + std::to_string(10 + i / 16 % 100), kWan, kMac);
  }
  stop = true;
  for (std::thread& worker : workers) worker.join();
  BOOST_TEST(broken.load() == 0);
  BOOST_TEST(versions->drain(1000));
  BOOST_TEST(is_whole(versions->published()));
}

}  // namespace spigrp::test
