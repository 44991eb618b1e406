// tun: outer headers field by field, and what must not come out of a tunnel.
#include "transform/step_fixture.h"

namespace spigrp {
using namespace test;

BOOST_FIXTURE_TEST_SUITE(tunnel, StepFixture)

const Bytes kDatagram = udp_datagram(1000, 53, counted_bytes(33));

// At the end that sends it is the outbound SA, at the other end the inbound one.
std::unique_ptr<Sa> tunnel_over(Family outer, const OuterHeader& choices = {}) {
  return outer == Family::kIpv4 ? tunnel_sa("tun.1000@198.51.100.2", kHere, choices)
                                : tunnel_sa("tun:1000@2001:db8:f::2", kHere6, choices);
}

Bytes inner_packet(Family family, uint8_t traffic_class = 0, uint16_t flags_fragment = 0) {
  return family == Family::kIpv4 ? ipv4_packet({.tos = traffic_class, .flags_fragment = flags_fragment}, kDatagram)
                                 : ipv6_packet({.traffic_class = traffic_class, .flow_label = 0xabcde}, kDatagram);
}

constexpr Family kFamilies[] = {Family::kIpv4, Family::kIpv6};

uint8_t protocol_of(Family inner) {
  return inner == Family::kIpv4 ? 4 : 41;
}

Bytes outer_packet(Family outer, Family inner, const Bytes& payload, uint8_t traffic_class = 0) {
  Bytes packet = gateway_packet(outer, payload, protocol_of(inner));
  put_traffic_class(packet, traffic_class);
  return packet;
}

BOOST_AUTO_TEST_CASE(an_ipv4_outer_header_is_as_rfc_2003_says) {
  for (Family inner : kFamilies) {
    auto sa = tunnel_over(Family::kIpv4);
    sa->identification = 0x1234;
    const Bytes bytes = inner_packet(inner, 0xb9, kIpv4DontFragment);
    const Bytes wanted = ipv4_packet({.protocol = protocol_of(inner),
                                      .tos = 0xb9,
                                      .identification = 0x1234,
                                      .flags_fragment = kIpv4DontFragment,
                                      .ttl = 64,
                                      .source = {192, 0, 2, 1},
                                      .destination = {198, 51, 100, 2}},
                                     bytes);
    BOOST_TEST(encapped(*sa, bytes) == wanted);
  }
}

BOOST_AUTO_TEST_CASE(an_ipv6_outer_header_is_as_rfc_2473_says) {
  for (Family inner : kFamilies) {
    auto sa = tunnel_over(Family::kIpv6);
    const Bytes bytes = inner_packet(inner, 0xb9);
    const Bytes wanted = ipv6_packet({.next_header = protocol_of(inner),
                                      .traffic_class = 0xb9,
                                      .hop_limit = 64,
                                      .source = address(kHere6).bytes,
                                      .destination = address(kThere6).bytes},
                                     bytes);
    BOOST_TEST(encapped(*sa, bytes) == wanted);
  }
}

BOOST_AUTO_TEST_CASE(every_traffic_class_is_copied_outwards) {  // RFC 6040 section 4.1, normal mode; RFC 2983
  for (Family outer : kFamilies) {
    for (Family inner : kFamilies) {
      auto sa = tunnel_over(outer);
      for (unsigned traffic_class = 0; traffic_class < 256; ++traffic_class) {
        const Bytes packet = encapped(*sa, inner_packet(inner, static_cast<uint8_t>(traffic_class)));
        BOOST_REQUIRE(!packet.empty());
        const unsigned outer_class = outer == Family::kIpv4 ? packet[1] : (packet[0] << 4 | packet[1] >> 4) & 0xff;
        BOOST_TEST(outer_class == traffic_class);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(dont_fragment_is_copied_from_ipv4_and_set_for_ipv6) {
  auto sa = tunnel_over(Family::kIpv4);
  BOOST_TEST(encapped(*sa, inner_packet(Family::kIpv4, 0, kIpv4DontFragment))[6] == 0x40);
  BOOST_TEST(encapped(*sa, inner_packet(Family::kIpv4))[6] == 0);
  BOOST_TEST(encapped(*sa, inner_packet(Family::kIpv4, 0, 0x2000))[6] == 0);  // the inner fragment is the inner one's
  BOOST_TEST(encapped(*sa, inner_packet(Family::kIpv6))[6] == 0x40);
}

// All choices with all others; what each makes of the inner header is written down here once more.
std::vector<OuterHeader> all_choices() {
  std::vector<OuterHeader> all;
  for (const HeaderChoice dscp : {HeaderChoice{}, HeaderChoice{0}, HeaderChoice{46}, HeaderChoice{kMaxDscp}}) {
    for (const EcnChoice ecn : {EcnChoice::kCopy, EcnChoice::kOff}) {
      for (const DfChoice df : {DfChoice::kCopy, DfChoice::kSet, DfChoice::kClear}) {
        for (const HeaderChoice ttl : {HeaderChoice{}, HeaderChoice{1}, HeaderChoice{64}, HeaderChoice{255}}) {
          all.push_back({dscp, ecn, df, ttl, Fragmentation::kAfter});
        }
      }
    }
  }
  return all;
}

struct InnerFields {
  uint8_t traffic_class, ttl;
  uint16_t flags;
};

Bytes inner_packet_of(Family family, const InnerFields& fields) {
  return family == Family::kIpv4
             ? ipv4_packet({.tos = fields.traffic_class, .flags_fragment = fields.flags, .ttl = fields.ttl}, kDatagram)
             : ipv6_packet({.traffic_class = fields.traffic_class, .flow_label = 0xabcde, .hop_limit = fields.ttl},
                           kDatagram);
}

Bytes outer_packet_due(Family outer, Family inner, const OuterHeader& choices, const InnerFields& fields) {
  const unsigned dscp = choices.dscp.fixed ? *choices.dscp.fixed : fields.traffic_class >> 2;
  const unsigned ecn = choices.ecn == EcnChoice::kCopy ? fields.traffic_class & 3u : 0;
  const auto traffic_class = static_cast<uint8_t>(dscp << 2 | ecn);
  const uint8_t ttl = choices.ttl.fixed ? *choices.ttl.fixed : fields.ttl;
  const bool inner_stays_whole = inner == Family::kIpv6 || (fields.flags & 0x4000) != 0;
  const bool stays_whole = choices.df == DfChoice::kSet || (choices.df == DfChoice::kCopy && inner_stays_whole);
  const Bytes bytes = inner_packet_of(inner, fields);
  if (outer == Family::kIpv6) {
    return ipv6_packet({.next_header = protocol_of(inner),
                        .traffic_class = traffic_class,
                        .flow_label = 0,
                        .hop_limit = ttl,
                        .source = address(kHere6).bytes,
                        .destination = address(kThere6).bytes},
                       bytes);
  }
  return ipv4_packet({.protocol = protocol_of(inner),
                      .tos = traffic_class,
                      .identification = 0x1234,
                      .flags_fragment = static_cast<uint16_t>(stays_whole ? 0x4000 : 0),
                      .ttl = ttl,
                      .source = {192, 0, 2, 1},
                      .destination = {198, 51, 100, 2}},
                     bytes);
}

BOOST_AUTO_TEST_CASE(the_outer_header_has_what_was_chosen) {
  const InnerFields inners[] = {{0x00, 1, 0}, {0xb9, 63, 0x4000}, {0xff, 255, 0}, {0x2a, 7, 0x2000}};
  for (const Family outer : kFamilies) {
    for (const OuterHeader& choices : all_choices()) {
      auto sa = tunnel_over(outer, choices), in = tunnel_over(outer, choices);
      for (const Family inner : kFamilies) {
        for (const InnerFields& fields : inners) {
          sa->identification = 0x1234;
          const Bytes packet = encapped(*sa, inner_packet_of(inner, fields));
          BOOST_TEST_CONTEXT("dscp " << choice_word(choices.dscp) << " ecn " << choice_word(choices.ecn) << " df "
                                     << choice_word(choices.df) << " ttl " << choice_word(choices.ttl)) {
            BOOST_TEST(packet == outer_packet_due(outer, inner, choices, fields));
          }
          BOOST_TEST(decapped(*in, packet) == inner_packet_of(inner, fields));
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(identifications_follow_each_other_per_sa) {
  auto one = tunnel_over(Family::kIpv4), other = tunnel_over(Family::kIpv4);
  one->identification = 0xfffe;
  other->identification = 100;
  for (unsigned round = 0; round < 2; ++round) {
    for (unsigned i = 0; i < 3; ++i) {
      push(*one, inner_packet(Family::kIpv4));
      push(*other, inner_packet(Family::kIpv4));
    }
    encap_tunnel(context, burst);
    const std::vector<Bytes> packets = take();
    BOOST_REQUIRE(packets.size() == 6u);
    for (unsigned i = 0; i < 3; ++i) {
      BOOST_TEST((packets[2 * i][4] << 8 | packets[2 * i][5]) == ((0xfffe + 3 * round + i) & 0xffff));
      BOOST_TEST((packets[2 * i + 1][4] << 8 | packets[2 * i + 1][5]) == 100 + 3 * round + i);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_goes_in_comes_out) {
  for (Family outer : kFamilies) {
    for (Family inner : kFamilies) {
      auto out = tunnel_over(outer), in = tunnel_over(outer);
      const Bytes bytes = inner_packet(inner, 0xb9);
      BOOST_TEST(decapped(*in, encapped(*out, bytes)) == bytes);
      BOOST_TEST(out->counters.packets == 1u);
      BOOST_TEST(out->counters.bytes == bytes.size());
      BOOST_TEST(in->counters.packets == 1u);
      BOOST_TEST(in->counters.bytes == bytes.size());
      BOOST_TEST(in->counters.last_used_tsc == context.now_tsc);
    }
  }
}

BOOST_AUTO_TEST_CASE(bytes_behind_the_packet_are_cut_off) {
  for (Family family : kFamilies) {
    auto sa = tunnel_over(family);
    const Bytes bytes = inner_packet(family);
    const Bytes padded = bytes + Bytes(26, 0xee);
    BOOST_TEST(encapped(*sa, padded).size() == bytes.size() + (family == Family::kIpv4 ? 20 : 40));
    BOOST_TEST(decapped(*sa, outer_packet(family, family, bytes) + Bytes(26, 0xee)) == bytes);
  }
}

BOOST_AUTO_TEST_CASE(outer_options_and_extension_headers_come_off) {
  auto sa = tunnel_over(Family::kIpv4);
  const Bytes bytes = inner_packet(Family::kIpv6);
  BOOST_TEST(decapped(*sa, ipv4_packet({.protocol = 41,
                                        .source = {192, 0, 2, 1},
                                        .destination = {198, 51, 100, 2},
                                        .options = Bytes(12, 1)},
                                       bytes)) == bytes);
  auto sa6 = tunnel_over(Family::kIpv6);
  const Bytes chain = extension_header(kProtocolRouting, 16) + extension_header(41);
  BOOST_TEST(decapped(*sa6, gateway_packet(Family::kIpv6, chain + bytes, kProtocolHopByHop)) == bytes);
}

// RFC 6040 figure 4. Rows: inner Not-ECT, ECT(1), ECT(0), CE by their two bits; columns: outer likewise.
constexpr int kDropped = -1;
constexpr int kEcnOut[4][4] = {
    {0, 0, 0, kDropped},
    {1, 1, 1, 3},
    {2, 1, 2, 3},
    {3, 3, 3, 3},
};

BOOST_AUTO_TEST_CASE(ecn_is_joined_as_figure_4_of_rfc_6040_says) {
  for (Family outer : kFamilies) {
    for (Family inner : kFamilies) {
      for (unsigned pair = 0; pair < 32; ++pair) {
        // There is one way in, whichever of the two ways out the peer has (RFC 6040 section 4.2).
        auto sa = tunnel_over(outer, {.ecn = pair < 16 ? EcnChoice::kCopy : EcnChoice::kOff});
        const unsigned inner_ecn = pair % 16 / 4, outer_ecn = pair % 4;
        const Bytes bytes = inner_packet(inner, static_cast<uint8_t>(0xb8 | inner_ecn));
        const Bytes packet = outer_packet(outer, inner, bytes, static_cast<uint8_t>(0x28 | outer_ecn));
        const int wanted = kEcnOut[inner_ecn][outer_ecn];
        BOOST_TEST_CONTEXT("inner " << inner_ecn << ", outer " << outer_ecn) {
          if (wanted == kDropped) {
            BOOST_TEST(decap_outcome(*sa, packet) == "congested");
          } else {  // DSCP stays the inner one; the inner checksum holds
            BOOST_TEST(decapped(*sa, packet) == inner_packet(inner, static_cast<uint8_t>(0xb8 | wanted)));
          }
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(other_outer_addresses_are_a_mismatch) {
  for (Family outer : kFamilies) {
    auto sa = tunnel_over(outer);
    const Bytes good = outer_packet(outer, Family::kIpv4, inner_packet(Family::kIpv4));
    const size_t first = outer == Family::kIpv4 ? 12 : 8, last = outer == Family::kIpv4 ? 20 : 40;
    for (size_t at = first; at < last; ++at) {
      Bytes packet = good;
      packet[at] ^= 1;
      if (outer == Family::kIpv4) set_ipv4_checksum(packet);
      BOOST_TEST(decap_outcome(*sa, packet) == "tunnel_mismatch");
    }
    BOOST_TEST(sa->counters.malformed == last - first);
    BOOST_TEST(sa->counters.packets == 0u);
    BOOST_TEST(decap_outcome(*sa, good) == "kept");
  }
  auto sa = tunnel_over(Family::kIpv6);
  BOOST_TEST(decap_outcome(*sa, outer_packet(Family::kIpv4, Family::kIpv4, inner_packet(Family::kIpv4))) ==
             "tunnel_mismatch");
}

BOOST_AUTO_TEST_CASE(an_inner_version_other_than_announced_is_malformed) {
  for (Family outer : kFamilies) {
    auto sa = tunnel_over(outer);
    BOOST_TEST(decap_outcome(*sa, outer_packet(outer, Family::kIpv6, inner_packet(Family::kIpv4))) == "malformed");
    BOOST_TEST(decap_outcome(*sa, outer_packet(outer, Family::kIpv4, inner_packet(Family::kIpv6))) == "malformed");
    BOOST_TEST(decap_outcome(*sa, gateway_packet(outer, inner_packet(Family::kIpv4), kProtocolUdp)) ==
               "bad_next_header");
  }
}

BOOST_AUTO_TEST_CASE(a_tunnel_packet_cut_at_every_length_is_a_runt) {  // HAZARDS 1
  for (Family outer : kFamilies) {
    for (Family inner : kFamilies) {
      auto sa = tunnel_over(outer);
      const Bytes whole = outer_packet(outer, inner, inner_packet(inner));
      for (size_t size = 0; size < whole.size(); ++size) {
        const Bytes cut(whole.begin(), whole.begin() + static_cast<long>(size));
        BOOST_TEST(decap_outcome(*sa, cut) == "runt");
        if (size >= (outer == Family::kIpv4 ? 20u : 40u)) {
          BOOST_TEST(decap_outcome(*sa, with_true_length(cut)) == "runt");
          // Bytes behind the outer packet do not make the inner one whole.
          BOOST_TEST(decap_outcome(*sa, with_true_length(cut) + Bytes(100)) == "runt");
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_fragment_of_a_tunnel_packet_is_not_taken_off) {
  auto sa = tunnel_over(Family::kIpv4);
  Bytes packet = outer_packet(Family::kIpv4, Family::kIpv4, inner_packet(Family::kIpv4));
  put16(packet, 6, 0x2000);
  set_ipv4_checksum(packet);
  BOOST_TEST(decap_outcome(*sa, packet) == "fragment");
}

BOOST_AUTO_TEST_CASE(a_packet_without_room_is_dropped_not_overrun) {
  auto sa = tunnel_over(Family::kIpv6);
  rte_mbuf* packet = packet_from(inner_packet(Family::kIpv4));
  packet->data_off = 39;
  std::ranges::copy(inner_packet(Family::kIpv4), rte_pktmbuf_mtod(packet, uint8_t*));
  burst.push({packet, sa.get(), nullptr, 0, 0});
  const Bytes bytes = inner_packet(Family::kIpv4);
  burst.push({chained_packet_from(bytes, 20, 10), sa.get(), nullptr, 0, 0});
  encap_tunnel(context, burst);
  BOOST_TEST(burst.count == 0);
  BOOST_TEST(drops(DropReason::no_room) == 2u);
}

BOOST_AUTO_TEST_CASE(a_packet_that_would_outgrow_its_length_field_is_too_big) {
  rte_mempool* pool = rte_pktmbuf_pool_create("large", 3, 0, 0, 65535, 0);
  BOOST_REQUIRE(pool != nullptr);
  for (unsigned bytes : {65200u, 65535u - 20, 65535u - 19}) {
    auto sa = tunnel_over(Family::kIpv4);
    const Bytes inner = ipv4_packet({}, Bytes(bytes - 20));
    rte_mbuf* packet = rte_pktmbuf_alloc(pool);
    packet->data_off = static_cast<uint16_t>(65535 - bytes);
    std::ranges::copy(inner, rte_pktmbuf_append(packet, static_cast<uint16_t>(bytes)));
    burst.push({packet, sa.get(), nullptr, 0, 0});
    encap_tunnel(context, burst);
    BOOST_TEST(burst.count == (bytes <= 65535 - 20 ? 1 : 0));
    free_burst();
  }
  BOOST_TEST(drops(DropReason::too_big) == 1u);
  rte_mempool_free(pool);
}

BOOST_AUTO_TEST_CASE(survivors_keep_their_order) {
  auto sa = tunnel_over(Family::kIpv4);
  std::vector<Bytes> wanted;
  for (uint8_t i = 0; i < kBurstCapacity; ++i) {
    Bytes bytes = ipv4_packet({}, Bytes(10, i));
    if (i % 3 == 1) {
      bytes[10] ^= 1;  // a wrong checksum
    } else {
      wanted.push_back(bytes);
    }
    push(*sa, bytes);
  }
  encap_tunnel(context, burst);
  decap_tunnel(context, burst);
  BOOST_TEST((take() == wanted));
  BOOST_TEST(drops(DropReason::malformed) == kBurstCapacity - wanted.size());
  BOOST_TEST(sa->counters.packets == 2 * wanted.size());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
