// Both families' prefixes, edited at random, against a simple model: at the newest generation, and at older ones that
// a reader still looks at.
#include "route/prefix_table.h"

#include <cstring>
#include <optional>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "lpm_model.h"

namespace spigrp::test {

using Model = LpmModel<uint32_t>;

struct Prefixes {
  Prefixes(Family family, uint32_t capacity) : family(family), table(PrefixTable::create(family, capacity).value()) {}

  uint32_t find(const IpAddress& address, Generation g) const {
    uint64_t number = UINT64_MAX;
    if (family == Family::kIpv4) {
      uint32_t wire;
      std::memcpy(&wire, address.bytes.data(), sizeof(wire));
      table->look_up(&wire, 1, g, &number);
    } else {
      table->look_up(&address.bytes, 1, g, &number);
    }
    return static_cast<uint32_t>(number);
  }
  uint32_t find(std::string_view address) const {
    return find(parse_ip_address(address).value(), versions->published());
  }
  bool is_read_from_fib() const { return table->is_read_from_fib(versions->published()); }
  void publish() {
    table->link(*versions);
    versions->publish();
    versions->reclaim();
  }
  void check(const IpAddress& address, const Model& model, Generation g) const {
    const uint32_t* wanted = model.find(address);
    const uint32_t found = find(address, g);
    BOOST_REQUIRE_MESSAGE(found == (wanted == nullptr ? 0 : *wanted),
                          address.text() + " finds " + std::to_string(found) + " and not " +
                              std::to_string(wanted == nullptr ? 0 : *wanted));
  }

  Family family;
  std::unique_ptr<PrefixTable> table;
  std::unique_ptr<Versions> versions = Versions::create(2).value();  // goes before the table
};

IpPrefix net(std::string_view text) {
  return parse_ip_prefix(text).value();
}

// What a reader has that looks at one generation until it is quiescent.
struct OldReader {
  Generation generation;
  Model model;
};

enum class Readers { kNone, kOneAtItsLeisure, kOneThatStays };

// Edits of several prefixes each, as they come; after each, addresses at the edges of what changed are looked up.
void check_random_edits(Family family, Readers readers, unsigned seed, unsigned edits) {
  constexpr uint32_t kCapacity = 200;
  Prefixes prefixes(family, 2000);  // more than there will be, so that IPv6 prefixes of any length fit
  RandomPrefixes random(family, seed);
  Model model;
  std::vector<uint32_t> free_numbers;
  for (uint32_t number = kCapacity; number > 0; --number) free_numbers.push_back(number);
  std::optional<OldReader> reader;
  if (readers != Readers::kNone) prefixes.versions->online(0);
  for (unsigned edit = 0; edit < edits; ++edit) {
    std::vector<IpPrefix> changed;
    for (unsigned change = 1 + random.below(6); change > 0; --change) {
      if (model.prefixes.size() < kCapacity - 50 && random.below(5) < 3) {
        const IpPrefix added = random.prefix();
        if (model.prefixes.contains(added)) continue;
        changed.push_back(added);
        model.prefixes[added] = free_numbers.back();
        prefixes.table->add(added, free_numbers.back());
        free_numbers.pop_back();
      } else if (!model.prefixes.empty()) {
        const auto removed =
            std::next(model.prefixes.begin(), random.below(static_cast<unsigned>(model.prefixes.size())));
        changed.push_back(removed->first);
        free_numbers.push_back(removed->second);
        prefixes.table->remove(removed->first);
        model.prefixes.erase(removed);
      }
    }
    prefixes.publish();
    const Generation now = prefixes.versions->published();
    if (readers != Readers::kNone && !reader) reader = OldReader{now, model};
    for (const IpPrefix& prefix : changed) {
      for (const IpAddress& edge : random.edges(prefix)) {
        prefixes.check(edge, model, now);
        if (reader) prefixes.check(edge, reader->model, reader->generation);
      }
    }
    for (int i = 0; i < 10; ++i) prefixes.check(random.address(), model, now);
    if (readers == Readers::kNone && !changed.empty()) BOOST_REQUIRE(prefixes.is_read_from_fib());
    if (readers == Readers::kOneAtItsLeisure && random.below(4) == 0) {
      prefixes.versions->quiescent(0);
      reader.reset();
      prefixes.versions->reclaim();
      for (int i = 0; i < 10; ++i) prefixes.check(random.address(), model, now);
    }
  }
  for (const auto& [prefix, number] : model.prefixes) {
    for (const IpAddress& edge : random.edges(prefix)) prefixes.check(edge, model, prefixes.versions->published());
  }
  prefixes.versions->offline(0);
  BOOST_TEST(prefixes.versions->drain(1000));
  BOOST_TEST(prefixes.is_read_from_fib());
}

BOOST_AUTO_TEST_SUITE(prefix_table)

BOOST_AUTO_TEST_CASE(random_edits_of_ipv4_are_as_the_model_has_them) {
  for (unsigned seed = 0; seed < 3; ++seed) check_random_edits(Family::kIpv4, Readers::kNone, seed, 400);
}

BOOST_AUTO_TEST_CASE(random_edits_of_ipv6_are_as_the_model_has_them) {
  for (unsigned seed = 0; seed < 3; ++seed) check_random_edits(Family::kIpv6, Readers::kNone, seed, 400);
}

BOOST_AUTO_TEST_CASE(a_reader_at_its_leisure_finds_each_generation_as_it_was) {
  check_random_edits(Family::kIpv4, Readers::kOneAtItsLeisure, 11, 400);
  check_random_edits(Family::kIpv6, Readers::kOneAtItsLeisure, 12, 400);
}

BOOST_AUTO_TEST_CASE(a_reader_that_stays_stops_nobody_and_finds_its_own_generation) {
  check_random_edits(Family::kIpv4, Readers::kOneThatStays, 21, 200);
  check_random_edits(Family::kIpv6, Readers::kOneThatStays, 22, 200);
}

BOOST_AUTO_TEST_CASE(prefixes_up_to_the_end_of_the_address_space_do_not_spread_over_the_rest) {
  // Halves inside a default route: DPDK up to now writes the last of them over everything.
  for (const bool is_ipv4 : {true, false}) {
    Prefixes t(is_ipv4 ? Family::kIpv4 : Family::kIpv6, 16);
    const auto half = [&](std::string_view first, uint8_t bits) {
      return IpPrefix{parse_ip_address(first).value(), bits};
    };
    t.table->add(half(is_ipv4 ? "10.0.0.0" : "1000::", 8), 9);
    t.publish();
    t.table->add(half(is_ipv4 ? "128.0.0.0" : "8000::", 2), 2);
    t.table->add(half(is_ipv4 ? "192.0.0.0" : "c000::", 2), 3);
    t.publish();
    t.table->add(half(is_ipv4 ? "128.0.0.0" : "8000::", 1), 1);
    t.publish();
    t.table->add(half(is_ipv4 ? "0.0.0.0" : "::", 1), 4);
    t.table->add(half(is_ipv4 ? "0.0.0.0" : "::", 0), 5);
    t.publish();
    BOOST_TEST(t.is_read_from_fib());
    BOOST_TEST(t.find(is_ipv4 ? "10.0.0.1" : "1000::1") == 9u);
    BOOST_TEST(t.find(is_ipv4 ? "11.0.0.1" : "1100::1") == 4u);
    BOOST_TEST(t.find(is_ipv4 ? "128.0.0.1" : "8000::1") == 2u);
    BOOST_TEST(t.find(is_ipv4 ? "255.255.255.255" : "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff") == 3u);
    t.table->remove(half(is_ipv4 ? "192.0.0.0" : "c000::", 2));
    t.publish();
    BOOST_TEST(t.find(is_ipv4 ? "255.255.255.255" : "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff") == 1u);
    BOOST_TEST(t.find(is_ipv4 ? "10.0.0.1" : "1000::1") == 9u);
  }
}

BOOST_AUTO_TEST_CASE(edits_faster_than_readers_go_over_to_the_fib_when_one_comes_free) {
  Prefixes t(Family::kIpv4, 16);
  t.versions->online(0);
  t.table->add(net("10.0.0.0/8"), 1);
  t.publish();
  BOOST_TEST(t.is_read_from_fib());
  t.table->add(net("10.1.0.0/16"), 2);
  t.publish();
  BOOST_TEST(t.is_read_from_fib());  // the second of the two
  t.table->add(net("10.1.1.0/24"), 3);
  t.publish();
  BOOST_TEST(!t.is_read_from_fib());
  BOOST_TEST(t.find("10.1.1.1") == 3u);
  const Generation before = t.versions->published();
  t.versions->quiescent(0);
  t.versions->reclaim();
  BOOST_TEST(t.is_read_from_fib());
  BOOST_TEST(t.versions->published() == before);  // no edit was needed for it
  BOOST_TEST(t.find("10.1.1.1") == 3u);
  BOOST_TEST(t.find("10.1.2.1") == 2u);
  BOOST_TEST(t.versions->waiting() == 0u);
  t.versions->offline(0);
}

BOOST_AUTO_TEST_CASE(several_links_before_one_publish_count_together) {
  Prefixes t(Family::kIpv6, 16);
  for (uint32_t number = 1; number <= 5; ++number) {
    t.table->add(IpPrefix{parse_ip_address("2001:db8::").value(), static_cast<uint8_t>(30 + number)}.masked(), number);
    t.table->link(*t.versions);
  }
  BOOST_TEST(t.find("2001:db8::1") == 0u);
  t.versions->publish();
  BOOST_TEST(t.find("2001:db8::1") == 5u);
  t.versions->reclaim();
  BOOST_TEST(t.is_read_from_fib());
  BOOST_TEST(t.find("2001:db8::1") == 5u);
}

BOOST_AUTO_TEST_CASE(ipv6_prefixes_that_come_and_go_without_end_never_fill_the_table) {
  // DPDK 22.11 forgets to give back what a deleted prefix had reserved, and after a while believes itself full.
  Prefixes t(Family::kIpv6, 16);
  for (uint32_t i = 0; i < 3000; ++i) {
    t.table->add(net("2001:db8:1:2::/64"), 1 + i % 2);
    t.table->add(net("2001:db8:7::7/128"), 3);
    t.publish();
    BOOST_REQUIRE(t.is_read_from_fib());
    BOOST_REQUIRE(t.find("2001:db8:1:2::9") == 1 + i % 2);
    BOOST_REQUIRE(t.find("2001:db8:7::7") == 3u);
    t.table->remove(net("2001:db8:1:2::/64"));
    t.table->remove(net("2001:db8:7::7/128"));
    t.publish();
    BOOST_REQUIRE(t.find("2001:db8:1:2::9") == 0u);
  }
}

BOOST_AUTO_TEST_CASE(prefixes_that_the_fib_has_no_room_for_are_found_all_the_same) {
  constexpr uint32_t kCapacity = 600;  // a /128 without neighbours takes 13 blocks, and there are not so many
  Prefixes t(Family::kIpv6, kCapacity);
  const auto nth = [](uint32_t n) {
    IpAddress address{Family::kIpv6, {0x20, static_cast<uint8_t>(n >> 8), static_cast<uint8_t>(n)}};
    address.bytes[15] = 1;
    return IpPrefix{address, 128};
  };
  for (uint32_t n = 1; n <= kCapacity; ++n) t.table->add(nth(n), n);
  t.publish();
  BOOST_TEST(!t.is_read_from_fib());
  for (uint32_t n = 1; n <= kCapacity; ++n) BOOST_REQUIRE(t.find(nth(n).address, t.versions->published()) == n);
  BOOST_TEST(t.find("2000::1") == 0u);
  for (uint32_t n = 21; n <= kCapacity; ++n) t.table->remove(nth(n));
  t.publish();
  BOOST_TEST(t.is_read_from_fib());  // room again
  for (uint32_t n = 1; n <= kCapacity; ++n) {
    BOOST_REQUIRE(t.find(nth(n).address, t.versions->published()) == (n <= 20 ? n : 0));
  }
}

BOOST_AUTO_TEST_CASE(a_burst_of_64_addresses_is_looked_up_in_order) {
  Prefixes t(Family::kIpv4, 64);
  for (uint32_t n = 1; n <= 64; ++n) t.table->add({IpAddress::ipv4(n << 8), 24}, n);
  t.publish();
  uint32_t addresses[64];
  for (uint32_t i = 0; i < 64; ++i) addresses[i] = __builtin_bswap32((64 - i) << 8 | i);
  uint64_t numbers[64];
  t.table->look_up(addresses, 64, t.versions->published(), numbers);
  for (uint32_t i = 0; i < 64; ++i) BOOST_TEST(numbers[i] == 64 - i);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
