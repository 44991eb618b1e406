// The store as the next process finds it.
#include "control/store.h"

#include <algorithm>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "state_fixture.h"

namespace spigrp {
namespace {

struct Kept : test::StateFolder {
  static KeyFingerprint key(uint8_t number) {
    KeyFingerprint fingerprint{};
    fingerprint[0] = number;
    return fingerprint;
  }
  std::unique_ptr<Store> open() const { return std::move(Store::open(options(), {}).value()); }
  static void spend(Store& store, const std::vector<SpentKey>& keys) {
    Store::Writer writer(store);
    for (const SpentKey& spent : keys) writer.spent_key(spent);
    Pace pace;
    BOOST_REQUIRE(writer.commit(pace).has_value());
  }
  static std::vector<SpentKey> spent(Store& store) {
    std::vector<SpentKey> keys;
    BOOST_REQUIRE(store.each_spent_key([&](const SpentKey& found) { keys.push_back(found); }).has_value());
    return keys;
  }
};

BOOST_FIXTURE_TEST_SUITE(store, Kept)

BOOST_AUTO_TEST_CASE(of_two_numbers_of_a_spent_key_the_higher_is_kept_also_behind_63_bits) {
  constexpr uint64_t kSmall = 1000, kHigh = (uint64_t{1} << 63) + 5;
  spend(*open(), {{key(1), kSmall}, {key(2), kHigh}, {key(3), kHigh}, {key(4), UINT64_MAX}});
  spend(*open(), {{key(1), kHigh}, {key(2), kSmall}, {key(3), kHigh + 1}, {key(4), kHigh}});
  const auto kept = open();
  const auto found = spent(*kept);
  BOOST_REQUIRE(found.size() == 4u);
  BOOST_TEST(found[0].number == kHigh);
  BOOST_TEST(found[1].number == kHigh);
  BOOST_TEST(found[2].number == kHigh + 1);
  BOOST_TEST(found[3].number == UINT64_MAX);
}

BOOST_AUTO_TEST_CASE(spent_keys_come_in_the_order_in_which_they_were_spent_last) {
  spend(*open(), {{key(1), 7}, {key(2), 7}, {key(3), 7}});
  spend(*open(), {{key(1), 5}});
  const auto kept = open();
  const auto found = spent(*kept);
  BOOST_REQUIRE(found.size() == 3u);
  BOOST_TEST((found[0].fingerprint == key(2)));
  BOOST_TEST((found[2].fingerprint == key(1)));
  BOOST_TEST(found[2].number == 7u);
}

BOOST_AUTO_TEST_CASE(spent_keys_are_bounded_over_processes_that_write_few) {
  // In the order of their numbers, so that each page of the index is written once.
  const auto numbered = [](uint32_t number) {
    KeyFingerprint fingerprint{};
    for (size_t i = 0; i < sizeof(number); ++i) fingerprint[i] = static_cast<uint8_t>(number >> (24 - 8 * i));
    return fingerprint;
  };
  std::vector<SpentKey> many;
  for (uint32_t i = 0; i < SpentKeys::kMost; ++i) many.push_back({numbered(i), 7});
  spend(*open(), many);
  spend(*open(), {{numbered(SpentKeys::kMost), 7}, {numbered(0), 7}});
  const auto kept = open();
  const auto found = spent(*kept);
  BOOST_REQUIRE(found.size() == SpentKeys::kMost);
  BOOST_TEST((found.front().fingerprint == numbered(2)));
  BOOST_TEST((found.back().fingerprint == numbered(0)));
}

BOOST_AUTO_TEST_CASE(addresses_come_in_their_order) {
  std::vector<AddressSpec> all;
  for (const char* address : {"10.1.0.9/24", "10.1.0.10/24", "10.1.0.1/24", "fd00:1::1/64"}) {
    all.push_back({parse_ip_prefix(address, HostBits::kAllowed).value(), "lan"});
  }
  for (unsigned i = 11; i < 30; ++i)
    all.push_back({{{Family::kIpv4, {10, 2, 0, static_cast<uint8_t>(40 - i)}}, 24}, "wan"});
  for (const bool is_other_way : {false, true}) {
    if (is_other_way) std::ranges::reverse(all);
    {
      const auto kept = open();
      Store::Writer writer(*kept);
      writer.addresses(all);
      Pace pace;
      BOOST_REQUIRE(writer.commit(pace).has_value());
    }
    std::vector<AddressSpec> read;
    const auto take = [&](const Edit& edit) -> Expected<void> {
      read.push_back(std::get<AddressAdd>(edit).spec);
      return {};
    };
    BOOST_REQUIRE(open()->each_edit(take).has_value());
    BOOST_TEST((read == all));
  }
}

BOOST_AUTO_TEST_CASE(a_file_of_an_earlier_format_is_read_and_brought_up_to_date) {
  spend(*open(), {{key(1), 7}});
  {
    auto database = Database::open(options().directory / "spigrp.db", false).value();
    const auto made_old = database.run(
        "ALTER TABLE sa DROP COLUMN used_packets; ALTER TABLE sa DROP COLUMN used_bytes; "
        "ALTER TABLE sa DROP COLUMN first_used_at; ALTER TABLE sa DROP COLUMN allocations; "
        "INSERT INTO sa VALUES('tun.113@192.0.2.2', 'spi --said tun.113@192.0.2.2 --ip4 --src 192.0.2.1 "
        "--dst 192.0.2.2 --life hard-packets=9', 1700000000, 0, 0, 0); PRAGMA user_version = 2");
    BOOST_REQUIRE(made_old.has_value());
  }
  const SaId id = parse_sa_id("tun.113@192.0.2.2").value();
  const auto read = [&](Store& store) {
    LifetimeUse use{.packets = 1234};
    const auto take = [&](const Edit& edit) -> Expected<void> {
      const auto& spec = std::get<SaAdd>(edit).spec;
      BOOST_TEST((spec.id == id));
      BOOST_TEST(spec.made_at_s == 1'700'000'000u);
      use = spec.lifetime_used;
      return {};
    };
    BOOST_REQUIRE(store.each_edit(take).has_value());
    return use;
  };
  const LifetimeUse used{.packets = 5, .bytes = UINT64_MAX, .first_used_at_s = 1'700'000'001, .allocations = 2};
  {
    const auto kept = open();
    BOOST_TEST((read(*kept) == LifetimeUse()));
    BOOST_TEST(spent(*kept).size() == 1u);
    const UsedLifetime noted{id, used};
    BOOST_REQUIRE(kept->note({.lifetimes = {&noted, 1}}).has_value());
  }
  BOOST_TEST((read(*open()) == used));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
