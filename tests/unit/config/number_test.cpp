// Numbers as operators write them: the whole text is the number, or there is none.
#include "config/number.h"

#include <boost/test/unit_test.hpp>

namespace spigrp {

BOOST_AUTO_TEST_SUITE(number)

BOOST_AUTO_TEST_CASE(numbers_are_read_whole_or_not_at_all) {
  const std::optional<uint64_t> none;
  const struct {
    std::string_view text;
    std::optional<uint64_t> plain, c;
  } cases[] = {
      {"0", 0, 0},
      {"10", 10, 10},
      {"0x10", 16, 16},
      {"0XfF", 255, 255},
      {"010", 10, 8},
      {"08", 8, none},
      {"00", 0, 0},
      {"18446744073709551615", UINT64_MAX, UINT64_MAX},
      {"0xffffffffffffffff", UINT64_MAX, UINT64_MAX},
      {"18446744073709551616", none, none},
      {"0x10000000000000000", none, none},
      {"", none, none},
      {"0x", none, none},
      {"x10", none, none},
      {"0x0x1", none, none},
      {"-1", none, none},
      {"+1", none, none},
      {" 1", none, none},
      {"1 ", none, none},
      {"1a", none, none},
      {"0x1g", none, none},
      {"1.0", none, none},
  };
  for (const auto& [text, plain, c] : cases) {
    BOOST_TEST((parse_number(text) == plain), text);
    BOOST_TEST((parse_c_number(text) == c), text);
  }
}

BOOST_AUTO_TEST_CASE(the_highest_value_is_still_taken) {
  BOOST_TEST((parse_number("65535", 65535) == 65535));
  BOOST_TEST(!parse_number("65536", 65535));
  BOOST_TEST((parse_number("0xffff", 65535) == 65535));
  BOOST_TEST(!parse_number("0x10000", 65535));
  BOOST_TEST(!parse_c_number("0200000", 65535));
  BOOST_TEST(!parse_digits("1", 10, 0));
}

BOOST_AUTO_TEST_CASE(digits_are_those_of_the_base) {
  BOOST_TEST((parse_digits("101", 2) == 5));
  BOOST_TEST(!parse_digits("102", 2));
  BOOST_TEST((parse_digits("fF", 16) == 255));
  BOOST_TEST(!parse_digits("0x1", 16));
  BOOST_TEST(!parse_digits({}, 10));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
