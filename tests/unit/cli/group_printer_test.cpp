// The line of a group.
#include "cli/group_printer.h"

#include <boost/test/unit_test.hpp>

#include "rows.h"

namespace spigrp {
namespace {

BOOST_AUTO_TEST_CASE(a_group_is_its_sas_from_inside_to_outside) {
  const GroupRow row{sa_ids({"tun.3d0@192.168.2.110", "comp.3d0@192.168.2.110", "esp.187a101b@192.168.2.110"})};
  BOOST_TEST(group_line(row) == "tun.3d0@192.168.2.110 comp.3d0@192.168.2.110 esp.187a101b@192.168.2.110");
}

BOOST_AUTO_TEST_CASE(families_may_be_mixed) {
  BOOST_TEST(group_line({sa_ids({"tun0x113@192.0.2.2", "esp:235@3049:1::1"})}) ==
             "tun.113@192.0.2.2 esp:235@3049:1::1");
}

BOOST_AUTO_TEST_CASE(no_members_are_no_text) {
  BOOST_TEST(members_text({}).empty());
}

}  // namespace
}  // namespace spigrp
