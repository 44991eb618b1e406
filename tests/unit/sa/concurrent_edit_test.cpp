// Workers that look things up while the control thread edits: run under the thread sanitizer too.
#include <atomic>
#include <thread>

#include "support/eal_runner.h"
#include "tables_fixture.h"

namespace spigrp {
namespace {

using namespace test;

// Invariants 2 and 3: every lookup of one generation finds all of the old list or all of the new one; never a lesser
// one, and what it found stays readable until its worker says that it is done.
BOOST_AUTO_TEST_CASE(a_worker_sees_one_whole_group_or_the_other) {
  constexpr uint16_t kWorkers = 2;
  constexpr int kEdits = 3000;
  Tables t;
  for (const auto* id : {"tun.113@192.0.2.2", "esp.115@192.0.2.2", "ah.116@192.0.2.2", "esp.215@192.0.2.2"}) {
    BOOST_REQUIRE(t.add(id).has_value());
  }
  BOOST_REQUIRE(t.group({"tun.113@192.0.2.2", "esp.115@192.0.2.2", "ah.116@192.0.2.2"}).has_value());
  BOOST_REQUIRE(t.eroute(selector("10.0.1.0/24", "10.0.2.0/24"), "tun.113@192.0.2.2").has_value());

  const FlowKey traffic = flow("10.0.1.5", "10.0.2.5");
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0}, ready{0};
  auto work = [&](uint16_t worker) {
    t.versions->online(worker);
    ready.fetch_add(1);
    while (!stop.load(std::memory_order_relaxed)) {
      t.versions->quiescent(worker);
      const Generation g = t.versions->published();
      const ErouteVerdict verdict = t.tables->find_eroute(traffic, g);
      if (verdict.action != ErouteAction::kProtect) {
        wrong.fetch_add(1);
        continue;
      }
      const SaGroup& group = *verdict.group;
      const bool old_list = group.size() == 3 && group.at(1)->id.spi == 0x115 && group.at(2)->id.spi == 0x116;
      const bool new_list = group.size() == 2 && group.at(1)->id.spi == 0x215;
      if (!old_list && !new_list) wrong.fetch_add(1);
      // The inbound view of the same generation agrees.
      for (const Sa* sa : group.members()) {
        const SaEntry* entry = t.tables->find_sa(sa_key(sa->id), g);
        if (entry == nullptr || entry->group != &group) wrong.fetch_add(1);
      }
    }
    t.versions->offline(worker);
  };
  std::vector<std::thread> workers;
  for (uint16_t worker = 0; worker < kWorkers; ++worker) workers.emplace_back(work, worker);
  while (ready.load() < kWorkers) std::this_thread::yield();
  for (int i = 0; i < kEdits; ++i) {
    const auto done = i % 2 == 0 ? t.replace({"tun.113@192.0.2.2", "esp.215@192.0.2.2"})
                                 : t.replace({"tun.113@192.0.2.2", "esp.115@192.0.2.2", "ah.116@192.0.2.2"});
    BOOST_REQUIRE(done.has_value());
    if (i % 16 == 0) {  // SAs come and go beside it
      BOOST_REQUIRE(t.add("esp.999@192.0.2.2").has_value());
      BOOST_REQUIRE(t.remove("esp.999@192.0.2.2").has_value());
    }
  }
  stop = true;
  for (std::thread& worker : workers) worker.join();
  BOOST_TEST(wrong.load() == 0);
  BOOST_TEST(t.versions->drain(1000));
}

}  // namespace
}  // namespace spigrp
