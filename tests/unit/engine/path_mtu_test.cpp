// What routers say about the size of outer packets: believed where it quotes what was sent, bounded, forgotten again.
// The quotes are cut from what the gateway sent; the messages around them are built here.
#include "engine/path_mtu_report.h"
#include "gateway_fixture.h"

namespace spigrp::test {
namespace {

constexpr std::string_view kRouter = "198.51.100.9", kRouter6 = "2001:db8:9::9";
constexpr uint64_t kPathSecondNs = 1'000'000'000;

Bytes big_endian(uint32_t word) {
  return {static_cast<uint8_t>(word >> 24), static_cast<uint8_t>(word >> 16), static_cast<uint8_t>(word >> 8),
          static_cast<uint8_t>(word)};
}

Bytes first(const Bytes& packet, size_t bytes) {
  return Bytes(packet.begin(), packet.begin() + static_cast<long>(std::min(bytes, packet.size())));
}

// What a router would answer to `packet`, whose first `quoted` bytes it quotes.
Bytes too_big(const Bytes& packet, uint32_t mtu_bytes, size_t quoted = 128) {
  const Bytes rest = big_endian(mtu_bytes) + first(packet, quoted);
  if (packet[0] >> 4 == 4) return icmp_packet({kRouter, "192.0.2.1"}, 3, 4, rest);
  return icmp_packet({kRouter6, "2001:db8::1"}, 2, 0, rest);
}

struct PathGateway : Gateway {
  explicit PathGateway(const OuterHeader& outer = {}, const GatewayPlan& plan = kNear) : Gateway(plan) {
    for (const std::string_view end : {".%@192.0.2.2", ":%@2001:db8::2"}) {
      const bool is_ipv4 = end[0] == '.';
      const std::string_view from = is_ipv4 ? "192.0.2.1" : "2001:db8::1";
      const auto id = [&](std::string_view protocol, std::string_view spi) {
        return std::string(protocol) + end[0] + std::string(spi) + std::string(end.substr(2));
      };
      add_sa(id("tun", "113"), from, outer);
      add_sa(id("esp", "115"), from);
      group({id("tun", "113"), id("esp", "115")});
    }
    eroute("10.1.0.0/16", "10.2.0.0/24", "tun.113@192.0.2.2");
    eroute("fd00:1::/32", "fd00:2::/32", "tun:113@2001:db8::2");
  }
  Bytes sent(const Bytes& packet) {
    receive(kLan, {packet});
    const Packets out = packets(kWan);
    BOOST_REQUIRE(out.size() == 1);
    return out[0];
  }
  Bytes sent_ipv4(size_t payload_bytes = 1400) { return sent(udp("10.1.0.2", "10.2.0.2", payload_bytes)); }
  Bytes sent_ipv6(size_t payload_bytes = 1350) { return sent(udp("fd00:1::2", "fd00:2::2", payload_bytes)); }
  void report(const Packets& messages, uint64_t now_ns = 1) {
    receive(kWan, messages);
    poll_control(now_ns);
  }
  // "192.0.2.2 1400", in the order of addresses.
  std::vector<std::string> known() {
    std::vector<std::string> known;
    for (const PathMtuRow& row : parts().control_plane().path_mtus()) {
      known.push_back(row.destination.text() + ' ' + std::to_string(row.mtu_bytes));
    }
    return known;
  }
};

using Known = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_SUITE(path_mtu)

BOOST_FIXTURE_TEST_CASE(a_report_about_a_packet_that_was_sent_lowers_the_path_mtu, PathGateway) {
  report({too_big(sent_ipv4(), 1400, 28), too_big(sent_ipv6(), 1300, 48)});
  BOOST_TEST(known() == (Known{"192.0.2.2 1400", "2001:db8::2 1300"}));
  BOOST_TEST(sum(&PacketCounters::mtu_reports) == 2u);
  BOOST_TEST(all_dropped() == 0u);
}

BOOST_FIXTURE_TEST_CASE(then_a_sender_of_what_must_stay_whole_is_told_what_fits_through_the_path, PathGateway) {
  report({too_big(sent_ipv4(), 1400)});
  receive(kLan, {with_df(udp("10.1.0.2", "10.2.0.2", 1400))});
  BOOST_TEST(packets(kWan).empty());
  const Packets answers = packets(kLan);
  BOOST_REQUIRE(answers.size() == 1);
  const size_t mtu = answers[0][26] * 256u + answers[0][27];
  receive(kLan, {with_df(udp("10.1.0.2", "10.2.0.2", mtu - 28)), with_df(udp("10.1.0.2", "10.2.0.2", mtu - 27))});
  const Packets fitting = packets(kWan);
  BOOST_REQUIRE(fitting.size() == 1);
  BOOST_TEST((fitting[0].size() <= 1400 && fitting[0].size() > 1396));
  // The other gateway's path is its own.
  BOOST_TEST(sent_ipv6(1370).size() > 1400u);
}

BOOST_AUTO_TEST_CASE(what_may_be_fragmented_is_fragmented_to_the_path_before_or_after) {
  for (const Fragmentation when : {Fragmentation::kAfter, Fragmentation::kBefore}) {
    PathGateway near({.fragment = when});
    Gateway far(kFar);
    for (const std::string_view id : {"tun.113@192.0.2.2", "esp.115@192.0.2.2"}) far.add_sa(id, "192.0.2.1");
    far.group({"tun.113@192.0.2.2", "esp.115@192.0.2.2"});
    near.report({too_big(near.sent_ipv4(), 1000)});
    const Bytes whole = udp("10.1.0.2", "10.2.0.2", 1400);
    near.receive(kLan, {whole});
    const Packets out = near.packets(kWan);
    BOOST_REQUIRE(out.size() == 2);
    for (const Bytes& packet : out) BOOST_TEST(packet.size() <= 1000u);
    far.receive(kWan, when == Fragmentation::kAfter ? Packets{joined(out)} : out);
    const Packets inner = far.packets(kLan);
    BOOST_TEST((when == Fragmentation::kAfter ? inner[0] : joined(inner)) == two_hops_on(whole));
  }
}

BOOST_FIXTURE_TEST_CASE(outer_ipv6_packets_are_fragmented_to_the_path_and_a_first_fragment_may_be_quoted, PathGateway) {
  report({too_big(sent_ipv6(), 1350)});
  receive(kLan, {udp("10.1.0.2", "10.2.0.2", 10)});
  packets(kWan);
  edit_sas([](SaEdit& edit) {
    require(edit.set_eroute({.source = prefix("10.1.0.0/16"), .destination = prefix("10.2.0.0/24")},
                            parse_sa_id("tun:113@2001:db8::2").value(), ErouteMode::kReplace));
  });
  receive(kLan, {udp("10.1.0.2", "10.2.0.2", 1400)});
  const Packets fragments = packets(kWan);
  BOOST_REQUIRE(fragments.size() == 2);
  BOOST_TEST(fragments[0].size() <= 1350u);
  report({too_big(fragments[1], 1280, 200)});
  BOOST_TEST(dropped(DropReason::icmp_unproven) == 1u);
  report({too_big(fragments[0], 1280)});
  BOOST_TEST(known() == (Known{"2001:db8::2 1280"}));
}

BOOST_FIXTURE_TEST_CASE(a_report_never_raises_and_the_same_mtu_counts_on, PathGateway) {
  const Bytes large = sent_ipv4();
  report({too_big(large, 1200)}, 1);
  report({too_big(large, 1300), too_big(sent_ipv4(1000), 1000)}, 100 * kPathSecondNs);
  BOOST_TEST(known() == (Known{"192.0.2.2 1000"}));
  report({too_big(sent_ipv4(900), 900)}, 200 * kPathSecondNs);
  BOOST_TEST(known() == (Known{"192.0.2.2 900"}));
  report({too_big(large, 900), too_big(large, 1400)}, 700 * kPathSecondNs);
  report({}, 900 * kPathSecondNs);
  BOOST_TEST(known() == (Known{"192.0.2.2 900"}));  // said again at 700 s
  report({}, 1301 * kPathSecondNs);
  BOOST_TEST(known().empty());
  BOOST_TEST(sent_ipv4(1400).size() > 1400u);  // the port's MTU counts again
}

BOOST_FIXTURE_TEST_CASE(bounds_are_kept, PathGateway) {
  report({too_big(sent_ipv4(), 68)});
  BOOST_TEST(known() == (Known{"192.0.2.2 576"}));
  const Packets no_help = {too_big(sent_ipv4(200), 1500), too_big(sent_ipv4(200), 65535),
                           too_big(sent_ipv6(200), 1279), too_big(sent_ipv6(200), 0),
                           too_big(sent_ipv6(200), 68),   too_big(sent_ipv6(), 0x10514)};
  report(no_help);
  BOOST_TEST(dropped(DropReason::icmp_bad_mtu) == no_help.size());
  BOOST_TEST(known() == (Known{"192.0.2.2 576"}));
}

// RFC 1191 section 7.1.
BOOST_FIXTURE_TEST_CASE(an_old_router_that_names_no_mtu_means_the_next_plateau, PathGateway) {
  report({too_big(sent_ipv4(1400), 0)});
  BOOST_TEST(known() == (Known{"192.0.2.2 1006"}));
  report({too_big(sent_ipv4(50), 0)});
  BOOST_TEST(known() == (Known{"192.0.2.2 1006"}));
  BOOST_TEST(dropped(DropReason::icmp_bad_mtu) == 1u);
}

BOOST_FIXTURE_TEST_CASE(what_was_not_sent_is_not_believed, PathGateway) {
  const Bytes real = sent_ipv4(), real6 = sent_ipv6();
  Packets forged;
  const auto changed = [&](const Bytes& packet, size_t at, uint8_t bits) {
    Bytes quote = packet;
    quote[at] ^= bits;
    forged.push_back(too_big(quote, 1300));
  };
  for (const size_t at : {12u, 15u, 16u, 19u, 20u, 23u}) changed(real, at, 0x10);  // source, destination, SPI
  changed(real, 27, 0x03);                                                         // sequence number 1 → 2: not yet
  changed(real, 27, 0x01);                                                         // 0
  changed(real, 24, 0x80);
  changed(real, 9, 1);     // ESP → AH
  changed(real, 0, 0x20);  // version 6
  changed(real, 0, 0x0f);  // header of 40 bytes, and of 0
  changed(real, 0, 0x05);
  changed(real, 7, 1);  // a later fragment
  for (const size_t at : {8u, 39u, 43u, 47u}) changed(real6, at, 0x02);
  report(forged);
  BOOST_TEST(dropped(DropReason::icmp_unproven) == forged.size());
  BOOST_TEST(known().empty());
}

BOOST_FIXTURE_TEST_CASE(a_number_too_far_behind_is_not_believed, PathGateway) {
  const Bytes old = sent_ipv4();
  Sa& sa = *parts().sas().newest(parse_sa_id("esp.115@192.0.2.2").value())->sa;
  sa.sequence.reserve(kReportedAmongLast - 1);
  report({too_big(old, 1400)});
  BOOST_TEST(known() == (Known{"192.0.2.2 1400"}));
  sa.sequence.reserve(1);
  report({too_big(old, 1300)});
  BOOST_TEST(dropped(DropReason::icmp_unproven) == 1u);
  BOOST_TEST(known() == (Known{"192.0.2.2 1400"}));
}

BOOST_FIXTURE_TEST_CASE(every_truncated_quote_is_refused_and_nothing_is_read_beyond_it, PathGateway) {
  const Bytes real = sent_ipv4(), real6 = sent_ipv6();
  for (size_t bytes = 0; bytes < 28; ++bytes) report({too_big(real, 1400, bytes)});
  for (size_t bytes = 0; bytes < 48; ++bytes) report({too_big(real6 + Bytes(48), 1400, bytes)});
  BOOST_TEST(dropped(DropReason::icmp_unproven) == 28u + 48u);
  Bytes short_message = icmp_packet({kRouter, "192.0.2.1"}, 3, 4, Bytes(4) + real);
  short_message.resize(26);
  put16(short_message, 2, 26);
  set_ipv4_checksum(short_message);
  Bytes wrong_checksum = too_big(real, 1400);
  wrong_checksum[22] ^= 1;
  Bytes wrong_checksum6 = too_big(real6, 1400);
  wrong_checksum6[42] ^= 1;
  report({wrong_checksum, wrong_checksum6, short_message});
  BOOST_TEST(dropped(DropReason::malformed) == 2u);
  BOOST_TEST(dropped(DropReason::local_unhandled) == 1u);
  BOOST_TEST(known().empty());
}

// Only addresses can be seen of these, and anybody can guess those.
BOOST_AUTO_TEST_CASE(a_bare_tunnel_and_ipcomp_are_not_believed) {
  Gateway near(kNear);
  near.add_sa("tun.113@192.0.2.2", "192.0.2.1");
  near.eroute("10.1.0.0/16", "10.2.0.0/24", "tun.113@192.0.2.2");
  near.receive(kLan, {udp("10.1.0.2", "10.2.0.2", 1000)});
  const Packets out = near.packets(kWan);
  BOOST_REQUIRE(out.size() == 1);
  near.receive(kWan, {too_big(out[0], 900, 500)});
  BOOST_TEST(near.dropped(DropReason::icmp_unproven) == 1u);
}

BOOST_AUTO_TEST_CASE(esp_or_ah_below_tunnel_headers_is_found_where_the_quote_is_long_enough) {
  Gateway near(kNear);
  near.add_sa("tun.113@192.0.2.2", "192.0.2.1");
  near.add_sa("ah.116@192.0.2.2", "192.0.2.1");
  near.add_sa("tun.114@192.0.2.2", "192.0.2.1");
  near.group({"tun.113@192.0.2.2", "ah.116@192.0.2.2", "tun.114@192.0.2.2"});
  near.eroute("10.1.0.0/16", "10.2.0.0/24", "tun.113@192.0.2.2");
  near.receive(kLan, {udp("10.1.0.2", "10.2.0.2", 1000)});
  const Packets out = near.packets(kWan);
  BOOST_REQUIRE(out.size() == 1);
  near.receive(kWan, {too_big(out[0], 900, 51)});
  BOOST_TEST(near.dropped(DropReason::icmp_unproven) == 1u);
  near.receive(kWan, {too_big(out[0], 900, 52)});
  near.poll_control(1);
  BOOST_TEST(near.sum(&PacketCounters::mtu_reports) == 1u);
}

// The group has no tunnel, so the packet that leaves is the quoted ESP packet itself and nothing around it.
BOOST_AUTO_TEST_CASE(who_saw_a_packet_of_a_group_without_tunnel_lowers_no_other_path) {
  Gateway near(kNear);
  near.add_sa("esp.201@10.2.0.2", "10.1.0.1");
  near.add_sa("esp.202@10.1.0.1", "10.2.0.2");
  near.eroute("10.1.0.1/32", "10.2.0.2/32", "esp.201@10.2.0.2");
  near.eroute("10.1.0.2/32", "10.2.0.2/32", "esp.201@10.2.0.2");
  near.receive(kLan, {udp("10.1.0.2", "10.2.0.2", 1000)});
  const Packets out = near.packets(kWan);
  BOOST_REQUIRE(out.size() == 1);
  const Bytes around = ip_packet({"192.0.2.1", "192.0.2.77", 64, kProtocolIpip}, out[0]);
  near.receive(kWan, {too_big(around, 900, 500)});
  near.poll_control(1);
  BOOST_TEST(near.dropped(DropReason::icmp_unproven) == 1u);
  BOOST_TEST(near.parts().control_plane().path_mtus().empty());
}

BOOST_AUTO_TEST_CASE(esp_in_udp_is_found_where_the_quote_is_long_enough) {  // RFC 3948
  Gateway gateway;
  gateway.add_sa("tun.113@192.0.2.2", "192.0.2.1");
  gateway.edit_sas([](SaEdit& edit) {
    SaSpec spec;
    spec.id = parse_sa_id("esp.115@192.0.2.2").value();
    spec.source = address("192.0.2.1");
    spec.algorithm = "aes128gcm16";
    spec.encryption_key = Key(Bytes(20, 0x15));
    spec.udp_encapsulation = UdpEncapsulation{};
    Gateway::require(edit.add_sa(spec));
  });
  gateway.group({"tun.113@192.0.2.2", "esp.115@192.0.2.2"});
  gateway.eroute("10.1.0.0/16", "10.2.0.0/24", "tun.113@192.0.2.2");
  gateway.receive(kLan, {udp("10.1.0.2", "10.2.0.2", 1400)});
  const Packets sent = gateway.packets(kWan);
  BOOST_REQUIRE(sent.size() == 1);
  Bytes bare = sent[0];
  bare[9] = kProtocolEsp;
  bare.erase(bare.begin() + 20, bare.begin() + 28);
  gateway.receive(kWan, {too_big(sent[0], 1400, 28), too_big(sent[0], 1400, 35), too_big(bare, 1400)});
  BOOST_TEST(gateway.dropped(DropReason::icmp_unproven) == 3u);
  gateway.receive(kWan, {too_big(sent[0], 1400, 36)});
  gateway.poll_control(1);
  BOOST_TEST(gateway.sum(&PacketCounters::mtu_reports) == 1u);
  BOOST_TEST(gateway.parts().control_plane().path_mtus().size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_flood_of_forged_reports_keeps_true_ones_not_out_and_true_ones_are_limited, PathGateway) {
  const Bytes real = sent_ipv4();
  Bytes quote = real;
  quote[22] ^= 1;
  for (int i = 0; i < 40; ++i) receive(kWan, Packets(kBurstCapacity, too_big(quote, 1400)));
  report({too_big(real, 1400)});
  BOOST_TEST(known() == (Known{"192.0.2.2 1400"}));
  for (int i = 0; i < 10; ++i) receive(kWan, Packets(kBurstCapacity, too_big(real, 1399)));
  poll_control(2);
  BOOST_TEST(dropped(DropReason::icmp_limited) >= 10u * kBurstCapacity - kPathMtuReportsPerSecond - 20);
  BOOST_TEST(dropped(DropReason::punt_full) == 0u);
}

BOOST_AUTO_TEST_CASE(so_many_destinations_are_remembered_and_no_more) {
  KnownPathMtus known;
  using Taken = KnownPathMtus::Taken;
  for (uint32_t i = 0; i < kMaxPathMtus; ++i) {
    BOOST_REQUIRE(known.lower(IpAddress::ipv4(i), 1400, i) == Taken::kLowered);
  }
  BOOST_TEST((known.lower(IpAddress::ipv4(kMaxPathMtus), 1400, 1) == Taken::kTooMany));
  BOOST_TEST((known.lower(IpAddress::ipv4(7), 1300, 1) == Taken::kLowered));
  BOOST_TEST((known.lower(IpAddress::ipv4(7), 1300, 1) == Taken::kKnown));
  const PathMtus read = known.for_workers(1);
  BOOST_TEST(read.least_bytes() == 1300);
  BOOST_TEST(read.towards(IpAddress::ipv4(7), 1500) == 1300);
  BOOST_TEST(read.towards(IpAddress::ipv4(7), 1200) == 1200);
  BOOST_TEST(read.towards(IpAddress::ipv4(8), 1500) == 1400);
  BOOST_TEST(read.towards(IpAddress::ipv4(kMaxPathMtus), 1500) == 1500);
  BOOST_TEST(known.expire(kPathMtuSeconds * kPathSecondNs + 99));
  BOOST_TEST(known.rows(0).size() == kMaxPathMtus - 100 + 0u);
  BOOST_TEST((known.lower(IpAddress::ipv4(kMaxPathMtus), 1400, 1) == Taken::kLowered));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
