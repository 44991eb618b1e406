// Lifetimes as they are typed.
#include "config/lifetime.h"

#include <boost/test/unit_test.hpp>

namespace spigrp {
namespace {

std::string lifetime_refusal(std::string_view words) {
  const auto parsed = parse_lifetime(words);
  if (!parsed) return parsed.error().text();
  const auto valid = validate(*parsed);
  return valid ? std::string() : valid.error().text();
}

BOOST_AUTO_TEST_SUITE(lifetime)

BOOST_AUTO_TEST_CASE(every_limit_is_read_into_its_place) {
  const auto parsed = parse_lifetime(
      "soft-allocations=1,hard-allocations=2,soft-bytes=3,hard-bytes=4,soft-addtime=5,hard-addtime=6,"
      "soft-usetime=7,hard-usetime=8,soft-packets=9,hard-packets=0xa");
  BOOST_REQUIRE(parsed.has_value());
  const LifetimeSpec expected{{1, 3, 5, 7, 9}, {2, 4, 6, 8, 10}};
  BOOST_TEST((*parsed == expected));
  BOOST_TEST((parse_lifetime("hard-bytes=18446744073709551615")->hard.bytes == UINT64_MAX));
}

BOOST_AUTO_TEST_CASE(what_is_no_lifetime_is_refused_with_what_would_be) {
  for (const char* words : {"", ",", "packets=1", "soft-packets", "soft-=1", "soft-colour=1", "firm-packets=1",
                            "soft=packets-1", "-packets=1", "hard-packets=1,", ",hard-packets=1", "soft--packets=1"}) {
    BOOST_TEST((lifetime_refusal(words).find("is no lifetime; write soft-LIMIT=NUMBER") != std::string::npos), words);
  }
  for (const char* words :
       {"soft-packets=", "soft-packets=0", "soft-packets=-1", "hard-bytes=1k", "hard-bytes=18446744073709551616"}) {
    BOOST_TEST((lifetime_refusal(words).find("has no number above 0") != std::string::npos), words);
  }
  BOOST_TEST((lifetime_refusal("soft-packets=1,soft-packets=1").find("given twice") != std::string::npos));
}

BOOST_AUTO_TEST_CASE(a_soft_limit_does_not_lie_behind_its_hard_one) {
  BOOST_TEST(lifetime_refusal("soft-packets=10,hard-packets=10").empty());
  BOOST_TEST(lifetime_refusal("soft-packets=11,hard-packets=10") ==
             "soft-packets=11: lies behind hard-packets=10; make it smaller");
  BOOST_TEST(lifetime_refusal("soft-packets=11,hard-bytes=10").empty());
  BOOST_TEST(lifetime_refusal("hard-addtime=4294967295").empty());
  BOOST_TEST(!lifetime_refusal("hard-addtime=4294967296").empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
