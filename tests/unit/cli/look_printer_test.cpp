// The page of `look`: its parts, their order, and the order in them.
#include "cli/look_printer.h"

#include <cstdlib>
#include <ctime>

#include <boost/test/unit_test.hpp>

#include "rows.h"

namespace spigrp {
namespace {

// This machine's time zone, for as long as a test takes.
struct TimeZone {
  explicit TimeZone(const char* name = "UTC0") { use(name); }
  ~TimeZone() {
    unsetenv("TZ");
    tzset();
  }
  static void use(const char* name) {
    setenv("TZ", name, 1);
    tzset();
  }
};

BOOST_FIXTURE_TEST_SUITE(look_printer, TimeZone)

BOOST_AUTO_TEST_CASE(an_empty_gateway_is_its_host_and_time) {
  BOOST_TEST(look_text({"gw1", 0, {}, {}, {}, {}}) == "gw1  Thu Jan  1 00:00:00 UTC 1970\n");
  BOOST_TEST(look_text({"gw1", 1'700'000'000, {}, {}, {}, {}}) == "gw1  Tue Nov 14 22:13:20 UTC 2023\n");
}

BOOST_AUTO_TEST_CASE(the_time_is_that_of_this_machines_zone) {
  use("ABC-2");
  BOOST_TEST(look_text({"gw1", 0, {}, {}, {}, {}}) == "gw1  Thu Jan  1 02:00:00 ABC 1970\n");
}

BOOST_AUTO_TEST_CASE(a_time_that_no_calendar_has_is_left_out) {
  BOOST_TEST(look_text({"gw1", INT64_MAX, {}, {}, {}, {}}) == "gw1  \n");
}

BOOST_AUTO_TEST_CASE(all_parts_are_sorted_with_a_blank_line_before_each) {
  GatewayView view{"gw1", 0, {}, {}, {}, {}};
  view.eroutes = {eroute_row("10.1.0.0/24", "10.3.0.0/24", "%drop"), eroute_row("10.1.0.0/24", "10.2.0.0/24", "%pass")};
  view.interfaces = {{"ipsec1", "", 0}, {"ipsec0", "wan", 1500}};
  view.sas = {sa_row("esp.116@192.0.2.2"), sa_row("esp.115@192.0.2.2"), sa_row("tun.200@192.0.2.2")};
  view.routes = {{parse_ip_prefix("10.3.0.0/16").value(), std::nullopt, "ipsec0"},
                 {parse_ip_prefix("10.2.0.0/16").value(), std::nullopt, "wan"}};
  const auto sas = [](const char* id) {
    SaRow row = sa_row(id);
    const bool has_window = row.id.protocol == SaProtocol::kEsp;
    return std::string(id) + " ESP_AES128GCM16: dir=out src=192.0.2.1" +
           (has_window ? " ooowin=0 seq=0 bit=0x0 alen=0 aklen=0 eklen=0" : "") +
           " life(c,s,h)=bytes(0,0,0)addtime(0,0,0)usetime(0,0,0)packets(0,0,0)\n";
  };
  BOOST_TEST(look_text(view) ==
             "gw1  Thu Jan  1 00:00:00 UTC 1970\n"
             "\n"
             "10.1.0.0/24:0      -> 10.2.0.0/24:0      => %pass:0 (0)\n"
             "10.1.0.0/24:0      -> 10.3.0.0/24:0      => %drop:0 (0)\n"
             "\n"
             "ipsec0 -> wan mtu=16260(1500) -> 1500\n"
             "ipsec1 -> NULL mtu=0(0) -> 0\n"
             "\n" +
                 sas("tun.200@192.0.2.2") + sas("esp.115@192.0.2.2") + sas("esp.116@192.0.2.2") +
                 "\n"
                 "10.2.0.0/16 dev wan\n"
                 "10.3.0.0/16 dev ipsec0\n");
}

BOOST_AUTO_TEST_CASE(a_part_that_is_empty_leaves_no_blank_line) {
  GatewayView view{"gw1", 0, {}, {}, {}, {}};
  view.routes = {{parse_ip_prefix("10.3.0.0/16").value(), std::nullopt, ""}};
  BOOST_TEST(look_text(view) == "gw1  Thu Jan  1 00:00:00 UTC 1970\n\n10.3.0.0/16 blackhole\n");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
