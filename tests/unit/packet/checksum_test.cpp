// Checksums against headers that others made and against RFC 1071 done word by word.
#include "packet/checksum.h"

#include <boost/test/unit_test.hpp>

#include "support/packets.h"

namespace spigrp {
using namespace test;

BOOST_AUTO_TEST_SUITE(checksum)

Ipv4Header& header_of(Bytes& packet) {
  return *reinterpret_cast<Ipv4Header*>(packet.data());
}

BOOST_AUTO_TEST_CASE(the_published_ipv4_example_has_its_published_checksum) {
  // The worked example of the encyclopaedias' article on the IPv4 header checksum.
  Bytes header = from_hex("45000073 00004000 4011b861 c0a80001 c0a800c7");
  BOOST_TEST(ipv4_header_checksum(header_of(header)).host() == 0xb861);
  BOOST_TEST(ipv4_checksum_holds(header_of(header)));
}

BOOST_AUTO_TEST_CASE(the_example_of_rfc_1071_sums_to_ddf2) {
  const Bytes bytes = from_hex("0001f203f4f5f6f7");
  BOOST_TEST(internet_checksum(bytes.data(), bytes.size()).host() == static_cast<uint16_t>(~0xddf2));
}

BOOST_AUTO_TEST_CASE(every_length_sums_like_the_plain_loop) {
  for (const uint8_t first : Bytes{0, 0x80, 0xff}) {
    for (size_t size = 0; size <= 300; ++size) {
      const Bytes bytes = counted_bytes(size, first);
      BOOST_TEST(internet_checksum(bytes.data(), size).host() == plain_checksum(bytes));
    }
  }
  const Bytes ones(65535, 0xff);  // every addition carries
  BOOST_TEST(internet_checksum(ones.data(), ones.size()).host() == plain_checksum(ones));
}

BOOST_AUTO_TEST_CASE(a_header_with_options_is_summed_whole) {
  for (size_t option_bytes = 0; option_bytes <= 40; option_bytes += 4) {
    Bytes packet = ipv4_packet({.options = Bytes(option_bytes, 1)}, {});
    BOOST_TEST(ipv4_checksum_holds(header_of(packet)));
    BOOST_TEST(ipv4_header_checksum(header_of(packet)).host() == (packet[10] << 8 | packet[11]));
    packet.back() ^= 4;
    BOOST_TEST(!ipv4_checksum_holds(header_of(packet)));
  }
}

BOOST_AUTO_TEST_CASE(each_flipped_bit_of_a_header_is_noticed) {
  Bytes packet = ipv4_packet({}, {});
  for (size_t bit = 8; bit < 160; ++bit) {
    packet[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    BOOST_TEST(!ipv4_checksum_holds(header_of(packet)));
    packet[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
  BOOST_TEST(ipv4_checksum_holds(header_of(packet)));
}

BOOST_AUTO_TEST_CASE(taking_one_off_the_ttl_keeps_the_checksum_right) {
  for (unsigned identification = 0; identification < 0x10000; identification += 7) {
    Bytes packet = ipv4_packet({.identification = static_cast<uint16_t>(identification),
                                .ttl = static_cast<uint8_t>(identification % 255 + 1)},
                               {});
    Bytes wanted = packet;
    --wanted[8];
    set_ipv4_checksum(wanted);
    decrement_ttl(header_of(packet));
    BOOST_REQUIRE(packet[8] == wanted[8]);
    BOOST_REQUIRE(ipv4_checksum_holds(header_of(packet)));
  }
}

BOOST_AUTO_TEST_CASE(another_tos_keeps_a_right_checksum_right_and_a_wrong_one_wrong) {
  for (unsigned tos = 0; tos < 256; ++tos) {
    Bytes packet = ipv4_packet({.tos = 0xb8}, {});
    replace_tos(header_of(packet), static_cast<uint8_t>(tos));
    BOOST_TEST(packet[1] == tos);
    BOOST_TEST(ipv4_checksum_holds(header_of(packet)));
    packet[10] ^= 1;
    replace_tos(header_of(packet), 0x11);
    BOOST_TEST(!ipv4_checksum_holds(header_of(packet)));
  }
}

BOOST_AUTO_TEST_CASE(icmpv6_is_summed_with_its_pseudo_header) {
  // RFC 4443 section 2.3: addresses, 32-bit length, 32-bit next header, then the message.
  for (size_t size : {8u, 9u, 63u, 64u, 1400u}) {
    Bytes message = counted_bytes(size, 0x80);
    put16(message, 2, 0);
    Bytes packet = ipv6_packet({.next_header = kProtocolIcmpv6}, message);
    Bytes pseudo(packet.begin() + 8, packet.begin() + 40);
    pseudo = pseudo + Bytes{0, 0, static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(size), 0, 0, 0, 58} + message;
    const auto& ip = *reinterpret_cast<const Ipv6Header*>(packet.data());
    BOOST_TEST(icmpv6_checksum(ip, message.data(), size).host() == plain_checksum(pseudo));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
