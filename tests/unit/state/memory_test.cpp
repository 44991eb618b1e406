// Where memory runs out nothing that was retired is forgotten: it is freed later, without an edit that has to come.
#include <boost/test/unit_test.hpp>

#include "state/versioned_map.h"
#include "support/scarce_memory.h"

namespace spigrp {
namespace {

using test::MemoryRunsOut;

// Counts those that are there.
class Counted {
 public:
  explicit Counted(int* count = nullptr) noexcept : count_(count) {
    if (count_ != nullptr) ++*count_;
  }
  Counted(Counted&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  Counted& operator=(Counted&&) = delete;
  ~Counted() {
    if (count_ != nullptr) --*count_;
  }

 private:
  int* count_;
};

// True: there was no memory for something.
template <class Do>
bool without_memory_at(int allocation, Do&& something) {
  const MemoryRunsOut runs_out(allocation);
  try {
    something();
  } catch (const std::bad_alloc&) {
  }
  return MemoryRunsOut::has_failed();
}

struct Tables {
  Tables() {
    cell.set(Counted(&count), *versions);
    BOOST_REQUIRE(map->insert(1).has_value());
    versions->publish();
  }
  // One of a key, which takes two grace periods.
  void release_key() {
    map->release(1, *versions);
    versions->publish();
  }
  uint32_t keys_that_fit() const {
    uint32_t fit = 0;
    while (map->insert(100 + fit)) ++fit;
    return fit;
  }

  int count = 0;
  VersionedCell<Counted> cell;
  std::unique_ptr<VersionedMap<uint32_t, int>> map = VersionedMap<uint32_t, int>::create("memory_test", 8).value();
  std::unique_ptr<Versions> versions = Versions::create(1).value();
};

BOOST_AUTO_TEST_CASE(what_is_published_is_published_and_what_it_replaces_freed) {
  for (int nth = 0; nth < 4; ++nth) {
    Tables tables;
    const Generation before = tables.versions->published();
    tables.cell.set(Counted(&tables.count), *tables.versions);
    without_memory_at(nth, [&] { tables.versions->publish(); });
    BOOST_TEST(tables.versions->published() == before + 1);
    BOOST_TEST(tables.versions->drain(1000));
    BOOST_TEST(tables.count == 1);
    BOOST_TEST(tables.versions->waiting() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(what_could_not_be_freed_now_is_freed_later) {
  uint32_t fit = 0, failures = 0;
  for (int nth = 0; nth < 8; ++nth) {
    Tables tables;
    tables.release_key();
    failures += without_memory_at(nth, [&] { tables.versions->reclaim(); });
    BOOST_TEST(tables.versions->drain(1000));
    BOOST_TEST(tables.versions->waiting() == 0u);
    const uint32_t fit_now = tables.keys_that_fit();
    if (nth == 0) fit = Tables().keys_that_fit() + 1;
    BOOST_TEST(fit_now == fit);
  }
  BOOST_TEST(failures > 0u);
}

BOOST_AUTO_TEST_CASE(nor_is_what_an_edit_that_is_prepared_then_has_retired) {
  for (int nth = 0; nth < 8; ++nth) {
    Tables tables;
    tables.release_key();
    tables.cell.set(Counted(&tables.count), *tables.versions);
    without_memory_at(nth, [&] { tables.versions->reclaim(); });
    BOOST_TEST(tables.count == 2);
    tables.versions->publish();
    BOOST_TEST(tables.versions->drain(1000));
    BOOST_TEST(tables.count == 1);
  }
}

}  // namespace
}  // namespace spigrp
