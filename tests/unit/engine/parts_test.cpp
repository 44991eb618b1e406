// The engine's small parts: queue shares, EAL's words, the token bucket, refusals of options.
#include <numeric>

#include "engine/eal.h"
#include "engine/engine.h"
#include "gateway_fixture.h"
#include "state/token_bucket.h"

namespace spigrp::test {

BOOST_AUTO_TEST_SUITE(parts)

BOOST_AUTO_TEST_CASE(every_queue_has_one_worker_and_every_worker_a_way_to_send) {
  for (uint16_t workers = 1; workers <= 8; ++workers) {
    for (uint16_t queues = 1; queues <= workers; ++queues) {
      for (uint16_t port = 0; port < 5; ++port) {
        const auto shares = share_queues(port, queues, queues, workers);
        std::vector<unsigned> received(queues), transmitted(queues);
        for (const QueueShare& share : shares) {
          if (share.receive != kNoQueue) ++received.at(share.receive);
          if (share.transmit != kNoQueue) {
            ++transmitted.at(share.transmit);
          } else {
            BOOST_TEST(shares.at(share.hand_over_to).transmit != kNoQueue);
          }
        }
        BOOST_TEST(received == std::vector<unsigned>(queues, 1));
        BOOST_TEST(transmitted == std::vector<unsigned>(queues, 1));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(two_workers_and_two_simple_ports_hand_nothing_over) {
  for (uint16_t from = 0; from < 2; ++from) {
    for (uint16_t worker = 0; worker < 2; ++worker) {
      if (share_queues(from, 1, 1, 2)[worker].receive == kNoQueue) continue;
      BOOST_TEST(share_queues(static_cast<uint16_t>(1 - from), 1, 1, 2)[worker].transmit == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(eal_gets_memory_and_cores_as_the_options_say) {
  const auto line = [](const MemoryOptions& memory, const WorkerOptions& workers) {
    const auto words = eal_command_line(memory, workers, {2, 3});
    return std::accumulate(words.begin(), words.end(), std::string(),
                           [](const std::string& all, const std::string& word) { return all + word + ' '; });
  };
  const auto has = [](const std::string& text, std::string_view part) { return text.find(part) != text.npos; };
  const std::string small = line({.file_prefix = "gw"}, {.count = 2, .cores = {3, 2}});
  BOOST_TEST(has(small, "--lcores=0@(2,3),1@(3),2@(2) "));
  BOOST_TEST(has(small, "--file-prefix=gw "));
  BOOST_TEST(has(small, "-m 256 "));
  BOOST_TEST(has(small, "--no-huge --no-shconf "));
  BOOST_TEST(has(line({.huge_pages = true}, {}), "--in-memory"));
  const std::string shared = line({.huge_pages = true, .secondary_processes = true, .eal_arguments = {"--x", "y"}}, {});
  BOOST_TEST(!has(shared, "--in-memory"));
  BOOST_TEST(!has(shared, "--no-shconf"));
  BOOST_TEST(has(shared, "--x y "));
  BOOST_TEST(!initialise_eal({.secondary_processes = true}, {}).has_value());
}

BOOST_AUTO_TEST_CASE(a_token_bucket_gives_its_burst_and_then_its_rate) {
  TokenBucket bucket(10, 1000);  // a token each 100 ticks
  unsigned taken = 0;
  for (unsigned i = 0; i < 50; ++i) taken += bucket.take(1'000'000);
  BOOST_TEST(taken == 10u);
  for (uint64_t tick = 1'000'000; tick < 1'001'000; ++tick) taken += bucket.take(tick);
  BOOST_TEST(taken >= 19u);
  BOOST_TEST(taken <= 20u);
}

BOOST_AUTO_TEST_CASE(options_that_cannot_work_are_refused_with_their_name) {
  const auto refusal = [](const Options& options) {
    const auto parts = EngineParts::create(options);
    return parts ? std::string() : parts.error().text();
  };
  Options options;
  BOOST_TEST(refusal(options).find("ports") == 0u);
  options.ports.push_back({.name = "lan", .device = "net_ring_refused"});
  options.memory.packet_buffers = 100;
  BOOST_TEST(refusal(options).find("memory.packet_buffers") == 0u);
  options.memory.packet_buffers = 4095;
  options.workers.cores = {1, 2};
  BOOST_TEST(refusal(options).find("workers.cores") == 0u);
  options.workers.cores.clear();
  options.tables.flow_cache_entries = 1000;
  BOOST_TEST(refusal(options).find("tables.flow_cache_entries") == 0u);
  options.tables.flow_cache_entries = 1024;
  options.ports[0].device = "net_nothing0";
  BOOST_TEST(refusal(options).find("port lan") == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
