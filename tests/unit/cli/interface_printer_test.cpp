// The line of a protected interface.
#include "cli/interface_printer.h"

#include <boost/test/unit_test.hpp>

namespace spigrp {
namespace {

BOOST_AUTO_TEST_CASE(an_attached_interface_has_its_port_and_the_ports_mtu) {
  BOOST_TEST(interface_line({"ipsec0", "wan", 1500}) == "ipsec0 -> wan mtu=16260(1500) -> 1500");
}

BOOST_AUTO_TEST_CASE(what_groups_leave_of_it_stands_in_brackets) {
  BOOST_TEST(interface_line({"ipsec0", "wan", 1500, 1443}) == "ipsec0 -> wan mtu=16260(1443) -> 1500");
}

BOOST_AUTO_TEST_CASE(a_detached_interface_leads_nowhere) {
  BOOST_TEST(interface_line({"ipsec63", "", 0}) == "ipsec63 -> NULL mtu=0(0) -> 0");
}

}  // namespace
}  // namespace spigrp
