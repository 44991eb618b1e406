// fragment_packet: the fragments fit, and a receiver that reads them by the RFCs has the packet again.
#include "packet/fragments.h"

#include <boost/test/unit_test.hpp>

#include "support/packets.h"

namespace spigrp {
using namespace test;

namespace {

std::vector<Bytes> taken(const Fragments& fragments) {
  std::vector<Bytes> packets;
  for (uint16_t i = 0; i < fragments.count; ++i) {
    BOOST_TEST(fragments.packets[i]->nb_segs == 1);
    BOOST_TEST(rte_pktmbuf_headroom(fragments.packets[i]) == kHeadroomBytes);
    packets.push_back(bytes_of(fragments.packets[i]));
    rte_pktmbuf_free(fragments.packets[i]);
  }
  return packets;
}

std::vector<Bytes> cut(rte_mbuf* packet, uint32_t limit_bytes) {
  const ParsedIp parsed = parse_ip(packet);
  BOOST_REQUIRE(parsed.ok);
  return taken(fragment_packet(packet, parsed.ip, limit_bytes, packet_pool()));
}

// All but the last are as long as they can be, and a packet each that the gateway itself would take.
void check_fragments(const std::vector<Bytes>& packets, size_t limit_bytes) {
  for (const Bytes& packet : packets) {
    BOOST_TEST(packet.size() <= limit_bytes);
    if (&packet != &packets.back()) {
      BOOST_TEST(read_fragment(packet).payload.size() % 8 == 0u);
      BOOST_TEST(packet.size() + 8 > limit_bytes);
    }
    rte_mbuf* received = packet_from(packet);
    const ParsedIp parsed = parse_ip(received);
    BOOST_TEST((parsed.ok && parsed.ip.is_fragment && parsed.ip.total_bytes == packet.size()));
    rte_pktmbuf_free(received);
  }
}

Bytes packet_of(Family family, size_t payload_bytes) {
  return family == Family::kIpv4 ? ipv4_packet({.tos = 0xb9}, counted_bytes(payload_bytes))
                                 : ipv6_packet({.traffic_class = 0xb9, .flow_label = 5}, counted_bytes(payload_bytes));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(fragments, BuffersAreGivenBack)

BOOST_AUTO_TEST_CASE(fragments_of_every_size_make_the_packet_again) {  // HAZARDS 22
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    for (const uint32_t limit_bytes : {68u, 100u, 576u, 1280u, 1499u, 1500u}) {
      for (size_t size = limit_bytes; size < limit_bytes + 80; ++size) {
        const Bytes whole = packet_of(family, size);
        const std::vector<Bytes> packets = cut(packet_from(whole), limit_bytes);
        check_fragments(packets, limit_bytes);
        BOOST_TEST(packets.size() > 1u);
        BOOST_TEST(joined(packets) == whole);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(later_fragments_have_the_options_that_say_so) {  // RFC 791 section 3.1
  const Bytes security{0x82, 4, 1, 2}, record_route{7, 3, 4}, stream{0x88, 4, 9, 9};
  const Bytes options = security + Bytes{1} + record_route + stream + Bytes(4);
  const Bytes whole = ipv4_packet({.options = options}, counted_bytes(200));
  const std::vector<Bytes> packets = cut(packet_from(whole), 100);
  check_fragments(packets, 100);
  BOOST_REQUIRE(packets.size() == 3);
  BOOST_TEST(joined(packets) == whole);
  for (const size_t later : {1u, 2u}) {
    BOOST_TEST(read_fragment(packets[later]).header.size() == 28u);
    BOOST_TEST((Bytes(packets[later].begin() + 20, packets[later].begin() + 28) == security + stream));
  }
  const std::vector<Bytes> without =
      cut(packet_from(ipv4_packet({.options = record_route + Bytes(1)}, Bytes(200))), 100);
  BOOST_TEST(without[1][0] == 0x45);
}

BOOST_AUTO_TEST_CASE(a_fragment_is_cut_into_fragments_of_the_same_packet) {
  const Bytes whole = ipv4_packet({}, counted_bytes(2000));
  const std::vector<Bytes> once = cut(packet_from(whole), 1000);
  std::vector<Bytes> twice;
  for (const Bytes& fragment : once) {
    if (fragment.size() <= 300) {
      twice.push_back(fragment);
      continue;
    }
    const std::vector<Bytes> smaller = cut(packet_from(fragment), 300);
    twice.insert(twice.end(), smaller.begin(), smaller.end());
  }
  BOOST_TEST(twice.size() > 6u);
  BOOST_TEST(joined(twice) == whole);
}

// Its fragments' offsets would begin again at 0: a first fragment, with ports, that nobody has sent.
BOOST_AUTO_TEST_CASE(a_fragment_that_reaches_beyond_the_longest_packet_is_not_cut) {
  const auto fragment = [](unsigned offset, size_t payload_bytes) {
    Bytes bytes = ipv4_packet({}, counted_bytes(payload_bytes));
    put16(bytes, 6, offset / 8);
    set_ipv4_checksum(bytes);
    return packet_from(bytes);
  };
  for (const size_t too_much : {1u, 1000u}) {
    rte_mbuf* packet = fragment(65528 - 1000, 1007 + too_much);
    const Fragments fragments = fragment_packet(packet, parse_ip(packet).ip, 576, packet_pool());
    BOOST_REQUIRE(fragments.count == 0);
    BOOST_TEST(drop_reason_name(fragments.reason) == "malformed");
    rte_pktmbuf_free(packet);
  }
  const std::vector<Bytes> last = cut(fragment(65528 - 1000, 1007), 576);
  BOOST_REQUIRE(last.size() == 2);
  BOOST_TEST(read_fragment(last[1]).offset_bytes + read_fragment(last[1]).payload.size() == 65535u);
}

BOOST_AUTO_TEST_CASE(ipv6_identifications_differ) {
  const Bytes whole = packet_of(Family::kIpv6, 200);
  const auto one = cut(packet_from(whole), 100), other = cut(packet_from(whole), 100);
  BOOST_TEST(read_fragment(one[0]).identification != read_fragment(other[0]).identification);
}

BOOST_AUTO_TEST_CASE(chained_and_shared_packets_are_read_and_left_alone) {  // HAZARDS 12
  const Bytes whole = packet_of(Family::kIpv4, 3000);
  rte_mbuf* packet = chained_packet_from(whole, 50, 700);
  rte_mbuf* clone = rte_pktmbuf_clone(packet, packet_pool());
  BOOST_TEST(joined(cut(clone, 576)) == whole);
  BOOST_TEST(bytes_of(packet) == whole);
  rte_pktmbuf_free(packet);
}

BOOST_AUTO_TEST_CASE(a_fragment_is_no_larger_than_its_buffer) {
  rte_mempool* pool = rte_pktmbuf_pool_create("small_buffers", 15, 0, 0, kHeadroomBytes + 400, 0);
  BOOST_REQUIRE(pool != nullptr);
  const Bytes whole = packet_of(Family::kIpv4, 3000);
  rte_mbuf* packet = packet_from(whole);
  const std::vector<Bytes> packets = taken(fragment_packet(packet, parse_ip(packet).ip, 1500, pool));
  check_fragments(packets, 400);
  BOOST_TEST(joined(packets) == whole);
  rte_mempool_free(pool);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_done_leaves_the_packet_to_the_caller) {
  rte_mbuf* packet = packet_from(packet_of(Family::kIpv4, 3000));
  const IpPacket ip = parse_ip(packet).ip;
  const auto refused = [&](uint32_t limit_bytes, rte_mempool* pool) {
    const Fragments fragments = fragment_packet(packet, ip, limit_bytes, pool);
    BOOST_TEST(fragments.count == 0);
    return drop_reason_name(fragments.reason);
  };
  BOOST_TEST(refused(27, packet_pool()) == "too_big");
  BOOST_TEST(refused(0, packet_pool()) == "too_big");
  BOOST_TEST(refused(60, packet_pool()) == "too_big");  // more than kMaxFragments
  rte_mempool* pool = rte_pktmbuf_pool_create("few_buffers", 3, 0, 0, kBufferBytes, 0);
  BOOST_TEST(refused(576, pool) == "no_room");
  BOOST_TEST(rte_mempool_in_use_count(pool) == 0u);
  BOOST_TEST(bytes_of(packet) == packet_of(Family::kIpv4, 3000));
  rte_pktmbuf_free(packet);
  rte_mempool_free(pool);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
