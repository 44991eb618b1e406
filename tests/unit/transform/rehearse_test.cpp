// A rehearsal says of each packet what encap then does to it, and leaves the SA as it was.
#include "step_fixture.h"
#include "transform/step_burst.h"

namespace spigrp::test {
namespace {

struct Rehearsed {
  std::string_view outcome;  // "kept", or the reason for which it would be dropped
  Bytes packet;
};

struct RehearsalFixture : StepFixture {
  Rehearsed rehearse(Sa& sa, const Bytes& bytes) {
    rte_mbuf* packet = make_writable(packet_from(bytes), sa.overhead.head_bytes, sa.overhead.tail_bytes, packet_pool());
    const Verdict verdict = transform_of(sa).rehearse(sa, packet, {});
    Rehearsed rehearsed{"kept", bytes_of(packet)};
    if (!verdict.kept()) rehearsed = {drop_reason_name(verdict.reason()), {}};
    rte_pktmbuf_free(packet);
    return rehearsed;
  }

  // As encap does it: the same end, the same size, the same IP header but for what no other packet has.
  void check(Sa& sa, const Bytes& bytes) {
    const uint64_t sent = sa.sequence.sent(), packets = sa.counters.packets;
    const uint16_t identification = sa.identification;
    const Rehearsed rehearsed = rehearse(sa, bytes);
    BOOST_TEST(sa.sequence.sent() == sent);
    BOOST_TEST(sa.counters.packets == packets);
    BOOST_TEST(sa.identification == identification);
    BOOST_TEST_CONTEXT(sa.id.text() << ", " << bytes.size() << " bytes") {
      BOOST_TEST(encap_outcome(sa, bytes) == rehearsed.outcome);
      if (rehearsed.outcome != "kept") return;
      Bytes done = encapped(sa, bytes);
      BOOST_REQUIRE(done.size() == rehearsed.packet.size());
      Bytes header(done.begin(), done.begin() + 40), expected(rehearsed.packet.begin(), rehearsed.packet.begin() + 40);
      if (header[0] >> 4 == 4) {
        for (Bytes* one : {&header, &expected}) (*one)[4] = (*one)[5] = (*one)[10] = (*one)[11] = 0;
        header.resize(20);
        expected.resize(20);
      }
      BOOST_TEST(header == expected);
    }
  }
};

Bytes with_ipv4_options(const Bytes& options, size_t payload_bytes) {
  return ipv4_packet({.options = options}, counted_bytes(payload_bytes));
}

std::vector<Bytes> packets_of_all_kinds() {
  std::vector<Bytes> packets;
  for (const size_t bytes : {0, 1, 30, 31, 64, 89, 1400}) {
    packets.push_back(ipv4_packet({.source = {10, 1, 0, 2}, .destination = {10, 2, 0, 2}}, counted_bytes(bytes)));
    packets.push_back(ipv6_packet({}, counted_bytes(bytes)));
  }
  Bytes fragment = packets[2];
  fragment[6] = 0x20;
  set_ipv4_checksum(fragment);
  packets.push_back(fragment);
  packets.push_back(with_ipv4_options({0x94, 4, 0, 0}, 100));              // router alert
  packets.push_back(with_ipv4_options({131, 3, 4, 0}, 100));               // a source route that is finished
  packets.push_back(with_ipv4_options({131, 7, 4, 10, 9, 9, 9, 0}, 100));  // and one that is not
  packets.push_back(with_ipv4_options({131, 3, 3, 0}, 100));               // and one without its address
  packets.push_back(ipv6_packet({.next_header = 43}, Bytes{17, 0, 0, 1, 0, 0, 0, 0} + counted_bytes(40)));
  packets.push_back(ipv6_packet({.next_header = 44}, Bytes{17, 0, 0, 0, 0, 0, 0, 9} + counted_bytes(40)));
  packets.push_back(ipv6_packet({.next_header = 0}, Bytes{17, 40} + Bytes(400)));
  return packets;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(rehearsal, RehearsalFixture)

BOOST_AUTO_TEST_CASE(a_rehearsal_ends_as_encap_does) {
  std::vector<std::unique_ptr<Sa>> sas;
  for (const auto& [af, at, from] :
       {std::tuple(".", "@192.0.2.2", "192.0.2.1"), {":", "@2001:db8::2", "2001:db8::1"}}) {
    const auto id = [&](std::string_view proto) { return std::string(proto) + af + "1000" + at; };
    for (const char* algorithm : {"aes128gcm16", "aes128-sha1-96", "3des-md5-96", "null-sha2_256-128", "aes128gmac"}) {
      sas.push_back(keyed_sa(id("esp"), from, algorithm));
    }
    for (const char* algorithm : {"hmac-sha1-96", "hmac-sha2_512-256"})
      sas.push_back(keyed_sa(id("ah"), from, algorithm));
    for (const DfChoice df : {DfChoice::kCopy, DfChoice::kSet, DfChoice::kClear}) {
      sas.push_back(tunnel_sa(id("tun"), from, {.df = df}));
    }
  }
  for (const auto& sa : sas) {
    for (const Bytes& packet : packets_of_all_kinds()) check(*sa, packet);
  }
}

BOOST_AUTO_TEST_CASE(a_rehearsal_of_extended_numbers_has_no_more_bytes_than_the_packet) {
  SaSpec spec = keyed_spec("ah.1000@192.0.2.2", "192.0.2.1", "hmac-sha1-96");
  spec.extended_sequence = true;
  const auto sa = made(spec);
  check(*sa, packets_of_all_kinds()[4]);
}

BOOST_AUTO_TEST_CASE(a_used_up_sa_is_seen_without_a_number) {
  for (const char* id : {"esp.1000@192.0.2.2", "ah.1000@192.0.2.2"}) {
    const auto sa = keyed_sa(id, "192.0.2.1", id[0] == 'e' ? "aes128gcm16" : "hmac-sha1-96");
    sa->sequence.reserve(Sequence::kLast32);
    check(*sa, packets_of_all_kinds()[0]);
    BOOST_TEST(rehearse(*sa, packets_of_all_kinds()[0]).outcome == "sequence_exhausted");
  }
}

BOOST_AUTO_TEST_CASE(a_lifetime_that_a_packet_does_not_fit_into_is_seen_and_not_used_up) {
  const Bytes packet = ipv4_packet({}, counted_bytes(100));
  for (const bool by_packets : {true, false}) {
    for (const char* id : {"esp.1000@192.0.2.2", "ah.1000@192.0.2.2"}) {
      SaSpec spec = keyed_spec(id, "192.0.2.1", id[0] == 'e' ? "aes128gcm16" : "hmac-sha1-96");
      (by_packets ? spec.lifetime.hard.packets : spec.lifetime.hard.bytes) = by_packets ? 2 : 250;
      const auto sa = made(spec);
      for (int i = 0; i < 2; ++i) {
        BOOST_TEST(rehearse(*sa, packet).outcome == "kept");
        BOOST_TEST(encap_outcome(*sa, packet) == "kept");
      }
      BOOST_TEST(rehearse(*sa, packet).outcome == "sa_expired");
      BOOST_TEST(encap_outcome(*sa, packet) == "sa_expired");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_rehearsal_of_comp_is_the_longest_that_can_leave) {
  SaSpec spec;
  spec.id = parse_sa_id("comp.1000@192.0.2.2").value();
  spec.source = address("192.0.2.1");
  spec.algorithm = kCompressionAlgorithm;
  const auto sa = made(spec);
  for (const Bytes& packet : packets_of_all_kinds()) {
    const Rehearsed rehearsed = rehearse(*sa, packet);
    BOOST_TEST(encap_outcome(*sa, packet) == rehearsed.outcome);
    if (rehearsed.outcome == "kept") BOOST_TEST(rehearsed.packet == packet);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
