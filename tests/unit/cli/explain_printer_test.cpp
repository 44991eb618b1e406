// What `explain` prints, and that an explanation is the same after its way through JSON.
#include "cli/explain_printer.h"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "rows.h"

namespace spigrp {
namespace {

IpAddress host(std::string_view text) {
  return parse_ip_address(text).value();
}

Explanation protected_packet() {
  const auto group = sa_ids({"tun.113@192.0.2.2", "esp.115@192.0.2.2"});
  Explanation e;
  e.source = host("10.1.0.2");
  e.destination = host("10.2.0.2");
  e.protocol = 17;
  e.source_port = 4000;
  e.destination_port = 53;
  e.bytes = 1490;
  e.port = "lan";
  e.route = {.destination = e.destination,
             .prefix = parse_ip_prefix("10.2.0.0/16").value(),
             .leads_to = "interface",
             .device = "ipsec0",
             .port = "wan",
             .via = host("192.0.2.2")};
  e.eroute = {{parse_ip_prefix("10.1.0.0/16").value(), parse_ip_prefix("10.2.0.0/16").value()}, group[0]};
  e.group = group;
  e.group_mtu_bytes = 1500;
  e.group_fits_bytes = 1438;
  e.packets = {{.bytes = 1490,
                .steps = {{group[0], 1490, 1510, false}, {group[1], 1510, 1552, false}},
                .sent_bytes = {1500, 72},
                .at_most = false,
                .reason = {},
                .object = {}}};
  e.outer_route = {.destination = host("192.0.2.2"),
                   .prefix = parse_ip_prefix("192.0.2.0/24").value(),
                   .leads_to = "port",
                   .device = "wan",
                   .port = "wan",
                   .via = {}};
  e.next_hop = {host("192.0.2.2"), "wan", 1500, MacAddress{2, 0, 0, 0, 2, 2}};
  e.fate = "sent";
  return e;
}

Explanation refused_packet() {
  Explanation e = protected_packet();
  e.packets.clear();
  e.outer_route.reset();
  e.next_hop.reset();
  e.fate = "dropped";
  e.reason = "too_big";
  e.meaning = "larger than the port's MTU";
  e.object = "port wan, MTU 1500";
  e.icmp = {3, 4, "fragmentation needed", 1438};
  Explanation answer = protected_packet();
  answer.protocol = 1;
  answer.source_port = answer.destination_port = 0;
  e.answer = {answer};
  return e;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(explain_printer)

BOOST_AUTO_TEST_CASE(a_packet_is_followed_step_by_step) {
  BOOST_TEST(explanation_text(protected_packet()) ==
             "udp 10.1.0.2:4000 -> 10.2.0.2:53, 1490 bytes, received on lan\n"
             "  route      10.2.0.0/16 via 192.0.2.2 dev ipsec0 (port wan)\n"
             "  eroute     10.1.0.0/16:0 -> 10.2.0.0/16:0 => tun.113@192.0.2.2\n"
             "  group      tun.113@192.0.2.2 esp.115@192.0.2.2; MTU 1500, up to 1438 bytes fit\n"
             "    tun.113@192.0.2.2  1490 -> 1510 bytes\n"
             "    esp.115@192.0.2.2  1510 -> 1552 bytes\n"
             "  fragments  1500 + 72 bytes (2 fragments), after the group\n"
             "  outer      192.0.2.0/24 dev wan, to 192.0.2.2\n"
             "  next hop   192.0.2.2 by port wan, MTU 1500, MAC 02:00:00:00:02:02\n"
             "sent: 1500 + 72 bytes (2 fragments) by port wan\n");
}

BOOST_AUTO_TEST_CASE(a_drop_says_its_reason_its_object_and_what_the_sender_is_told) {
  const std::string text = explanation_text(refused_packet());
  BOOST_TEST((text.find("dropped: too_big (larger than the port's MTU): port wan, MTU 1500\n"
                        "its sender is told: ICMP type 3 code 4, fragmentation needed, MTU 1438\n"
                        "the answer:\n"
                        "  icmp 10.1.0.2 -> 10.2.0.2, 1490 bytes") != std::string::npos),
             text);
}

BOOST_AUTO_TEST_CASE(what_waits_for_its_next_hop_and_what_may_shrink_is_said) {
  Explanation e = protected_packet();
  e.fate = "waits";
  e.next_hop->mac.reset();
  e.packets[0].at_most = e.packets[0].steps[1].at_most = true;
  const std::string text = explanation_text(e);
  for (const char* part : {"MAC not known yet", "1510 -> at most 1552 bytes",
                           "waits until 192.0.2.2 says its MAC address, then sent: at most 1500 + 72 bytes"}) {
    BOOST_TEST((text.find(part) != std::string::npos), part << " is not in\n" << text);
  }
}

BOOST_AUTO_TEST_CASE(an_explanation_is_the_same_behind_the_socket) {
  for (const Explanation& e : {protected_packet(), refused_packet()}) {
    const auto parsed = parse_explanation(to_json(e));
    BOOST_REQUIRE_MESSAGE(parsed.has_value(), (parsed ? "" : parsed.error().text()));
    BOOST_TEST(explanation_text(*parsed) == explanation_text(e));
    BOOST_TEST(to_json(*parsed) == to_json(e));
  }
}

BOOST_AUTO_TEST_CASE(a_reply_that_is_no_explanation_is_an_error) {
  for (const char* reply : {"[]", "{}", "null", R"({"source": 1})", R"({"answer": []})"}) {
    BOOST_TEST(!parse_explanation(nlohmann::json::parse(reply)).has_value(), reply);
  }
  nlohmann::json json = to_json(protected_packet());
  json["answer"] = 5;
  BOOST_TEST(!parse_explanation(json).has_value());
  // What a daemon leaves out is not looked at.
  json = to_json(protected_packet());
  json.erase("next_hop");
  BOOST_TEST(!explanation_text(parse_explanation(json).value()).empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
