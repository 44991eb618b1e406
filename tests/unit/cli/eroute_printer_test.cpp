// The lines of eroutes, in FreeS/WAN's columns.
#include "cli/eroute_printer.h"

#include <boost/test/unit_test.hpp>

#include "rows.h"

namespace spigrp {
namespace {

BOOST_AUTO_TEST_CASE(an_eroute_has_its_packets_selector_target_and_protocol) {
  ErouteRow row = eroute_row("10.1.0.2/32", "10.2.0.2/32", "tun.113@192.0.2.2");
  row.packets = 3;
  BOOST_TEST(eroute_line(row) == "3          10.1.0.2/32:0      -> 10.2.0.2/32:0      => tun.113@192.0.2.2:0");
}

BOOST_AUTO_TEST_CASE(ports_and_protocol_are_numbers) {
  ErouteRow row = eroute_row("10.0.0.0/8", "0.0.0.0/0", "%drop");
  row.selector.protocol = 6;
  row.selector.source_port = 1024;
  row.selector.destination_port = 80;
  BOOST_TEST(eroute_line(row) == "0          10.0.0.0/8:1024    -> 0.0.0.0/0:80       => %drop:6");
}

BOOST_AUTO_TEST_CASE(what_is_wider_than_its_column_is_not_cut) {
  ErouteRow row = eroute_row("2001:db8:aaaa:bbbb::/64", "2001:db8:cccc::/48", "tun:113@2001:db8::2");
  row.packets = UINT64_MAX;
  BOOST_TEST(eroute_line(row) ==
             "18446744073709551615 2001:db8:aaaa:bbbb::/64:0 -> 2001:db8:cccc::/48:0 => tun:113@2001:db8::2:0");
}

BOOST_AUTO_TEST_CASE(look_shows_the_whole_group) {
  ErouteRow row = eroute_row("10.1.0.2/32", "10.2.0.2/32", "tun.113@192.0.2.2");
  row.packets = 3;
  row.group = sa_ids({"tun.113@192.0.2.2", "esp.115@192.0.2.2"});
  BOOST_TEST(look_eroute_line(row) ==
             "10.1.0.2/32:0      -> 10.2.0.2/32:0      => tun.113@192.0.2.2 esp.115@192.0.2.2:0 (3)");
}

BOOST_AUTO_TEST_CASE(look_says_where_an_eroute_protects_nothing_any_more) {
  BOOST_TEST(look_eroute_line(eroute_row("10.1.0.2/32", "10.2.0.2/32", "tun.113@192.0.2.2")) ==
             "10.1.0.2/32:0      -> 10.2.0.2/32:0      => tun.113@192.0.2.2:0 (0) dropped: heads no group");
}

BOOST_AUTO_TEST_CASE(look_does_not_say_so_of_magic_targets) {
  for (const char* magic : {"%pass", "%drop", "%reject", "%trap", "%trapsubnet", "%hold"}) {
    BOOST_TEST(look_eroute_line(eroute_row("10.1.0.2/32", "10.2.0.2/32", magic)) ==
               "10.1.0.2/32:0      -> 10.2.0.2/32:0      => " + std::string(magic) + ":0 (0)");
  }
}

BOOST_AUTO_TEST_CASE(an_icmp_type_stands_behind_the_protocol) {
  ErouteRow row;
  row.selector = {parse_ip_prefix("10.1.0.0/24").value(), parse_ip_prefix("10.2.0.0/24").value(), 1};
  row.target = MagicTarget::kDrop;
  const std::string bare = eroute_line(row);
  row.selector.icmp_type = uint8_t{0};
  BOOST_TEST(eroute_line(row) == bare + " icmp-type=0");
  row.selector.icmp_code = uint8_t{0};
  BOOST_TEST(eroute_line(row) == bare + " icmp-type=0/0");
}

}  // namespace
}  // namespace spigrp
