// Ethernet addresses as text.
#include "config/mac_address.h"

#include <boost/test/unit_test.hpp>

#include "error_text.h"

namespace spigrp {

BOOST_AUTO_TEST_SUITE(mac_address)

BOOST_AUTO_TEST_CASE(addresses_are_read_and_printed_in_lower_case) {
  const struct {
    std::string_view typed, printed;
    MacAddress bytes;
  } cases[] = {
      {"02:00:00:00:00:01", "02:00:00:00:00:01", {2, 0, 0, 0, 0, 1}},
      {"AA:bb:Cc:09:10:ff", "aa:bb:cc:09:10:ff", {0xaa, 0xbb, 0xcc, 0x09, 0x10, 0xff}},
      {"00:00:00:00:00:00", "00:00:00:00:00:00", {}},
  };
  for (const auto& [typed, printed, bytes] : cases) {
    const auto mac = parse_mac_address(typed);
    BOOST_REQUIRE_MESSAGE(mac.has_value(), typed);
    BOOST_TEST((*mac == bytes));
    BOOST_TEST(text(*mac) == printed);
  }
}

BOOST_AUTO_TEST_CASE(anything_else_is_refused) {
  for (const std::string_view typed :
       {"", "02:00:00:00:00", "02:00:00:00:00:01:02", "02-00-00-00-00-01", "0200.0000.0001", "2:0:0:0:0:1",
        "02:00:00:00:00:0g", "02:00:00:00:00:+1", "02:00:00:00:00: 1", "02:00:00:00:000:1", " 2:00:00:00:00:01"}) {
    BOOST_TEST(!parse_mac_address(typed).has_value(), typed << " was taken");
  }
  BOOST_TEST(test::error_text(parse_mac_address("gw")) == "gw: not an Ethernet address; write it as 02:00:00:00:00:01");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
