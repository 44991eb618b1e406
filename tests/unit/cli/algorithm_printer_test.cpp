// The table of algorithms.
#include "cli/algorithm_printer.h"

#include <vector>

#include <boost/test/unit_test.hpp>

namespace spigrp {
namespace {

BOOST_AUTO_TEST_CASE(an_algorithm_has_its_key_lengths_and_a_dash_where_it_takes_none) {
  const std::vector<AlgorithmListRow> rows = {{"aes128gcm16", "esp", 160, 0, 128, "MUST", 700},
                                              {"hmac-sha1-96", "ah", 0, 160, 96, "MUST-", 12288}};
  BOOST_TEST(algorithms_text(rows) ==
             "algorithm     protocol  enckey bits  authkey bits  icv bits  RFC 8221  cycles/byte\n"
             "aes128gcm16   esp               160             -       128  MUST             0.68\n"
             "hmac-sha1-96  ah                  -           160        96  MUST-           12.00\n");
}

BOOST_AUTO_TEST_CASE(no_algorithms_are_a_table_without_rows) {
  BOOST_TEST(algorithms_text({}) ==
             "algorithm  protocol  enckey bits  authkey bits  icv bits  RFC 8221  cycles/byte\n");
}

}  // namespace
}  // namespace spigrp
