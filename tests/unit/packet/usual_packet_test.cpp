// What every packet goes through has a short way for the usual one: it says the same as the general way, of whatever
// comes.
#include <optional>
#include <random>

#include <boost/test/unit_test.hpp>

#include "packet/flow_words.h"
#include "packet/ip_packet.h"
#include "support/packets.h"

namespace spigrp {
using namespace test;

BOOST_FIXTURE_TEST_SUITE(usual_packet, BuffersAreGivenBack)

bool are_alike(const IpPacket& one, const IpPacket& other) {
  return one.family == other.family && one.next_header == other.next_header &&
         one.next_header_offset == other.next_header_offset && one.header_bytes == other.header_bytes &&
         one.is_fragment == other.is_fragment && one.total_bytes == other.total_bytes;
}

std::string text_of(const Bytes& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : bytes) (text += kDigits[byte >> 4]) += kDigits[byte & 0xf];
  return text;
}

// The short ways take no packet that the general way does not, read the same of it, and leave no usual one over.
// Returns what the packet is, if it is one.
std::optional<IpPacket> read_both_ways(rte_mbuf* packet, const Bytes& bytes) {
  const ParsedIp general = detail::parse_unusual_ip(packet);
  IpPacket usual{}, read{};
  const bool is_usual = read_usual_ipv4(packet, usual) || read_usual_ipv6(packet, usual);
  const std::optional<DropReason> wrong = read_ip(packet, read);
  BOOST_TEST(wrong.has_value() == !general.ok, text_of(bytes));
  if (!general.ok) {
    BOOST_TEST(!is_usual, text_of(bytes));
    BOOST_TEST((wrong == general.reason), text_of(bytes));
    return std::nullopt;
  }
  const IpPacket& ip = general.ip;
  const bool should_be = ip.family == Family::kIpv4 ? ip.header_bytes == sizeof(Ipv4Header) && !ip.is_fragment
                                                    : !is_extension_header(bytes[offsetof(Ipv6Header, next_header)]);
  BOOST_TEST(is_usual == should_be, text_of(bytes));
  if (is_usual) BOOST_TEST(are_alike(usual, ip), text_of(bytes));
  BOOST_TEST(are_alike(read, ip), text_of(bytes));
  return ip;
}

void check_flow(const rte_mbuf* packet, const IpPacket& ip, const Bytes& bytes) {
  HashedFlow flow;
  std::memset(&flow, 0xee, sizeof(flow));
  hash_flow(packet, ip, flow);
  const FlowWords wanted = words_of(flow_key(packet, ip));
  BOOST_TEST(flow.words == wanted, text_of(bytes));
  BOOST_TEST(flow.hash == hash_of(wanted), text_of(bytes));
}

void check(const Bytes& bytes) {
  ExactPacket packet(bytes);
  if (const auto ip = read_both_ways(packet.get(), bytes)) check_flow(packet.get(), *ip, bytes);
}

void check_in_segments(const Bytes& bytes, size_t first_bytes) {
  rte_mbuf* packet = chained_packet_from(bytes, first_bytes, 30);
  if (const auto ip = read_both_ways(packet, bytes)) check_flow(packet, *ip, bytes);
  rte_pktmbuf_free(packet);
}

std::vector<Bytes> kinds_of_packets() {
  const Bytes datagram = udp_datagram(1000, 53, counted_bytes(20));
  std::vector<Bytes> kinds;
  for (const uint8_t protocol : {kProtocolTcp, kProtocolUdp, kProtocolSctp, kProtocolIcmp, kProtocolIcmpv6,
                                 kProtocolEsp, kProtocolIpip, kProtocolIpv6, uint8_t{0}, uint8_t{255}}) {
    for (const uint16_t flags : std::initializer_list<uint16_t>{0, 0x4000, 0x8000, 0x2000, 0x0001, 0x1f00}) {
      kinds.push_back(ipv4_packet({.protocol = protocol, .flags_fragment = flags}, datagram));
    }
    kinds.push_back(ipv4_packet({.protocol = protocol, .options = Bytes(8, 1)}, datagram));
    kinds.push_back(ipv4_packet({.protocol = protocol}, {}));
    kinds.push_back(ipv4_packet({.protocol = protocol}, {1, 2, 3}));
    kinds.push_back(ipv4_packet({.protocol = protocol}, {1, 2, 3, 4}));
    kinds.push_back(ipv6_packet({.next_header = protocol}, datagram));
    kinds.push_back(ipv6_packet({.next_header = protocol}, {1, 2, 3}));
    kinds.push_back(ipv6_packet({.next_header = kProtocolDestinationOptions}, extension_header(protocol) + datagram));
    kinds.push_back(ipv6_packet({.next_header = kProtocolHopByHop},
                                extension_header(kProtocolRouting, 24) + extension_header(protocol, 16) + datagram));
    kinds.push_back(ipv6_packet({.next_header = kProtocolFragment}, Bytes{protocol, 0, 0, 1, 0, 0, 0, 7} + datagram));
    kinds.push_back(ipv6_packet({.next_header = kProtocolFragment}, Bytes{protocol, 0, 0, 8, 0, 0, 0, 7} + datagram));
  }
  return kinds;
}

BOOST_AUTO_TEST_CASE(every_kind_of_packet_is_read_alike_both_ways) {
  for (const Bytes& packet : kinds_of_packets()) {
    check(packet);
    check(packet + Bytes(50));  // what a link adds
    for (size_t size = 0; size < packet.size(); ++size) {
      check(Bytes(packet.begin(), packet.begin() + static_cast<long>(size)));
      check_in_segments(packet, size);
    }
  }
}

BOOST_AUTO_TEST_CASE(every_first_byte_and_every_flag_is_read_alike_both_ways) {
  const Bytes packet = ipv4_packet({}, counted_bytes(60));
  for (const size_t at : {size_t{0}, size_t{6}, size_t{7}}) {
    for (unsigned value = 0; value < 256; ++value) {
      Bytes changed = packet;
      changed[at] = static_cast<uint8_t>(value);
      check(changed);
      set_ipv4_checksum(changed);
      check(changed);
    }
  }
  for (unsigned length = 0; length < 0x10000; length += length < 200 ? 1 : 97) {
    Bytes changed = packet;
    put16(changed, 2, length);
    set_ipv4_checksum(changed);
    check(changed);
  }
}

BOOST_AUTO_TEST_CASE(mutated_packets_are_read_alike_both_ways) {
  std::mt19937 random(1);
  const std::vector<Bytes> kinds = kinds_of_packets();
  for (int round = 0; round < 30000; ++round) {
    Bytes packet = kinds[random() % kinds.size()];
    for (unsigned changes = random() % 4; changes > 0; --changes) {
      packet[random() % std::min<size_t>(packet.size(), 64)] = static_cast<uint8_t>(random());
    }
    if (packet[0] >> 4 == 4 && (packet[0] & 0xf) >= 5 && packet.size() >= (packet[0] & 0xf) * 4u && random() % 4 != 0) {
      set_ipv4_checksum(packet);
    }
    check(packet);
  }
}

BOOST_AUTO_TEST_CASE(random_bytes_are_read_alike_both_ways) {
  std::mt19937 random(2);
  for (int round = 0; round < 20000; ++round) {
    Bytes packet(random() % 80);
    for (uint8_t& byte : packet) byte = static_cast<uint8_t>(random());
    if (!packet.empty() && random() % 2 == 0) packet[0] = random() % 2 == 0 ? 0x45 : 0x60;
    if (packet.size() >= 20 && packet[0] == 0x45) {
      if (random() % 2 == 0) put16(packet, 2, static_cast<unsigned>(random() % (packet.size() + 2)));
      if (random() % 2 == 0) packet[6] = packet[7] = 0;
      if (random() % 4 != 0) set_ipv4_checksum(packet);
    }
    check(packet);
  }
}

// Sums that fold to zero and to all ones, of which one stands for the other.
BOOST_AUTO_TEST_CASE(every_checksum_is_judged_alike_both_ways) {
  for (const uint16_t identification : std::initializer_list<uint16_t>{0, 1, 0x1234, 0xffff}) {
    Bytes packet = ipv4_packet({.identification = identification}, {});
    for (unsigned checksum = 0; checksum < 0x10000; ++checksum) {
      put16(packet, 10, checksum);
      ExactPacket exact(packet);
      IpPacket ip;
      const bool holds = plain_checksum(packet) == 0;
      BOOST_TEST(read_usual_ipv4(exact.get(), ip) == holds);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
