// The ranges against the longest-prefix match as one would write it down.
#include "route/range_table.h"

#include <cstring>

#include "lpm_model.h"
#include "support/eal_runner.h"

namespace spigrp::test {

BOOST_AUTO_TEST_SUITE(range_table)

BOOST_AUTO_TEST_CASE(an_empty_table_finds_nothing) {
  BOOST_TEST(RangeTable().find(uint32_t{0}) == 0u);
  BOOST_TEST(RangeTable(PrefixNumbers{}).find(~uint32_t{0}) == 0u);
}

BOOST_AUTO_TEST_CASE(every_address_finds_its_longest_prefix) {
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    for (unsigned seed = 0; seed < 60; ++seed) {
      RandomPrefixes random(family, seed);
      LpmModel<uint32_t> model;
      for (uint32_t number = 1; number <= 2 * seed; ++number) model.prefixes[random.prefix()] = number;
      const RangeTable table(model.prefixes);
      const auto check = [&](const IpAddress& address) {
        const uint32_t* wanted = model.find(address);
        if (family == Family::kIpv4) {
          uint32_t wire;
          std::memcpy(&wire, address.bytes.data(), sizeof(wire));
          BOOST_REQUIRE(table.find(wire) == table.find(address.bytes));
        }
        BOOST_REQUIRE_MESSAGE(table.find(address.bytes) == (wanted == nullptr ? 0 : *wanted), address.text());
      };
      for (const auto& [prefix, number] : model.prefixes) {
        for (const IpAddress& edge : random.edges(prefix)) check(edge);
      }
      for (int i = 0; i < 100; ++i) check(random.address());
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
