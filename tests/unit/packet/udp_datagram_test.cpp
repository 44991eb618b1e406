// UDP lengths, and checksums held to sums that are added up word by word.
#include "packet/udp_datagram.h"

#include <boost/test/unit_test.hpp>

#include "support/packets.h"

namespace spigrp {
namespace {

using namespace test;

constexpr Family kBothFamilies[] = {Family::kIpv4, Family::kIpv6};

Bytes packet_of(Family family, uint8_t protocol, const Bytes& payload) {
  return family == Family::kIpv4 ? ipv4_packet({.protocol = protocol}, payload)
                                 : ipv6_packet({.next_header = protocol}, payload);
}

size_t header_bytes(const Bytes& packet) {
  return packet[0] >> 4 == 4 ? 20 : 40;
}

// Of everything from the IP header's end on, below the pseudo-header of RFC 768 or RFC 8200. 0 where it holds.
uint16_t sum_over(const Bytes& packet) {
  const size_t header = header_bytes(packet), address_bytes = header == 20 ? 8 : 32;
  const auto addresses = packet.begin() + static_cast<long>(header - address_bytes);
  Bytes pseudo(addresses, packet.begin() + static_cast<long>(header));
  Bytes rest(8);
  put16(rest, 2, static_cast<unsigned>(packet.size() - header));
  rest[7] = header == 20 ? packet[9] : packet[6];
  return plain_checksum(pseudo + rest + Bytes(packet.begin() + static_cast<long>(header), packet.end()));
}

struct Udp : BuffersAreGivenBack {
  // "ok", or the reason.
  std::string_view parsed(const Bytes& bytes) {
    ExactPacket packet(bytes);
    const ParsedUdp udp = parse_udp(packet.get(), parse_ip(packet.get()).ip);
    return udp.ok ? "ok" : drop_reason_name(udp.reason);
  }
  Bytes repaired(const Bytes& bytes) {
    ExactPacket packet(bytes);
    repair_checksum(packet.get(), parse_ip(packet.get()).ip);
    return bytes_of(packet.get());
  }
};

BOOST_FIXTURE_TEST_SUITE(udp, Udp)

BOOST_AUTO_TEST_CASE(the_length_must_be_that_of_the_payload) {
  for (const Family family : kBothFamilies) {
    const Bytes datagram = udp_datagram(4500, 4500, counted_bytes(20));
    BOOST_TEST(parsed(packet_of(family, kProtocolUdp, datagram)) == "ok");
    BOOST_TEST(parsed(packet_of(family, kProtocolUdp, udp_datagram(1, 2, {}))) == "ok");
    for (const auto& [length, outcome] : {std::pair<unsigned, std::string_view>{0, "malformed"},
                                          {7, "malformed"},
                                          {8, "malformed"},
                                          {27, "malformed"},
                                          {29, "runt"},
                                          {65535, "runt"}}) {
      Bytes wrong = datagram;
      put16(wrong, 4, length);
      BOOST_TEST(parsed(packet_of(family, kProtocolUdp, wrong)) == outcome, length);
    }
    for (size_t bytes = 0; bytes < 8; ++bytes) {
      BOOST_TEST(parsed(packet_of(family, kProtocolUdp,
                                  Bytes(datagram.begin(), datagram.begin() + static_cast<long>(bytes)))) == "runt");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_checksum_is_that_of_the_rfcs_and_never_zero) {
  for (const Family family : kBothFamilies) {
    for (size_t size = 0; size < 40; ++size) {
      Bytes bytes = packet_of(family, kProtocolUdp, udp_datagram(4500, 40001, counted_bytes(size, 7)));
      ExactPacket packet(bytes);
      const uint16_t sum = udp_checksum(packet.get(), parse_ip(packet.get()).ip).host();
      put16(bytes, header_bytes(bytes) + 6, sum);
      BOOST_TEST(sum_over(bytes) == 0);
      // The same datagram with its sum among its data sums up to zero, which is sent as all ones.
      Bytes zero =
          packet_of(family, kProtocolUdp, udp_datagram(4500, 40001, counted_bytes(size, 7) + Bytes(2 + size % 2)));
      ExactPacket before(zero);
      const uint16_t missing = udp_checksum(before.get(), parse_ip(before.get()).ip).host();
      put16(zero, zero.size() - 2, missing);
      ExactPacket after(zero);
      BOOST_TEST(udp_checksum(after.get(), parse_ip(after.get()).ip).host() == 0xffff);
    }
  }
}

BOOST_AUTO_TEST_CASE(checksums_hold_again_after_addresses_have_changed) {
  for (const Family family : kBothFamilies) {
    for (size_t size = 0; size < 33; ++size) {
      Bytes udp = packet_of(family, kProtocolUdp, udp_datagram(1, 2, counted_bytes(size)));
      put16(udp, header_bytes(udp) + 6, 0xabcd);
      BOOST_TEST(sum_over(udp) != 0);
      BOOST_TEST(sum_over(repaired(udp)) == 0);
      Bytes tcp = packet_of(family, kProtocolTcp, counted_bytes(20 + size, 3));
      const Bytes repaired_tcp = repaired(tcp);
      BOOST_TEST(sum_over(tcp) != 0);
      BOOST_TEST(sum_over(repaired_tcp) == 0);
      put16(tcp, header_bytes(tcp) + 16, 0);
      Bytes rest = repaired_tcp;
      put16(rest, header_bytes(rest) + 16, 0);
      BOOST_TEST(rest == tcp);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_has_no_checksum_or_is_too_short_for_one_stays_as_it_is) {
  for (const Family family : kBothFamilies) {
    std::vector<Bytes> same = {packet_of(family, kProtocolUdp, udp_datagram(1, 2, counted_bytes(9))),
                               packet_of(family, 253, counted_bytes(40, 1))};
    for (size_t bytes = 0; bytes < 20; ++bytes) {
      same.push_back(packet_of(family, kProtocolTcp, counted_bytes(bytes, 1)));
      if (bytes < 8) same.push_back(packet_of(family, kProtocolUdp, counted_bytes(bytes, 1)));
    }
    Bytes wrong_length = udp_datagram(1, 2, counted_bytes(9));
    put16(wrong_length, 4, 18);
    put16(wrong_length, 6, 0xabcd);
    same.push_back(packet_of(family, kProtocolUdp, wrong_length));
    for (const Bytes& packet : same) BOOST_TEST(repaired(packet) == packet);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
