// A tunnel in ESP, both put on or taken off at once, beside the two transforms one after the other: the same bytes, the
// same numbers, the same drops, whatever comes. What only the outer IPv4 identification tells apart is looked at here.
#include <random>
#include <set>

#include "transform/tunnel_esp_fixture.h"

namespace spigrp {
using namespace test;

namespace {

constexpr Family kBothFamilies[] = {Family::kIpv4, Family::kIpv6};
constexpr uint8_t kTrafficClasses[] = {0, 1, 2, 3, 0xb9, 0xfc, 0xff};
constexpr uint16_t kFlags[] = {0, 0x4000, 0x8000, 0x2000, 0x20ff, 0x1fff};
constexpr uint16_t kWindows[] = {0, 1, 31, 32, 64, 100, 4096};

std::vector<std::string> all_esp_algorithms() {
  std::vector<std::string> names;
  for (const AlgorithmRow& row : list_algorithms()) {
    if (row.protocol == "esp") names.push_back(row.name);
  }
  return names;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tunnel_in_esp)

BOOST_AUTO_TEST_CASE(every_algorithm_and_every_size_is_as_by_two_steps) {
  for (const std::string& algorithm : all_esp_algorithms()) {
    for (const bool extended : {false, true}) {
      for (const Family outer : kBothFamilies) {
        const PairSpec spec{.algorithm = algorithm, .extended_sequence = extended, .outer = outer};
        if (!can_be_made(spec)) continue;
        PairsFixture pairs({spec});
        const bool is_all = outer == Family::kIpv4;
        PairPackets packets;
        for (size_t size = 20; size <= 600; size += is_all ? 1 : 7) {
          const bool is_ipv6 = size >= 40 && size % 3 == 0;
          packets.push_back({0, sized_packet(is_ipv6 ? Family::kIpv6 : Family::kIpv4, size)});
          if (packets.size() < kBurstCapacity && size + 7 <= 600) continue;
          pairs.pass(packets);
          packets.clear();
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(ipv6_of_every_pad_length_is_as_by_two_steps) {
  for (const std::string& algorithm : all_esp_algorithms()) {
    for (const Family outer : kBothFamilies) {
      PairsFixture pairs({{.algorithm = algorithm, .outer = outer}});
      PairPackets packets;
      for (size_t size = 40; size < 40 + 32; ++size) packets.push_back({0, sized_packet(Family::kIpv6, size)});
      pairs.pass(packets);
    }
  }
}

BOOST_AUTO_TEST_CASE(every_choice_of_outer_header_is_as_by_two_steps) {
  for (const HeaderChoice dscp : {HeaderChoice{}, HeaderChoice{0}, HeaderChoice{46}, HeaderChoice{kMaxDscp}}) {
    for (const EcnChoice ecn : {EcnChoice::kCopy, EcnChoice::kOff}) {
      for (const DfChoice df : {DfChoice::kCopy, DfChoice::kSet, DfChoice::kClear}) {
        for (const HeaderChoice ttl : {HeaderChoice{}, HeaderChoice{1}, HeaderChoice{255}}) {
          const OuterHeader header{dscp, ecn, df, ttl, Fragmentation::kAfter};
          PairsFixture pairs({{.header = header},
                              {.outer = Family::kIpv6, .header = header},
                              {.algorithm = "aes128-sha1-96", .header = header}});
          for (size_t pair = 0; pair < 3; ++pair) {
            PairPackets packets;
            for (const uint8_t traffic_class : kTrafficClasses) {
              for (const uint16_t flags : kFlags) {
                packets.push_back(
                    {pair, ipv4_packet({.tos = traffic_class, .flags_fragment = flags, .ttl = 17}, counted_bytes(30))});
              }
              packets.push_back({pair, ipv6_packet({.traffic_class = traffic_class, .flow_label = 0xfffff}, {})});
              packets.push_back({pair, ipv6_packet({.traffic_class = traffic_class, .hop_limit = 3}, {})});
            }
            pairs.pass(packets);
          }
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(no_two_packets_in_a_row_have_one_identification) {
  for (const std::string& algorithm : all_esp_algorithms()) {
    PairsFixture pairs({{.algorithm = algorithm}});
    std::vector<Bytes> sent;
    for (const size_t count : {1, 2, 64}) {
      const PairPackets packets(count, {0, sized_packet(Family::kIpv4, 100)});
      for (const Bytes& packet : pairs.encapped(packets)) sent.push_back(packet);
    }
    std::set<uint64_t> identifications;
    for (const Bytes& packet : sent) identifications.insert(number_at(packet, 4, 2));
    BOOST_TEST(identifications.size() == sent.size());
  }
}

BOOST_AUTO_TEST_CASE(bursts_of_many_pairs_in_any_order_are_as_by_two_steps) {
  const std::vector<PairSpec> specs{{},
                                    {.algorithm = "aes256gcm12", .extended_sequence = true},
                                    {.algorithm = "aes128-sha1-96"},
                                    {.algorithm = "3des-md5-96", .extended_sequence = true},
                                    {.algorithm = "chacha20poly1305", .outer = Family::kIpv6},
                                    {.algorithm = "aes192gmac", .extended_sequence = true},
                                    {.algorithm = "null-sha2_256-128"},
                                    {.algorithm = "aes256"},
                                    {.algorithm = "aes128ccm8", .header = {.ttl = {}}},
                                    {.algorithm = "aes128ctr-aes_xcbc-96", .outer = Family::kIpv6}};
  PairsFixture pairs(specs);
  std::mt19937 random(1);
  for (const size_t longest_run : {1, 2, 33, 64}) {
    for (int round = 0; round < 60; ++round) {
      PairPackets packets;
      const size_t count = round < 3 ? kBurstCapacity : 1 + random() % kBurstCapacity;
      while (packets.size() < count) {
        const size_t pair = random() % specs.size(), run = 1 + random() % longest_run;
        for (size_t i = 0; i < run && packets.size() < count; ++i) {
          packets.push_back({pair, sized_packet(random() % 4 == 0 ? Family::kIpv6 : Family::kIpv4, random() % 300)});
        }
      }
      pairs.pass(packets);
    }
  }
}

BOOST_AUTO_TEST_CASE(sixty_four_pairs_in_one_burst_are_as_by_two_steps) {
  const std::vector<PairSpec> specs(kBurstCapacity);
  PairsFixture pairs(specs);
  for (const size_t stride : {1, 3, 5, 32}) {
    PairPackets packets;
    for (size_t i = 0; i < kBurstCapacity; ++i) {
      packets.push_back({i * stride % kBurstCapacity, sized_packet(Family::kIpv4, 40 + i)});
    }
    pairs.pass(packets);
  }
}

// What a far gateway gets of a stream: in order, out of order, twice, with gaps, too late, and now and then wrong.
BOOST_AUTO_TEST_CASE(replays_are_found_as_by_two_steps) {
  for (const uint16_t window : kWindows) {
    for (const char* const algorithm : {"aes128gcm16", "aes128-sha1-96", "aes256"}) {
      for (const bool extended : {false, true}) {
        const PairSpec spec{.algorithm = algorithm, .extended_sequence = extended, .replay_window = window};
        if (!can_be_made(spec)) continue;
        PairsFixture pairs({spec, spec});
        std::mt19937 random(window + 1u);
        PairPackets stream;
        for (size_t burst = 0; burst < 10; ++burst) {
          PairPackets packets;
          for (size_t i = 0; i < kBurstCapacity; ++i)
            packets.push_back({random() % 8 / 7, sized_packet(Family::kIpv4, 60)});
          const std::vector<Bytes> sent = pairs.encapped(packets);
          for (size_t i = 0; i < sent.size(); ++i) stream.push_back({packets[i].pair, sent[i]});
        }
        for (size_t at = 0; at < stream.size();) {
          PairPackets received;
          const size_t count = 1 + random() % kBurstCapacity;
          while (received.size() < count && at < stream.size()) {
            const size_t back = random() % 8 == 0 ? random() % (at + 1) : 0;
            const size_t ahead = random() % 8 == 0 ? random() % 40 : 0;
            at = std::min(at + ahead, stream.size() - 1);
            received.push_back(stream[back == 0 ? at++ : at - back]);
            if (random() % 32 == 0) received.back().bytes.back() ^= 1;
          }
          pairs.decapped(received);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(upper_halves_go_on_as_by_two_steps) {
  const PairSpec spec{.extended_sequence = true, .sent = 0xffffffff - 200, .received = 0xffffffff - 200};
  PairSpec other = spec;
  other.algorithm = "aes128-sha2_256-128";
  PairsFixture pairs({spec, other});
  for (int burst = 0; burst < 8; ++burst) {
    PairPackets packets;
    for (size_t i = 0; i < kBurstCapacity; ++i) packets.push_back({i / 8 % 2, sized_packet(Family::kIpv4, 60 + i)});
    pairs.pass(packets);
  }
  BOOST_TEST(pairs.near_at_once.pairs[0].esp->sequence.sent() > 0xffffffffu);
}

BOOST_AUTO_TEST_CASE(numbers_end_as_by_two_steps) {
  const uint64_t last = Sequence::kLast32;
  const std::vector<PairSpec> specs{{.sent = 0},
                                    {.sent = last - 10},
                                    {.sent = last - Sequence::kNear - 20},
                                    {.algorithm = "aes256-sha1-96", .sent = last - 3},
                                    {.extended_sequence = true, .sent = UINT64_MAX - 70},
                                    {}};
  PairsFixture pairs(specs);
  std::mt19937 random(2);
  for (size_t pair = 0; pair < specs.size(); ++pair) {
    for (const size_t count : {8, 1, 64, 2}) {
      pairs.encapped(PairPackets(count, {pair, sized_packet(Family::kIpv4, 90)}));
    }
  }
  for (int burst = 0; burst < 20; ++burst) {
    PairPackets packets;
    for (size_t i = 0; i < 1 + random() % kBurstCapacity; ++i) {
      packets.push_back({random() % specs.size(), sized_packet(Family::kIpv4, 90)});
    }
    pairs.encapped(packets);
  }
}

// So many bursts of random packets, out and in, of five pairs. Returns how many packets did not get out.
size_t send_through_five(PairsFixture& pairs, unsigned seed, int bursts) {
  std::mt19937 random(seed);
  size_t kept_back = 0;
  for (int burst = 0; burst < bursts; ++burst) {
    PairPackets packets;
    const size_t count = 1 + random() % kBurstCapacity;
    for (size_t i = 0; i < count; ++i) {
      packets.push_back({random() % 5, sized_packet(Family::kIpv4, 40 + random() % 100)});
    }
    const std::vector<Bytes> sent = pairs.encapped(packets);
    PairPackets received;
    for (size_t i = 0; i < count; ++i) {
      if (!sent[i].empty()) received.push_back({packets[i].pair, sent[i]});
    }
    kept_back += count - received.size();
    pairs.decapped(received);
  }
  return kept_back;
}

BOOST_AUTO_TEST_CASE(a_lifetime_ends_as_by_two_steps) {
  const LifetimeSpec packets_left{.soft = {}, .hard = {.packets = 100}},
      bytes_left{.soft = {}, .hard = {.bytes = 9000}};
  PairsFixture pairs({{.tunnel_lifetime = packets_left},
                      {.esp_lifetime = packets_left},
                      {.algorithm = "aes128-sha1-96", .tunnel_lifetime = bytes_left, .esp_lifetime = packets_left},
                      {.esp_lifetime = bytes_left},
                      {}});
  send_through_five(pairs, 3, 30);
}

// Far from its end it is counted in one go. Both ways have taken the same of it when it comes nearer.
BOOST_AUTO_TEST_CASE(a_long_lifetime_is_used_as_by_two_steps) {
  const uint64_t far = uint64_t{1} << 40;
  const LifetimeSpec packets_left{.soft = {}, .hard = {.packets = (1u << 16) + 300}},
      bytes_left{.soft = {.bytes = 5000}, .hard = {.bytes = far}}, times_left{.soft = {}, .hard = {.addtime = 3600}};
  PairsFixture pairs({{.tunnel_lifetime = packets_left, .esp_lifetime = bytes_left},
                      {.esp_lifetime = packets_left},
                      {.algorithm = "aes128-sha1-96", .tunnel_lifetime = bytes_left, .esp_lifetime = packets_left},
                      {.tunnel_lifetime = times_left, .esp_lifetime = times_left},
                      {}});
  BOOST_TEST(send_through_five(pairs, 4, 40) == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
