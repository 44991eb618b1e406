// The checked length reader: packets in order, packets cut at every length, packets that lie.
#include "packet/ip_packet.h"

#include "support/eal_runner.h"
#include "support/packets.h"

namespace spigrp {
using namespace test;

BOOST_FIXTURE_TEST_SUITE(ip_packet, BuffersAreGivenBack)

std::string_view outcome(const ParsedIp& parsed) {
  return parsed.ok ? "ok" : drop_reason_name(parsed.reason);
}

ParsedIp parsed_chain(const Bytes& bytes, size_t first_bytes, size_t other_bytes) {
  rte_mbuf* packet = chained_packet_from(bytes, first_bytes, other_bytes);
  const ParsedIp parsed = parse_ip(packet);
  rte_pktmbuf_free(packet);
  return parsed;
}

ParsedIp parsed(const Bytes& bytes) {
  return parse_ip(ExactPacket(bytes).get());
}

const Bytes kPayload = counted_bytes(100);

BOOST_AUTO_TEST_CASE(a_plain_ipv4_packet_is_read) {
  const ParsedIp result = parsed(ipv4_packet({.protocol = kProtocolEsp}, kPayload));
  BOOST_REQUIRE(result.ok);
  BOOST_TEST((result.ip.family == Family::kIpv4));
  BOOST_TEST(result.ip.next_header == kProtocolEsp);
  BOOST_TEST(result.ip.next_header_offset == 9);
  BOOST_TEST(result.ip.header_bytes == 20);
  BOOST_TEST(result.ip.total_bytes == 120u);
  BOOST_TEST(result.ip.payload_bytes() == 100u);
  BOOST_TEST(!result.ip.is_fragment);
}

BOOST_AUTO_TEST_CASE(ipv4_options_belong_to_the_header) {
  const ParsedIp result = parsed(ipv4_packet({.options = {7, 7, 4, 0, 0, 0, 0, 0}}, kPayload));
  BOOST_REQUIRE(result.ok);
  BOOST_TEST(result.ip.header_bytes == 28);
  BOOST_TEST(result.ip.payload_bytes() == 100u);
}

BOOST_AUTO_TEST_CASE(ipv4_option_lengths_that_lie_are_malformed) {
  const Bytes lies[] = {
      {7, 0, 0, 0},                // no length
      {7, 1, 0, 0},                // shorter than its own two bytes
      {7, 5, 0, 0},                // beyond the header
      {1, 1, 1, 7},                // its length byte is not there
      {7, 4, 4, 0, 0x44, 255, 0},  // the second one
  };
  for (Bytes options : lies) {
    options.resize((options.size() + 3) / 4 * 4);
    BOOST_TEST(outcome(parsed(ipv4_packet({.options = options}, kPayload))) == "malformed");
  }
  BOOST_TEST(outcome(parsed(ipv4_packet({.options = {0, 7, 255, 3}}, kPayload))) == "ok");  // behind the end of options
}

BOOST_AUTO_TEST_CASE(ipv4_cut_at_every_length_is_a_runt) {  // HAZARDS 1
  for (const Bytes& whole : {ipv4_packet({}, kPayload), ipv4_packet({.options = Bytes(40, 1)}, kPayload)}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      BOOST_TEST(outcome(parsed(Bytes(whole.begin(), whole.begin() + static_cast<long>(size)))) == "runt");
    }
    BOOST_TEST(outcome(parsed(whole)) == "ok");
    BOOST_TEST(parsed(whole + Bytes(20)).ip.total_bytes == whole.size());  // padding of the link is not the packet's
  }
}

BOOST_AUTO_TEST_CASE(ipv4_header_length_lies_are_noticed) {  // HAZARDS 1
  for (unsigned words = 0; words < 16; ++words) {
    Bytes packet = ipv4_packet({}, Bytes(100, 1));  // if taken for options: no operation
    packet[0] = static_cast<uint8_t>(0x40 | words);
    if (words >= 5) set_ipv4_checksum(packet);
    BOOST_TEST(outcome(parsed(packet)) == (words < 5 ? "malformed" : "ok"));
    Bytes headless(packet.begin(), packet.begin() + 24);
    put16(headless, 2, 24);
    if (words == 5 || words == 6) set_ipv4_checksum(headless);
    BOOST_TEST(outcome(parsed(headless)) == (words < 5 ? "malformed" : words < 7 ? "ok" : "runt"));
  }
}

BOOST_AUTO_TEST_CASE(ipv4_total_length_lies_are_noticed) {  // HAZARDS 1
  for (unsigned total : {0u, 1u, 19u, 20u, 119u, 120u, 121u, 1500u, 65535u}) {
    Bytes packet = ipv4_packet({}, kPayload);
    put16(packet, 2, total);
    set_ipv4_checksum(packet);
    BOOST_TEST(outcome(parsed(packet)) == (total < 20 ? "malformed" : total <= 120 ? "ok" : "runt"));
  }
  Bytes packet = ipv4_packet({.options = Bytes(8, 1)}, kPayload);
  put16(packet, 2, 27);  // ends within its own options
  set_ipv4_checksum(packet);
  BOOST_TEST(outcome(parsed(packet)) == "malformed");
}

BOOST_AUTO_TEST_CASE(a_wrong_ipv4_checksum_is_malformed) {
  for (const Bytes& whole : {ipv4_packet({}, kPayload), ipv4_packet({.options = Bytes(8, 1)}, kPayload)}) {
    for (unsigned bit = 0; bit < 16; ++bit) {
      Bytes packet = whole;
      packet[10 + bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
      BOOST_TEST(outcome(parsed(packet)) == "malformed");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_version_that_is_neither_is_malformed) {
  for (unsigned version = 0; version < 16; ++version) {
    if (version == 4 || version == 6) continue;
    Bytes packet = ipv4_packet({}, kPayload);
    packet[0] = static_cast<uint8_t>(version << 4 | 5);
    set_ipv4_checksum(packet);
    BOOST_TEST(outcome(parsed(packet)) == "malformed");
    BOOST_TEST(outcome(parsed(Bytes{packet[0]})) == "malformed");
  }
}

BOOST_AUTO_TEST_CASE(ipv4_fragments_are_told) {
  BOOST_TEST(!parsed(ipv4_packet({.flags_fragment = kIpv4DontFragment}, kPayload)).ip.is_fragment);
  BOOST_TEST(parsed(ipv4_packet({.flags_fragment = 0x2000}, kPayload)).ip.is_fragment);
  BOOST_TEST(parsed(ipv4_packet({.flags_fragment = 1}, kPayload)).ip.is_fragment);
}

BOOST_AUTO_TEST_CASE(a_plain_ipv6_packet_is_read) {
  const ParsedIp result = parsed(ipv6_packet({.next_header = kProtocolAh}, kPayload));
  BOOST_REQUIRE(result.ok);
  BOOST_TEST((result.ip.family == Family::kIpv6));
  BOOST_TEST(result.ip.next_header == kProtocolAh);
  BOOST_TEST(result.ip.next_header_offset == 6);
  BOOST_TEST(result.ip.header_bytes == 40);
  BOOST_TEST(result.ip.total_bytes == 140u);
}

struct Chain {
  const char* what;
  std::vector<uint8_t> kinds;  // extension headers in order
  uint8_t last;
  uint8_t next_header;          // wanted
  uint16_t header_bytes;        // wanted; each extension header is 16 bytes, a fragment header 8
  uint16_t next_header_offset;  // wanted
};

constexpr uint8_t H = kProtocolHopByHop, R = kProtocolRouting, F = kProtocolFragment, D = kProtocolDestinationOptions,
                  E = kProtocolEsp, A = kProtocolAh, T = kProtocolTcp, N = kProtocolNoNext;

// Fragment headers in it are of an atomic fragment (RFC 6946): the whole packet.
Bytes chained_headers(const std::vector<uint8_t>& kinds, uint8_t last) {
  Bytes bytes;
  for (size_t i = 0; i < kinds.size(); ++i) {
    Bytes header = extension_header(i + 1 < kinds.size() ? kinds[i + 1] : last, kinds[i] == F ? 8 : 16);
    if (kinds[i] == F) put16(header, 2, 0);
    bytes = bytes + header;
  }
  return bytes;
}

Bytes packet_with_chain(const std::vector<uint8_t>& kinds, uint8_t last, const Bytes& payload) {
  return ipv6_packet({.next_header = kinds.empty() ? last : kinds[0]}, chained_headers(kinds, last) + payload);
}

const Chain kChains[] = {
    {"hop-by-hop", {H}, T, T, 56, 40},
    {"routing", {R}, T, T, 56, 40},
    {"atomic fragment", {F}, T, T, 48, 40},
    {"hop-by-hop, routing, fragment", {H, R, F}, E, E, 80, 72},
    {"destination options before routing", {D, R}, T, T, 72, 56},
    {"destination options last", {D}, T, D, 40, 6},
    {"destination options last, after routing", {H, R, D}, T, D, 72, 56},
    {"destination options twice, last", {D, D}, T, D, 40, 6},
    {"destination options before and after routing", {D, R, D}, T, D, 72, 56},
    {"destination options before ESP", {D}, E, E, 56, 40},
    {"destination options before AH", {H, D}, A, A, 72, 56},
    {"destination options before a tunnel's packet", {D}, kProtocolIpv6, kProtocolIpv6, 56, 40},
    {"nothing behind", {R}, N, N, 56, 40},
};

BOOST_AUTO_TEST_CASE(ipv6_extension_headers_are_followed_to_where_esp_and_ah_go) {
  for (const Chain& chain : kChains) {
    BOOST_TEST_CONTEXT(chain.what) {
      const ParsedIp result = parsed(packet_with_chain(chain.kinds, chain.last, kPayload));
      BOOST_REQUIRE(result.ok);
      BOOST_TEST(result.ip.next_header == chain.next_header);
      BOOST_TEST(result.ip.header_bytes == chain.header_bytes);
      BOOST_TEST(result.ip.next_header_offset == chain.next_header_offset);
      BOOST_TEST(!result.ip.is_fragment);
    }
  }
}

BOOST_AUTO_TEST_CASE(ipv6_cut_at_every_length_is_a_runt) {  // HAZARDS 1
  for (const Chain& chain : kChains) {
    const Bytes whole = packet_with_chain(chain.kinds, chain.last, counted_bytes(9));
    for (size_t size = 0; size < whole.size(); ++size) {
      Bytes cut(whole.begin(), whole.begin() + static_cast<long>(size));
      BOOST_TEST(outcome(parsed(cut)) == "runt");
      if (size < 40) continue;
      put16(cut, 4, static_cast<unsigned>(size - 40));  // cut, and the payload length agrees: the chain is what lies
      const size_t headers = 40 + chained_headers(chain.kinds, chain.last).size();
      BOOST_TEST(outcome(parsed(cut)) == (size < headers ? "runt" : "ok"));
      BOOST_TEST(outcome(parsed(cut + Bytes(100))) == (size < headers ? "runt" : "ok"));  // link padding is no header
    }
  }
}

BOOST_AUTO_TEST_CASE(ipv6_extension_length_lies_are_runts) {  // HAZARDS 1
  Bytes packet = packet_with_chain({H}, T, kPayload);
  for (unsigned units = 0; units < 256; ++units) {
    packet[41] = static_cast<uint8_t>(units);
    BOOST_TEST(outcome(parsed(packet)) == ((units + 1) * 8 <= 116 ? "ok" : "runt"));
  }
}

BOOST_AUTO_TEST_CASE(ipv6_payload_length_lies_are_runts) {
  for (unsigned length : {101u, 1500u, 65535u}) {
    Bytes packet = ipv6_packet({}, kPayload);
    put16(packet, 4, length);
    BOOST_TEST(outcome(parsed(packet)) == "runt");
  }
}

BOOST_AUTO_TEST_CASE(extension_headers_are_followed_up_to_the_limit_and_no_further) {  // HAZARDS 11
  for (uint8_t kind : {R, D, F}) {
    for (size_t count = 1; count <= 100; ++count) {
      const ParsedIp result = parsed(packet_with_chain(std::vector<uint8_t>(count, kind), T, kPayload));
      BOOST_TEST(outcome(result) == (count <= kMaxExtensionHeaders ? "ok" : "too_many_headers"));
    }
  }
}

BOOST_AUTO_TEST_CASE(hop_by_hop_options_come_first_or_not_at_all) {
  BOOST_TEST(outcome(parsed(packet_with_chain({R, H}, T, kPayload))) == "malformed");
  BOOST_TEST(outcome(parsed(packet_with_chain({H, H}, T, kPayload))) == "malformed");
}

BOOST_AUTO_TEST_CASE(nothing_is_read_behind_an_ipv6_fragment_header) {
  for (unsigned word : {1u, 8u, 9u, 0xfff8u}) {
    Bytes fragment = extension_header(R);
    put16(fragment, 2, word);
    // What follows would be a routing header far too long.
    const ParsedIp result = parsed(ipv6_packet({.next_header = F}, fragment + Bytes{17, 255, 0, 0, 0, 0, 0, 0}));
    BOOST_REQUIRE(result.ok);
    BOOST_TEST(result.ip.is_fragment);
    BOOST_TEST(result.ip.next_header == R);
    BOOST_TEST(result.ip.header_bytes == 48);
  }
}

BOOST_AUTO_TEST_CASE(the_payload_may_span_segments_but_the_headers_may_not) {  // HAZARDS 22
  const Bytes packets[] = {ipv4_packet({}, kPayload), ipv4_packet({.options = Bytes(8, 1)}, kPayload),
                           ipv6_packet({}, kPayload), packet_with_chain({H, R, F}, T, kPayload)};
  const size_t header_bytes[] = {20, 28, 40, 80};
  for (size_t i = 0; i < std::size(packets); ++i) {
    for (size_t first = 0; first < packets[i].size(); ++first) {
      BOOST_TEST(outcome(parsed_chain(packets[i], first, 13)) == (first < header_bytes[i] ? "runt" : "ok"));
    }
    BOOST_TEST(parsed_chain(packets[i], header_bytes[i], 13).ip.total_bytes == packets[i].size());
  }
}

BOOST_AUTO_TEST_CASE(any_first_64_bytes_at_all_stay_within_the_packet) {
  uint64_t state = 1;  // a fixed stream of numbers, so that a failure repeats
  for (unsigned round = 0; round < 100000; ++round) {
    Bytes bytes(64);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>((state = state * 6364136223846793005u + 1) >> 56);
    bytes[0] = static_cast<uint8_t>(round % 2 == 0 ? 0x60 : 0x40 | (bytes[0] & 0xf));
    put16(bytes, 4, bytes[5] % 32);
    constexpr uint8_t kKinds[] = {H, R, F, D, E, A, T, N};
    bytes[6] = kKinds[bytes[6] % 8];
    bytes[40] = kKinds[bytes[40] % 8];
    bytes[41] %= 4;
    const ParsedIp result = parsed(bytes);
    if (!result.ok) continue;
    BOOST_REQUIRE(result.ip.header_bytes <= result.ip.total_bytes);
    BOOST_REQUIRE(result.ip.total_bytes <= bytes.size());
    BOOST_REQUIRE(result.ip.next_header_offset < result.ip.header_bytes);
  }
}

BOOST_AUTO_TEST_CASE(a_header_is_given_out_only_where_it_lies_whole) {
  rte_mbuf* packet = packet_from(counted_bytes(30));
  BOOST_TEST(header_at<UdpHeader>(packet, 0) != nullptr);
  BOOST_TEST(header_at<UdpHeader>(packet, 22) != nullptr);
  BOOST_TEST(header_at<UdpHeader>(packet, 23) == nullptr);
  BOOST_TEST(header_at<UdpHeader>(packet, 30) == nullptr);
  BOOST_TEST(header_at<UdpHeader>(packet, 0xffffffff) == nullptr);
  BOOST_TEST(header_at<UdpHeader>(packet, 3)->source_port.host() == 0x0304);
  rte_pktmbuf_free(packet);
}

BOOST_AUTO_TEST_CASE(rewriting_an_ipv4_header_sets_length_protocol_and_checksum) {
  for (size_t option_bytes : {0u, 4u, 40u}) {
    Bytes wanted = ipv4_packet({.options = Bytes(option_bytes, 1)}, kPayload);
    rte_mbuf* packet = packet_from(wanted);
    rewrite_ip(packet, parse_ip(packet).ip, 90, kProtocolAh);
    put16(wanted, 2, 90);
    wanted[9] = kProtocolAh;
    set_ipv4_checksum(wanted);
    BOOST_TEST(bytes_of(packet) == wanted);
    rte_pktmbuf_free(packet);
  }
}

BOOST_AUTO_TEST_CASE(rewriting_an_ipv6_header_names_the_protocol_in_the_last_extension_header) {
  Bytes wanted = packet_with_chain({H, R, D}, T, kPayload);
  rte_mbuf* packet = packet_from(wanted);
  rewrite_ip(packet, parse_ip(packet).ip, 100, kProtocolEsp);
  put16(wanted, 4, 60);
  wanted[56] = kProtocolEsp;
  BOOST_TEST(bytes_of(packet) == wanted);
  rte_pktmbuf_free(packet);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
