// What a driver unmaps in EAL's interrupt thread stays until the bursts of workers that may be reading it have ended.
#include "engine/driver_memory.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

#include <boost/test/unit_test.hpp>
#include <sys/mman.h>

#include <rte_alarm.h>

namespace spigrp {
namespace {

constexpr size_t kPageBytes = 4096;

// A page that the interrupt thread unmaps, as a driver does.
struct Page {
  Page() {
    BOOST_REQUIRE(memory != MAP_FAILED);
    BOOST_REQUIRE(rte_eal_alarm_set(1, &Page::unmap, this) == 0);
  }
  static void unmap(void* self) {
    Page& page = *static_cast<Page*>(self);
    page.is_begun = true;
    page.status = munmap(page.memory, kPageBytes);
    page.is_done = true;
  }
  static bool becomes_true(const std::atomic<bool>& flag) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!flag && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
    return flag;
  }
  bool is_there() const { return msync(memory, kPageBytes, MS_ASYNC) == 0 || errno != ENOMEM; }

  void* memory = mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  std::atomic<bool> is_begun = false, is_done = false;
  int status = 1;
};

BOOST_AUTO_TEST_SUITE(driver_memory)

BOOST_AUTO_TEST_CASE(memory_stays_until_the_burst_that_may_be_reading_it_has_ended) {
  const auto versions = Versions::create(2).value();
  const DriverMemory watched(*versions);
  versions->online(0);
  Page page;
  BOOST_REQUIRE(Page::becomes_true(page.is_begun));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  BOOST_TEST(!page.is_done);
  BOOST_TEST(page.is_there());
  versions->quiescent(0);
  BOOST_TEST(Page::becomes_true(page.is_done));
  BOOST_TEST(page.status == 0);
  BOOST_TEST(!page.is_there());
}

BOOST_AUTO_TEST_CASE(a_sleeping_worker_and_who_looks_at_an_older_generation_are_not_waited_for) {
  const auto versions = Versions::create(2).value();
  const DriverMemory watched(*versions);
  versions->online(0);
  versions->offline(0);
  const auto pin = versions->pin();
  Page page;
  BOOST_TEST(Page::becomes_true(page.is_done));
  BOOST_TEST(!page.is_there());
}

BOOST_AUTO_TEST_CASE(memory_of_a_burst_that_does_not_end_stays_for_good) {
  const auto versions = Versions::create(1).value();
  const DriverMemory watched(*versions);
  versions->online(0);
  Page page;
  BOOST_TEST(Page::becomes_true(page.is_done));
  BOOST_TEST(page.status == -1);
  BOOST_TEST(page.is_there());
  versions->offline(0);
  BOOST_TEST(munmap(page.memory, kPageBytes) == 0);  // in this thread nobody is waited for
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
