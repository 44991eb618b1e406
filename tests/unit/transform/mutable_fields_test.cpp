// What AH's ICV is computed over, against RFC 4302 appendix A worked out by hand.
#include "transform/mutable_fields.h"

#include "transform/step_fixture.h"

namespace spigrp {
using namespace test;

BOOST_AUTO_TEST_SUITE(mutable_fields)

// The packet as zero_mutable_fields leaves it, or none for the reason given out.
Bytes zeroed(Bytes packet, Direction direction, std::string_view reason = "kept") {
  const ParsedIp parsed = parse_ip(ExactPacket(packet).get());
  BOOST_REQUIRE(parsed.ok);
  const Verdict verdict = zero_mutable_fields(packet.data(), parsed.ip, direction);
  BOOST_TEST((verdict.kept() ? "kept" : drop_reason_name(verdict.reason())) == reason);
  return packet;
}

constexpr Direction kBoth[] = {Direction::kOutbound, Direction::kInbound};

BOOST_AUTO_TEST_CASE(ipv4_tos_flags_offset_ttl_and_checksum_are_zero) {
  const Bytes packet = ipv4_packet({.protocol = kProtocolAh, .tos = 0xff, .flags_fragment = 0x4000}, counted_bytes(40));
  Bytes wanted = packet;
  for (size_t at : {1, 6, 7, 8, 10, 11}) wanted[at] = 0;
  for (Direction direction : kBoth) BOOST_TEST(zeroed(packet, direction) == wanted);
}

struct OptionCase {
  Bytes option;
  bool immutable;
};

BOOST_AUTO_TEST_CASE(ipv4_options_are_kept_or_zeroed_as_appendix_a_1_lists_them) {
  const OptionCase cases[] = {
      {{1}, true},                                       // no operation
      {{130, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9}, true},      // security
      {{133, 4, 5, 6}, true},                            // extended security
      {{134, 6, 1, 2, 3, 4}, true},                      // commercial security
      {{148, 4, 0, 0}, true},                            // router alert
      {{149, 6, 10, 0, 0, 1}, true},                     // sender directed delivery
      {{7, 7, 4, 1, 2, 3, 4}, false},                    // record route
      {{68, 8, 5, 0, 1, 2, 3, 4}, false},                // time stamp
      {{82, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, false},  // traceroute
      {{136, 4, 1, 2}, false},                           // stream identifier
      {{11, 4, 5, 220}, false},                          // MTU probe
      {{12, 4, 5, 220}, false},                          // MTU reply
      {{145, 3, 1}, false},                              // extended IP
      {{147, 3, 1}, false},                              // address extension
      {{77, 5, 1, 2, 3}, false},                         // in no list
  };
  for (const OptionCase& each : cases) {
    Bytes options = Bytes{1} + each.option + Bytes{148, 4, 0, 0};  // others around it
    options.resize((options.size() + 3) / 4 * 4);
    const Bytes packet = ipv4_packet({.options = options}, counted_bytes(8));
    Bytes wanted = packet;
    for (size_t at : {1, 6, 7, 8, 10, 11}) wanted[at] = 0;
    if (!each.immutable) std::fill_n(wanted.begin() + 21, each.option.size(), uint8_t{0});
    for (Direction direction : kBoth) BOOST_TEST(zeroed(packet, direction) == wanted);
  }
}

BOOST_AUTO_TEST_CASE(an_unfinished_source_route_leads_to_its_last_address) {  // outbound: as the receiver will see it
  for (uint8_t type : {uint8_t{131}, uint8_t{137}}) {
    const Bytes route{type, 11, 4, 10, 9, 9, 9, 10, 8, 8, 8, 1};
    const Bytes packet = ipv4_packet({.options = route}, {});
    const Bytes out = zeroed(packet, Direction::kOutbound);
    BOOST_TEST((Bytes(out.begin() + 16, out.begin() + 20) == Bytes{10, 8, 8, 8}));
    BOOST_TEST((Bytes(out.begin() + 20, out.end()) == Bytes(11) + Bytes{1}));
    zeroed(packet, Direction::kInbound, "unsupported");  // we are not where it leads
  }
}

BOOST_AUTO_TEST_CASE(a_finished_source_route_leaves_the_destination) {
  const Bytes route{131, 11, 12, 10, 9, 9, 9, 10, 8, 8, 8, 1};
  const Bytes packet = ipv4_packet({.options = route}, {});
  for (Direction direction : kBoth) {
    const Bytes out = zeroed(packet, direction);
    BOOST_TEST((Bytes(out.begin() + 16, out.begin() + 20) == Bytes{10, 0, 1, 2}));
    BOOST_TEST((Bytes(out.begin() + 20, out.end()) == Bytes(11) + Bytes{1}));
  }
}

BOOST_AUTO_TEST_CASE(source_routes_without_room_for_an_address_are_malformed) {
  zeroed(ipv4_packet({.options = {131, 2, 1, 1}}, {}), Direction::kOutbound, "malformed");
  zeroed(ipv4_packet({.options = {131, 6, 4, 1, 2, 3, 1, 1}}, {}), Direction::kOutbound, "malformed");
  zeroed(ipv4_packet({.options = {131, 3, 3, 1}}, {}), Direction::kInbound, "unsupported");
}

BOOST_AUTO_TEST_CASE(ipv6_class_flow_label_and_hop_limit_are_zero) {
  const Bytes packet = ipv6_packet({.next_header = kProtocolAh, .traffic_class = 0xff, .flow_label = 0xfffff}, {});
  Bytes wanted = packet;
  wanted[0] = 0x60;
  for (size_t at : {1, 2, 3, 7}) wanted[at] = 0;
  for (Direction direction : kBoth) BOOST_TEST(zeroed(packet, direction) == wanted);
}

BOOST_AUTO_TEST_CASE(ipv6_options_that_may_change_lose_their_data_only) {
  for (uint8_t kind : {kProtocolHopByHop, kProtocolDestinationOptions}) {
    const Bytes options{kProtocolAh, 2, 5,    2,    0,    0,      // router alert: fixed
                        0x3e,        3, 0xaa, 0xbb, 0xcc,         // may change
                        0,                                        // Pad1
                        0x1e,        3, 0xdd, 0xee, 0xff,         // fixed
                        0xe3,        4, 1,    2,    3,    4, 0};  // may change
    BOOST_REQUIRE(options.size() == 24u);
    const Bytes packet = ipv6_packet({.next_header = kind}, options + counted_bytes(24));
    Bytes wanted = packet;
    wanted[0] = 0x60;
    for (size_t at : {1, 2, 3, 7}) wanted[at] = 0;
    std::fill_n(wanted.begin() + 48, 3, uint8_t{0});
    std::fill_n(wanted.begin() + 59, 4, uint8_t{0});
    for (Direction direction : kBoth) BOOST_TEST(zeroed(packet, direction) == wanted);
  }
}

BOOST_AUTO_TEST_CASE(ipv6_option_lengths_that_lie_are_malformed) {
  for (const uint8_t length : Bytes{5, 6, 255}) {  // 4 would fit
    const Bytes options{kProtocolAh, 0, 0x3e, length, 0, 0, 0, 0};
    zeroed(ipv6_packet({.next_header = kProtocolHopByHop}, options + counted_bytes(24)), Direction::kInbound,
           "malformed");
  }
  const Bytes options{kProtocolAh, 0, 1, 3, 0, 0, 0, 0x3e};  // the length byte is not there
  zeroed(ipv6_packet({.next_header = kProtocolHopByHop}, options + counted_bytes(24)), Direction::kInbound,
         "malformed");
}

BOOST_AUTO_TEST_CASE(routing_headers_are_covered_when_finished_and_refused_before) {
  Bytes routing = extension_header(kProtocolAh, 24);
  routing[2] = 0;
  for (const uint8_t segments_left : Bytes{0, 1, 2}) {
    routing[3] = segments_left;
    const Bytes packet = ipv6_packet({.next_header = kProtocolRouting}, routing + counted_bytes(24));
    for (Direction direction : kBoth) {
      const Bytes out = zeroed(packet, direction, segments_left == 0 ? "kept" : "unsupported");
      if (segments_left == 0) BOOST_TEST((Bytes(out.begin() + 40, out.end()) == routing + counted_bytes(24)));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_fragment_header_is_refused) {
  Bytes fragment = extension_header(kProtocolAh);
  put16(fragment, 2, 0);
  zeroed(ipv6_packet({.next_header = kProtocolFragment}, fragment + counted_bytes(24)), Direction::kInbound,
         "unsupported");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
