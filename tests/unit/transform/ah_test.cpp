// ah: what scapy's packets (packet_vectors_test.cpp) do not show: changes on the way, attacks, ends of number spaces.
#include <set>

#include "support/eal_runner.h"
#include "transform/step_fixture.h"

namespace spigrp {
using namespace test;

BOOST_FIXTURE_TEST_SUITE(ah, StepFixture)

const char* const kAlgorithms[] = {"hmac-md5-96",       "hmac-sha1-96", "hmac-sha2_256-128", "hmac-sha2_384-192",
                                   "hmac-sha2_512-256", "aes128gmac",   "aes256gmac"};
constexpr Family kFamilies[] = {Family::kIpv4, Family::kIpv6};

std::unique_ptr<Sa> ah_sa(std::string_view algorithm, Family family = Family::kIpv4) {
  return family == Family::kIpv4 ? keyed_sa("ah.1000@198.51.100.2", kHere, algorithm)
                                 : keyed_sa("ah:1000@2001:db8:f::2", kHere6, algorithm);
}

Bytes plain_packet(size_t payload_bytes, Family family = Family::kIpv4) {
  return gateway_packet(family, counted_bytes(payload_bytes));
}

size_t ip_bytes(Family family) {
  return family == Family::kIpv4 ? 20 : 40;
}

BOOST_AUTO_TEST_CASE(the_header_is_as_long_as_rfc_4302_says) {  // section 2.2 and 2.6: a multiple of 4, IPv6 of 8
  const size_t wanted[2][7] = {{24, 24, 28, 36, 44, 36, 36}, {24, 24, 32, 40, 48, 40, 40}};
  for (size_t f = 0; f < 2; ++f) {
    for (size_t i = 0; i < std::size(kAlgorithms); ++i) {
      auto sa = ah_sa(kAlgorithms[i], kFamilies[f]);
      const Bytes plain = plain_packet(50, kFamilies[f]);
      const Bytes packet = encapped(*sa, plain);
      BOOST_TEST(packet.size() == plain.size() + wanted[f][i]);
      const size_t at = ip_bytes(kFamilies[f]);
      BOOST_TEST(packet[at] == kProtocolUdp);
      BOOST_TEST(packet[at + 1] == wanted[f][i] / 4 - 2);
      BOOST_TEST((Bytes(packet.begin() + static_cast<long>(at) + 2, packet.begin() + static_cast<long>(at) + 12) ==
                  Bytes{0, 0, 0, 0, 0x10, 0, 0, 0, 0, 1}));
    }
  }
}

// Invariant 1.
BOOST_AUTO_TEST_CASE(a_gmac_iv_comes_once_and_two_objects_of_one_key_share_none) {
  std::set<Bytes> ivs;
  for (int object = 0; object < 4; ++object) {
    auto sa = ah_sa("aes128gmac");
    for (int i = 0; i < 100; ++i) {
      const Bytes packet = encapped(*sa, plain_packet(20));
      BOOST_TEST(ivs.insert(Bytes(packet.begin() + 32, packet.begin() + 40)).second);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_iv_of_gmac_is_authenticated) {
  auto out = ah_sa("aes128gmac"), in = ah_sa("aes128gmac");
  for (size_t at = 32; at < 56; ++at) {
    Bytes packet = encapped(*out, plain_packet(20));
    packet[at] ^= 0x10;
    BOOST_TEST(decap_outcome(*in, packet) == "authentication_failed");
  }
}

BOOST_AUTO_TEST_CASE(every_size_goes_through_and_comes_back) {  // HAZARDS 22
  for (const char* algorithm : kAlgorithms) {
    for (Family family : kFamilies) {
      auto out = ah_sa(algorithm, family), in = ah_sa(algorithm, family);
      for (size_t size = 0; size <= 130; ++size) {
        const Bytes plain = plain_packet(size, family);
        const Bytes packet = encapped(*out, plain);
        BOOST_TEST((packet == with_true_length(packet)));
        BOOST_TEST(decapped(*in, packet) == plain);
      }
      BOOST_TEST(in->counters.packets == 131u);
      BOOST_TEST(out->counters.bytes == in->counters.bytes);
    }
  }
}

BOOST_AUTO_TEST_CASE(fields_that_change_on_the_way_may_change_and_arrive_as_they_are) {
  auto out = ah_sa("hmac-sha1-96"), in = ah_sa("hmac-sha1-96");
  for (unsigned i = 0; i < 8; ++i) {
    Bytes packet = encapped(*out, plain_packet(30));
    Bytes wanted = plain_packet(30);
    for (Bytes* each : {&packet, &wanted}) {
      (*each)[1] = static_cast<uint8_t>(i * 31);                 // TOS
      (*each)[6] = static_cast<uint8_t>(i % 2 == 0 ? 0x40 : 0);  // DF
      (*each)[8] = static_cast<uint8_t>(i + 1);                  // TTL
      set_ipv4_checksum(*each);
    }
    BOOST_TEST(decapped(*in, packet) == wanted);
  }
  auto out6 = ah_sa("hmac-sha1-96", Family::kIpv6), in6 = ah_sa("hmac-sha1-96", Family::kIpv6);
  Bytes packet = encapped(*out6, plain_packet(30, Family::kIpv6));
  Bytes wanted = plain_packet(30, Family::kIpv6);
  for (Bytes* each : {&packet, &wanted}) {
    (*each)[0] = 0x6a;
    (*each)[1] = 0xbc;
    (*each)[2] = 0xde;
    (*each)[3] = 0xf0;
    (*each)[7] = 1;
  }
  BOOST_TEST(decapped(*in6, packet) == wanted);
}

BOOST_AUTO_TEST_CASE(a_flipped_bit_anywhere_else_is_noticed) {
  for (Family family : kFamilies) {
    for (const char* algorithm : kAlgorithms) {
      auto out = ah_sa(algorithm, family), in = ah_sa(algorithm, family);
      const Bytes whole = encapped(*out, plain_packet(40, family));
      const size_t ah = ip_bytes(family);
      unsigned flipped = 0;
      for (size_t at = 0; at < whole.size(); ++at) {
        const bool mutable_or_length =
            family == Family::kIpv4 ? at < 4 || (at >= 6 && at < 12) : at < 8;  // lengths: see the other tests
        if (mutable_or_length || at == ah + 1) continue;
        Bytes packet = whole;
        packet[at] ^= static_cast<uint8_t>(1 << at % 8);
        if (family == Family::kIpv4) set_ipv4_checksum(packet);
        ++flipped;
        BOOST_TEST(decap_outcome(*in, packet) == "authentication_failed");
      }
      BOOST_TEST(in->counters.authentication_failures == flipped);
      BOOST_TEST(in->replay.highest() == 0u);  // HAZARDS 4
      BOOST_TEST(decap_outcome(*in, whole) == "kept");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_packet_cut_at_every_length_is_dropped) {  // HAZARDS 1
  for (Family family : kFamilies) {
    for (const char* algorithm : kAlgorithms) {
      auto out = ah_sa(algorithm, family), in = ah_sa(algorithm, family);
      const Bytes whole = encapped(*out, plain_packet(21, family));
      for (size_t size = 0; size < whole.size(); ++size) {
        const Bytes cut(whole.begin(), whole.begin() + static_cast<long>(size));
        BOOST_TEST(decap_outcome(*in, cut) == "runt");
        if (size < ip_bytes(family)) continue;
        const std::string_view wanted =
            size < ip_bytes(family) + in->ah_header_bytes ? "runt" : "authentication_failed";
        BOOST_TEST(decap_outcome(*in, with_true_length(cut)) == wanted);
        BOOST_TEST(decap_outcome(*in, with_true_length(cut) + Bytes(200)) == wanted);
      }
      BOOST_TEST(decap_outcome(*in, whole) == "kept");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_length_field_other_than_the_sas_is_dropped) {
  auto out = ah_sa("hmac-sha1-96"), in = ah_sa("hmac-sha1-96");
  const Bytes whole = encapped(*out, plain_packet(100));
  for (unsigned length = 0; length < 256; ++length) {
    Bytes packet = whole;
    packet[21] = static_cast<uint8_t>(length);
    if (length != whole[21]) BOOST_TEST(decap_outcome(*in, packet) == "bad_length");
  }
  BOOST_TEST(in->counters.malformed == 255u);
  BOOST_TEST(decap_outcome(*in, whole) == "kept");
}

BOOST_AUTO_TEST_CASE(of_two_copies_in_one_burst_one_passes) {  // HAZARDS 5
  for (Family family : kFamilies) {
    auto out = ah_sa("hmac-sha2_256-128", family), in = ah_sa("hmac-sha2_256-128", family);
    const Bytes one = plain_packet(30, family), other = plain_packet(31, family);
    const Bytes first = encapped(*out, one), second = encapped(*out, other);
    for (const Bytes& packet : {second, first, first, second}) push(*in, packet);
    decap_ah(context, burst);
    BOOST_TEST((take() == std::vector<Bytes>{other, one}));
    BOOST_TEST(in->counters.replays == 2u);
    BOOST_TEST(decap_outcome(*in, first) == "replayed");  // HAZARDS 4
  }
}

BOOST_AUTO_TEST_CASE(a_number_seen_before_is_dropped_before_a_key_is_used) {  // RFC 4302 section 3.4.3
  auto out = ah_sa("hmac-sha1-96"), in = ah_sa("hmac-sha1-96");
  Bytes packet = encapped(*out, plain_packet(30));
  BOOST_TEST(decap_outcome(*in, packet) == "kept");
  packet.back() ^= 1;  // its ICV is wrong now, but nobody looks
  BOOST_TEST(decap_outcome(*in, packet) == "replayed");
  BOOST_TEST(in->counters.authentication_failures == 0u);
}

BOOST_AUTO_TEST_CASE(the_last_sequence_number_is_used_and_none_after_it) {  // HAZARDS 7
  auto out = ah_sa("hmac-sha1-96"), in = ah_sa("hmac-sha1-96");
  out->sequence.reserve(0xffffffff - 2);
  for (size_t i = 0; i < 5; ++i) push(*out, plain_packet(i));
  encap_ah(context, burst);
  const std::vector<Bytes> packets = take();
  BOOST_REQUIRE(packets.size() == 2u);
  for (size_t i = 0; i < packets.size(); ++i) BOOST_TEST(decapped(*in, packets[i]) == plain_packet(i));
  BOOST_TEST(in->replay.highest() == 0xffffffffu);
  BOOST_TEST(encap_outcome(*out, plain_packet(1)) == "sequence_exhausted");
  BOOST_TEST(out->counters.exhausted == 4u);
}

BOOST_AUTO_TEST_CASE(a_source_routed_packet_is_signed_as_it_will_arrive) {  // RFC 4302 appendix A.1
  auto out = keyed_sa("ah.1000@10.0.1.2", "10.0.0.1", "hmac-sha1-96");
  auto in = keyed_sa("ah.1000@10.8.8.8", "10.0.0.1", "hmac-sha1-96");
  const Bytes sent = ipv4_packet({.options = {131, 7, 4, 10, 8, 8, 8, 1}}, counted_bytes(30));
  Bytes packet = encapped(*out, sent);
  BOOST_TEST(packet[19] == 2);  // still on its way to the first hop
  BOOST_TEST(decap_outcome(*in, packet) == "unsupported");
  Bytes arrived = sent;
  for (Bytes* each : {&packet, &arrived}) {  // what the first hop does to it: RFC 791 section 3.1
    std::ranges::copy(Bytes{10, 8, 8, 8}, each->begin() + 16);
    std::ranges::copy(Bytes{10, 0, 1, 2}, each->begin() + 23);
    (*each)[22] = 8;
    set_ipv4_checksum(*each);
  }
  BOOST_TEST(decapped(*in, packet) == arrived);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_predicted_is_refused) {
  auto sa = ah_sa("hmac-sha1-96", Family::kIpv6);
  Bytes routing = extension_header(kProtocolUdp, 24);
  routing[2] = 0;
  routing[3] = 1;
  const Bytes routed = gateway_packet(Family::kIpv6, routing + counted_bytes(50), kProtocolRouting);
  BOOST_TEST(encap_outcome(*sa, routed) == "unsupported");
  const Bytes long_chain = extension_header(kProtocolUdp, 224) + counted_bytes(50);
  BOOST_TEST(encap_outcome(*sa, gateway_packet(Family::kIpv6, long_chain, kProtocolHopByHop)) == "unsupported");
  const Bytes long_ah = extension_header(kProtocolAh, 224) + Bytes{17, 4} + Bytes(48);
  BOOST_TEST(decap_outcome(*sa, gateway_packet(Family::kIpv6, long_ah, kProtocolHopByHop)) == "unsupported");
  const Bytes longest = gateway_packet(Family::kIpv6, extension_header(17, 216) + counted_bytes(50), kProtocolHopByHop);
  BOOST_TEST(decapped(*sa, encapped(*sa, longest)) == longest);
}

BOOST_AUTO_TEST_CASE(fragments_and_packets_of_the_other_family_are_refused) {
  auto sa = ah_sa("hmac-sha1-96");
  BOOST_TEST(encap_outcome(*sa, ipv4_packet({.flags_fragment = 1}, counted_bytes(40))) == "fragment");
  BOOST_TEST(encap_outcome(*sa, plain_packet(40, Family::kIpv6)) == "tunnel_mismatch");
  BOOST_TEST(decap_outcome(*sa, plain_packet(100)) == "bad_next_header");
}

BOOST_AUTO_TEST_CASE(a_mixed_burst_with_refused_packets_keeps_its_order) {
  std::vector<std::unique_ptr<Sa>> out, in;
  std::vector<Bytes> wanted;
  Bytes routing = extension_header(kProtocolUdp, 24);
  routing[2] = 0;
  routing[3] = 1;
  for (size_t i = 0; i < kBurstCapacity; ++i) {
    const Family family = i % 2 == 0 ? Family::kIpv4 : Family::kIpv6;
    out.push_back(ah_sa(kAlgorithms[i % std::size(kAlgorithms)], family));
    in.push_back(ah_sa(kAlgorithms[i % std::size(kAlgorithms)], family));
    if (i % 8 == 3) {  // refused after its number is reserved
      push(*out[i], gateway_packet(Family::kIpv6, routing + counted_bytes(50), kProtocolRouting));
    } else {
      wanted.push_back(plain_packet(i * 20, family));
      push(*out[i], wanted.back());
    }
  }
  encap_ah(context, burst);
  BOOST_REQUIRE(burst.count == wanted.size());
  for (BurstEntry& entry : burst) {
    const auto at = std::ranges::find_if(out, [&](const auto& sa) { return sa.get() == entry.sa; });
    entry.sa = in[static_cast<size_t>(at - out.begin())].get();
  }
  decap_ah(context, burst);
  BOOST_TEST((take() == wanted));
  BOOST_TEST(drops(DropReason::unsupported) == 8u);
  BOOST_TEST(all_drops() == 8u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
