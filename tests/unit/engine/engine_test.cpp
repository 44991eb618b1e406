// The engine with its threads: workers poll ring devices, whose sent frames come back as received ones.
#include "engine/engine.h"

#include <chrono>
#include <functional>
#include <thread>

#include "gateway_fixture.h"

namespace spigrp::test {

Options engine_options(uint16_t workers, IdlePolicy idle) {
  static unsigned number = 0;
  Options options;
  options.memory.packet_buffers = 8191;
  options.tables = {.sas = 256, .eroutes = 256, .neighbours = 256, .routes = 256, .flow_cache_entries = 256};
  options.workers.count = workers;
  options.workers.idle = idle;
  for (const std::string_view name : {"lan", "wan"}) {
    PortOptions port;
    port.name = name;
    port.device = "net_ring_e" + std::string(name) + std::to_string(number);
    port.mac = name == "lan" ? "02:00:00:00:00:01" : "02:00:00:00:00:02";
    port.rx_queue_packets = port.tx_queue_packets = 128;
    port.addresses = {Gateway::prefix(name == "lan" ? "10.1.0.1/24" : "192.0.2.1/24")};
    options.ports.push_back(port);
  }
  ++number;
  return options;
}

void wait_until(Engine& engine, const std::function<bool()>& condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    BOOST_REQUIRE_MESSAGE(std::chrono::steady_clock::now() < limit, "not within the limit");
    engine.poll_control();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

uint64_t sum(const Engine& engine, Counter PacketCounters::*counter) {
  uint64_t sum = 0;
  for (const WorkerStatistics& worker : engine.worker_statistics()) sum += (worker.counters->*counter).value();
  return sum;
}

void check_accounting(const Engine& engine) {
  uint64_t dropped = 0;
  for (const WorkerStatistics& worker : engine.worker_statistics()) {
    for (const Counter& counter : worker.counters->dropped) dropped += counter.value();
  }
  BOOST_TEST(sum(engine, &PacketCounters::received) + sum(engine, &PacketCounters::originated) +
                 sum(engine, &PacketCounters::injected) ==
             sum(engine, &PacketCounters::sent) + sum(engine, &PacketCounters::delivered) +
                 sum(engine, &PacketCounters::punted) + sum(engine, &PacketCounters::joined) +
                 sum(engine, &PacketCounters::held) + dropped);
}

// An ARP request put into the LAN's ring goes from a worker to the control thread, and the reply back to a worker, and
// out.
void check_arp_round_trip(uint16_t workers, IdlePolicy idle) {
  const Options options = engine_options(workers, idle);
  auto engine = Engine::create(options);
  BOOST_REQUIRE_MESSAGE(engine.has_value(), (engine ? "" : engine.error().text()));
  Gateway::require((*engine)->start());
  rte_ring* wire = rte_ring_lookup(("ETH_RXTX0_" + options.ports[0].device).c_str());
  BOOST_REQUIRE(wire != nullptr);
  // 10.1.0.7 asks who has 10.1.0.1
  Bytes request(14, 0xff);
  std::copy(kHostMac.begin(), kHostMac.end(), request.begin() + 6);
  put16(request, 12, kEtherTypeArp);
  request = request + Bytes{0, 1, 8, 0, 6, 4, 0, 1} + Bytes(kHostMac.begin(), kHostMac.end()) + Bytes{10, 1, 0, 7} +
            Bytes(6) + Bytes{10, 1, 0, 1};
  rte_mbuf* frame = packet_from(request);
  BOOST_REQUIRE(rte_ring_enqueue(wire, frame) == 0);
  wait_until(**engine, [&] { return sum(**engine, &PacketCounters::sent) >= 1; });
  // The reply comes back in, for another host's MAC address.
  wait_until(**engine, [&] { return sum(**engine, &PacketCounters::received) >= 2; });
  const auto statistics = (*engine)->worker_statistics();
  BOOST_TEST(statistics.size() == workers + 1u);
  BOOST_TEST((*engine)->port_statistics().size() == 2u);
  BOOST_TEST((*engine)->port_statistics()[0].name == "lan");
  (*engine)->stop();
  check_accounting(**engine);
  BOOST_TEST(sum(**engine, &PacketCounters::originated) == 1u);
}

BOOST_AUTO_TEST_SUITE(engine)

BOOST_FIXTURE_TEST_CASE(a_sleeping_worker_and_the_control_thread_answer_arp, BuffersAreGivenBack) {
  check_arp_round_trip(1, IdlePolicy::kSleep);
}

BOOST_FIXTURE_TEST_CASE(two_polling_workers_answer_arp, BuffersAreGivenBack) {
  check_arp_round_trip(2, IdlePolicy::kPoll);
}

BOOST_AUTO_TEST_CASE(edits_are_reclaimed_while_workers_run_and_sleep) {
  for (const IdlePolicy idle : {IdlePolicy::kSleep, IdlePolicy::kPoll}) {
    auto engine = Engine::create(engine_options(2, idle));
    BOOST_REQUIRE(engine.has_value());
    Gateway::require((*engine)->start());
    for (unsigned i = 0; i < 200; ++i) {
      RouteEdit edit((*engine)->routes(), (*engine)->versions());
      Gateway::require(edit.set_neighbour({address("10.1.0.7"), "lan", {2, 0, 0, 0, 0, static_cast<uint8_t>(i)}}));
      edit.link();
      (*engine)->versions().publish();
      (*engine)->poll_control();
    }
    wait_until(**engine, [&] { return (*engine)->versions().waiting() == 0; });
    (*engine)->stop();
  }
}

BOOST_AUTO_TEST_CASE(a_core_that_is_not_there_is_refused) {
  Options options = engine_options(1, IdlePolicy::kSleep);
  options.workers.cores = {1023};
  auto engine = Engine::create(options);
  BOOST_REQUIRE(engine.has_value());
  const auto started = (*engine)->start();
  BOOST_REQUIRE(!started.has_value());
  BOOST_TEST(started.error().text().find("worker 0: core 1023") == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
