// ipcomp: streams that zlib made (tests/vectors/make_packets.py) must come out as they were (HAZARDS 15), ours must
// come back, and nothing that is wrong with a stream may do harm (HAZARDS 10). That zlib takes ours is for the
// end-to-end tests.
#include <fstream>
#include <random>

#include <nlohmann/json.hpp>

#include "transform/step_fixture.h"

namespace spigrp {
using namespace test;

BOOST_FIXTURE_TEST_SUITE(ipcomp, StepFixture)

constexpr uint16_t kCpi = 0x1000;
constexpr Family kFamilies[] = {Family::kIpv4, Family::kIpv6};

std::unique_ptr<Sa> comp_sa(Family family, uint32_t cpi = kCpi) {
  SaSpec spec;
  spec.id = {SaProtocol::kComp, cpi, address(family == Family::kIpv4 ? kThere : kThere6)};
  spec.source = address(family == Family::kIpv4 ? kHere : kHere6);
  spec.algorithm = kCompressionAlgorithm;
  return made(spec);
}

Bytes prose(size_t size) {
  static constexpr std::string_view kWords[] = {"packet ", "group ", "transform ", "the ", "of ", "reverse ", "order "};
  static std::minstd_rand random(7);
  Bytes bytes;
  while (bytes.size() < size) {
    const std::string_view word = kWords[random() % std::size(kWords)];
    bytes.insert(bytes.end(), word.begin(), word.end());
  }
  bytes.resize(size);
  return bytes;
}

Bytes noise(size_t size) {
  static std::minstd_rand random(11);
  Bytes bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random() >> 13);
  return bytes;
}

size_t header_bytes(const Bytes& packet) {
  return packet[0] >> 4 == 4 ? (packet[0] & 0xf) * 4u : 40;
}

uint8_t protocol_of(const Bytes& packet) {
  return packet[packet[0] >> 4 == 4 ? 9 : 6];
}

Bytes stream_of(const Bytes& plain) {
  const auto stream = deflate().compress(plain, Deflate::kMostBytes);
  return Bytes(stream.begin(), stream.end());
}

// An IPComp packet with any header and any stream.
Bytes ipcomp_packet(Family family, const Bytes& stream, uint16_t cpi = kCpi, uint8_t next_header = kProtocolUdp,
                    uint8_t flags = 0) {
  Bytes ipcomp{next_header, flags, 0, 0};
  put16(ipcomp, 2, cpi);
  return gateway_packet(family, ipcomp + stream, kProtocolIpcomp);
}

BOOST_AUTO_TEST_CASE(what_zlib_compresses_comes_out_as_it_was) {
  std::ifstream stream(SPIGRP_VECTORS "/ipcomp_packets.json");
  const nlohmann::json file = nlohmann::json::parse(stream);
  BOOST_TEST(file.at("packets").size() > 100u);
  for (const auto& json : file.at("packets")) {
    BOOST_TEST_CONTEXT(json.at("name")) {
      const auto bytes = [&json](const char* field) { return from_hex(json.at(field).get<std::string>()); };
      const uint16_t cpi = json.at("cpi");
      // The well-known CPI is taken for the SA's own.
      auto sa = comp_sa(bytes("plain")[0] >> 4 == 4 ? Family::kIpv4 : Family::kIpv6, cpi == kCpiDeflate ? kCpi : cpi);
      BOOST_TEST(decapped(*sa, bytes("compressed")) == bytes("plain"));
      BOOST_TEST(sa->counters.bytes == bytes("plain").size());
      BOOST_TEST(sa->counters.compressed_bytes == bytes("compressed").size());
    }
  }
}

BOOST_AUTO_TEST_CASE(what_shrinks_gets_a_header_and_comes_back_as_it_was) {
  for (const Family family : kFamilies) {
    auto sa = comp_sa(family);
    uint64_t plain_bytes = 0, compressed_bytes = 0;
    for (size_t size : {90, 91, 100, 128, 255, 512, 1000, 1420, 3000, 3900}) {
      const Bytes plain = gateway_packet(family, prose(size));
      const Bytes packet = encapped(*sa, plain);
      BOOST_REQUIRE(packet.size() < plain.size());
      const size_t at = header_bytes(packet);
      BOOST_TEST(packet == with_true_length(packet));
      BOOST_TEST(protocol_of(packet) == kProtocolIpcomp);
      BOOST_TEST(Bytes(packet.begin() + static_cast<ptrdiff_t>(at), packet.begin() + static_cast<ptrdiff_t>(at) + 4) ==
                 (Bytes{kProtocolUdp, 0, kCpi >> 8, kCpi & 0xff}));
      BOOST_TEST(decapped(*sa, packet) == plain);
      plain_bytes += plain.size();
      compressed_bytes += packet.size();
    }
    BOOST_TEST(sa->counters.bytes == 2 * plain_bytes);  // out and in again
    BOOST_TEST(sa->counters.compressed_bytes == 2 * compressed_bytes);
  }
}

BOOST_AUTO_TEST_CASE(options_and_extension_headers_stay_in_front) {
  const Bytes with_options = ipv4_packet(
      {.source = {192, 0, 2, 1}, .destination = {198, 51, 100, 2}, .options = Bytes{148, 4, 0, 0}}, prose(500));
  auto sa = comp_sa(Family::kIpv4);
  const Bytes packet = encapped(*sa, with_options);
  BOOST_TEST((packet.size() < with_options.size() && packet[0] == 0x46 && packet[20] == 148));
  BOOST_TEST(decapped(*sa, packet) == with_options);

  auto sa6 = comp_sa(Family::kIpv6);
  const Bytes with_extension =
      gateway_packet(Family::kIpv6, extension_header(kProtocolUdp) + prose(500), kProtocolHopByHop);
  const Bytes packet6 = encapped(*sa6, with_extension);
  BOOST_TEST((packet6.size() < with_extension.size() && packet6[6] == kProtocolHopByHop));
  BOOST_TEST((packet6[40] == kProtocolIpcomp));
  BOOST_TEST(decapped(*sa6, packet6) == with_extension);
  // Ours go behind IPComp, others' may stand in front of it.
  const Bytes in_front = gateway_packet(
      Family::kIpv6, extension_header(kProtocolIpcomp) + Bytes{kProtocolUdp, 0, 0, kCpiDeflate} + stream_of(prose(200)),
      kProtocolDestinationOptions);
  BOOST_TEST(decapped(*sa6, in_front).size() == 40u + 8 + 200);
}

BOOST_AUTO_TEST_CASE(what_would_not_shrink_is_sent_exactly_as_it_was) {
  for (const Family family : kFamilies) {
    for (size_t size : {0, 1, 89, 90, 200, 1420}) {
      const Bytes plain = gateway_packet(family, noise(size));
      BOOST_TEST(encapped(*comp_sa(family), plain) == plain);
    }
    const Bytes small = gateway_packet(family, Bytes(89));  // would shrink
    BOOST_TEST(encapped(*comp_sa(family), small) == small);
    const Bytes compressed = ipcomp_packet(family, Bytes(500));
    BOOST_TEST(encapped(*comp_sa(family), compressed) == compressed);
  }
  for (const uint16_t fragment : std::initializer_list<uint16_t>{0x2000, 0x2010, 0x0010}) {
    const Bytes plain = ipv4_packet(
        {.flags_fragment = fragment, .source = {192, 0, 2, 1}, .destination = {198, 51, 100, 2}}, prose(500));
    auto sa = comp_sa(Family::kIpv4);
    BOOST_TEST(encapped(*sa, plain) == plain);
    BOOST_TEST(decapped(*sa, plain) == plain);
  }
}

BOOST_AUTO_TEST_CASE(the_compressed_packet_with_its_header_is_shorter_or_is_not_sent) {
  // Noise with a growing run at its end goes through all lengths around the limit.
  auto sa = comp_sa(Family::kIpv4);
  unsigned compressed = 0;
  for (size_t run = 0; run < 100; ++run) {
    const Bytes plain = gateway_packet(Family::kIpv4, noise(200) + Bytes(run));
    sa->trials.note_success();
    const Bytes packet = encapped(*sa, plain);
    if (packet == plain) continue;
    ++compressed;
    BOOST_TEST(packet.size() < plain.size());
    BOOST_TEST(decapped(*sa, packet) == plain);
  }
  BOOST_TEST((compressed > 20u && compressed < 95u));
}

BOOST_AUTO_TEST_CASE(traffic_that_does_not_compress_is_tried_ever_less_and_never_given_up) {
  auto sa = comp_sa(Family::kIpv4);
  const Bytes random = gateway_packet(Family::kIpv4, noise(500)), text = gateway_packet(Family::kIpv4, prose(500));
  for (int i = 0; i < 3; ++i) encapped(*sa, random);
  BOOST_TEST(encapped(*sa, text).size() < text.size());  // three in a row are forgiven
  for (int i = 0; i < 4; ++i) encapped(*sa, random);
  for (int i = 0; i < CompressionTrials::kFirstSkipped; ++i) BOOST_TEST(encapped(*sa, text) == text);
  BOOST_TEST(encapped(*sa, text).size() < text.size());
  BOOST_TEST(encapped(*sa, text).size() < text.size());  // and from then on
}

BOOST_AUTO_TEST_CASE(a_packet_without_the_header_is_taken_as_it_is) {
  for (const Family family : kFamilies) {
    auto sa = comp_sa(family);
    const Bytes plain = gateway_packet(family, prose(50));
    BOOST_TEST(decapped(*sa, plain) == plain);
    BOOST_TEST((sa->counters.packets == 1 && sa->counters.bytes == plain.size()));
    // Another SA's header is none of this one's.
    for (const uint16_t cpi : std::initializer_list<uint16_t>{0x1001, 0, 1, 3, 0xffff}) {
      const Bytes others = ipcomp_packet(family, stream_of(prose(200)), cpi);
      BOOST_TEST(decapped(*sa, others) == others);
    }
  }
  Bytes elsewhere = ipcomp_packet(Family::kIpv4, stream_of(prose(200)));
  elsewhere[19] = 99;
  set_ipv4_checksum(elsewhere);
  BOOST_TEST(decapped(*comp_sa(Family::kIpv4), elsewhere) == elsewhere);
}

BOOST_AUTO_TEST_CASE(flags_are_ignored) {  // RFC 3173 section 3.3
  const Bytes plain = prose(200), stream = stream_of(plain);
  for (const unsigned flags : {1, 0x80, 0xff}) {
    const Bytes packet = ipcomp_packet(Family::kIpv4, stream, kCpi, kProtocolUdp, static_cast<uint8_t>(flags));
    BOOST_TEST(decapped(*comp_sa(Family::kIpv4), packet) == gateway_packet(Family::kIpv4, plain));
  }
}

BOOST_AUTO_TEST_CASE(a_stream_cut_short_or_followed_by_something_is_dropped) {
  for (const Family family : kFamilies) {
    auto sa = comp_sa(family);
    const uint64_t drops_before = all_drops();
    for (const Bytes& stream :
         {stream_of(prose(300)), stream_of(noise(40)), Bytes{3, 0}, Bytes{1, 1, 0, 0xfe, 0xff, 9}}) {
      for (size_t size = 0; size < stream.size(); ++size) {
        const Bytes part(stream.begin(), stream.begin() + static_cast<ptrdiff_t>(size));
        BOOST_TEST(decap_outcome(*sa, ipcomp_packet(family, part)) == "bad_compression");
      }
      BOOST_TEST(decap_outcome(*sa, ipcomp_packet(family, stream)) == "kept");
      for (size_t more : {1, 2, 7, 8, 9, 100}) {
        BOOST_TEST(decap_outcome(*sa, ipcomp_packet(family, stream + Bytes(more))) == "bad_compression");
      }
    }
    BOOST_TEST(sa->counters.malformed == all_drops() - drops_before);
    for (size_t size : {0, 1, 2, 3}) {
      BOOST_TEST(decap_outcome(*sa, gateway_packet(family, Bytes(size), kProtocolIpcomp)) == "runt");
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_stream_is_dropped) {
  auto sa = comp_sa(Family::kIpv4);
  const std::pair<const char*, Bytes> wrong[] = {
      {"block type 3", {7, 0}},
      {"stored length and its complement differ", {1, 1, 0, 0, 0, 9}},
      {"a distance before the beginning", {3, 2, 0}},
      {"no end", Bytes(100, 0)},
      {"zlib's header", Bytes{0x78, 0x9c} + stream_of(prose(100))},
      {"too many codes", {0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
  };
  for (const auto& [name, stream] : wrong) {
    BOOST_TEST(decap_outcome(*sa, ipcomp_packet(Family::kIpv4, stream)) == "bad_compression", name);
  }
}

BOOST_AUTO_TEST_CASE(ipcomp_within_ipcomp_is_dropped) {
  // HAZARDS 10
  for (const Family family : kFamilies) {
    Bytes inner{kProtocolUdp, 0, kCpi >> 8, kCpi & 0xff};
    inner = inner + stream_of(prose(200));
    BOOST_TEST(decap_outcome(*comp_sa(family), ipcomp_packet(family, stream_of(inner), kCpi, kProtocolIpcomp)) ==
               "bad_compression");
  }
}

BOOST_AUTO_TEST_CASE(what_inflates_to_more_than_a_buffer_holds_is_dropped) {
  // HAZARDS 10
  for (const Family family : kFamilies) {
    const size_t header = family == Family::kIpv4 ? 20 : 40;
    const size_t most = kBufferBytes - RTE_PKTMBUF_HEADROOM - header;
    auto sa = comp_sa(family);
    for (const size_t size : {most - 1, most}) {
      const Bytes plain = prose(size);
      BOOST_TEST((decapped(*sa, ipcomp_packet(family, stream_of(plain))) == gateway_packet(family, plain)));
    }
    for (const size_t size : {most + 1, most + 8, size_t{20000}, size_t{65535}}) {
      BOOST_TEST(decap_outcome(*sa, ipcomp_packet(family, stream_of(prose(100) + Bytes(size - 100)))) ==
                 "inflated_too_big");
      BOOST_TEST(decap_outcome(*sa, ipcomp_packet(family, stream_of(Bytes(size)))) == "inflated_too_big");
    }
  }
}

BOOST_AUTO_TEST_CASE(empty_blocks_without_end_make_nothing_and_end) {
  // HAZARDS 10: each block of five bytes holds none.
  Bytes stream;
  for (int i = 0; i < 300; ++i) stream = stream + Bytes{0, 0, 0, 0xff, 0xff};
  BOOST_TEST(decap_outcome(*comp_sa(Family::kIpv4), ipcomp_packet(Family::kIpv4, stream)) == "bad_compression");
  BOOST_TEST(decapped(*comp_sa(Family::kIpv4), ipcomp_packet(Family::kIpv4, stream + Bytes{3, 0})).size() == 20u);
}

BOOST_AUTO_TEST_CASE(a_packet_that_grows_moves_to_the_front_of_its_buffer) {
  auto sa = comp_sa(Family::kIpv4);
  const Bytes plain = prose(kBufferBytes - RTE_PKTMBUF_HEADROOM - 20);
  rte_mbuf* packet = rte_pktmbuf_alloc(packet_pool());
  packet->data_off = 1000;
  const Bytes bytes = ipcomp_packet(Family::kIpv4, stream_of(plain));
  std::copy(bytes.begin(), bytes.end(), rte_pktmbuf_append(packet, static_cast<uint16_t>(bytes.size())));
  burst.push({packet, sa.get(), nullptr, 0, 0});
  decap_ipcomp(context, burst);
  BOOST_TEST((take() == std::vector<Bytes>{gateway_packet(Family::kIpv4, plain)}));
}

BOOST_AUTO_TEST_CASE(a_fragment_of_a_compressed_packet_is_dropped) {
  Bytes packet = ipcomp_packet(Family::kIpv4, stream_of(prose(200)));
  packet[6] = 0x20;
  set_ipv4_checksum(packet);
  BOOST_TEST(decap_outcome(*comp_sa(Family::kIpv4), packet) == "fragment");
}

BOOST_AUTO_TEST_CASE(any_bytes_do_no_harm) {
  // Invariant 6: every bit of a stream flipped, and noise of every length.
  auto sa = comp_sa(Family::kIpv4);
  const Bytes stream = stream_of(prose(400));
  uint64_t packets = 0;  // streams that hold something else are as good as others: IPComp has no checksum
  for (size_t bit = 0; bit < stream.size() * 8; ++bit, ++packets) {
    Bytes wrong = stream;
    wrong[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    decapped(*sa, ipcomp_packet(Family::kIpv4, wrong));
  }
  for (int round = 0; round < 20; ++round) {
    for (size_t size = 0; size < 400; ++size, ++packets) decapped(*sa, ipcomp_packet(Family::kIpv4, noise(size)));
  }
  BOOST_TEST(sa->counters.packets + all_drops() == packets);
  BOOST_TEST(drops(DropReason::bad_compression) + drops(DropReason::inflated_too_big) == all_drops());
  BOOST_TEST(decapped(*sa, ipcomp_packet(Family::kIpv4, stream)).size() == 420u);
}

BOOST_AUTO_TEST_CASE(a_burst_of_many_sas_keeps_its_order) {
  std::vector<std::unique_ptr<Sa>> sas;
  std::vector<Bytes> wanted;
  for (unsigned i = 0; i < kBurstCapacity; ++i) {
    sas.push_back(comp_sa(kFamilies[i % 2], kCpi + i));
    const Bytes plain = gateway_packet(kFamilies[i % 2], i % 3 == 0 ? noise(100 + i) : prose(20 * i));
    push(*sas.back(), plain);
    wanted.push_back(plain);
  }
  encap_ipcomp(context, burst);
  BOOST_TEST(burst.count == kBurstCapacity);
  burst.entries[5].packet->data_len = static_cast<uint16_t>(burst.entries[5].packet->data_len - 1);  // cut short
  burst.entries[5].packet->pkt_len -= 1;
  wanted.erase(wanted.begin() + 5);
  decap_ipcomp(context, burst);
  BOOST_TEST((take() == wanted));
  BOOST_TEST(all_drops() == 1u);
}

BOOST_AUTO_TEST_CASE(a_packet_of_the_other_family_is_not_sent) {
  BOOST_TEST(encap_outcome(*comp_sa(Family::kIpv4), gateway_packet(Family::kIpv6, prose(200))) == "tunnel_mismatch");
  BOOST_TEST(encap_outcome(*comp_sa(Family::kIpv6), gateway_packet(Family::kIpv4, prose(200))) == "tunnel_mismatch");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
