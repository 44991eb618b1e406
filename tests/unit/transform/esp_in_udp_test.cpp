// ESP in UDP (RFC 3948) through one transform. That the bytes are right, packet_vectors_test.cpp shows over scapy's.
#include "packet/udp_datagram.h"
#include "transform/step_fixture.h"

namespace spigrp {
using namespace test;
namespace {

constexpr Family kUdpFamilies[] = {Family::kIpv4, Family::kIpv6};

SaSpec udp_spec(Family family = Family::kIpv4, std::string_view algorithm = "aes128gcm16") {
  const bool is_ipv4 = family == Family::kIpv4;
  SaSpec spec = keyed_spec((is_ipv4 ? "esp.1000@" : "esp:1000@") + std::string(is_ipv4 ? kThere : kThere6),
                           is_ipv4 ? kHere : kHere6, algorithm);
  spec.udp_encapsulation = UdpEncapsulation{40001, 4500};
  return spec;
}

std::unique_ptr<Sa> udp_sa(Family family = Family::kIpv4, std::string_view algorithm = "aes128gcm16") {
  return made(udp_spec(family, algorithm));
}

size_t ip_bytes(const Bytes& packet) {
  return packet[0] >> 4 == 4 ? 20 : 40;
}

unsigned word_of(const Bytes& packet, size_t at) {
  return static_cast<unsigned>(packet[at] << 8 | packet[at + 1]);
}

Bytes with_source_port(Bytes packet, unsigned port) {
  put16(packet, ip_bytes(packet), port);
  return packet;
}

// The packet without its UDP header, as bare ESP.
Bytes bared(Bytes packet) {
  const auto udp = packet.begin() + static_cast<long>(ip_bytes(packet));
  packet.erase(udp, udp + 8);
  packet[packet[0] >> 4 == 4 ? 9 : 6] = kProtocolEsp;
  return with_true_length(packet);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(esp_in_udp, StepFixture)

BOOST_AUTO_TEST_CASE(the_udp_header_has_the_ports_its_length_and_a_checksum_over_ipv6_only) {
  for (const Family family : kUdpFamilies) {
    auto sa = udp_sa(family);
    sa->udp->to_peer->follow(40007);
    const Bytes packet = encapped(*sa, gateway_packet(family, counted_bytes(100)));
    const size_t at = ip_bytes(packet);
    BOOST_TEST(packet[family == Family::kIpv4 ? 9 : 6] == kProtocolUdp);
    BOOST_TEST(word_of(packet, at) == 40001u);
    BOOST_TEST(word_of(packet, at + 2) == 40007u);
    BOOST_TEST(word_of(packet, at + 4) == packet.size() - at);
    BOOST_TEST((word_of(packet, at + 6) == 0) == (family == Family::kIpv4));
    BOOST_TEST(packet.size() <= at + 100 + sa->overhead.head_bytes + sa->overhead.tail_bytes);
  }
}

BOOST_AUTO_TEST_CASE(no_checksum_is_asked_of_what_comes) {  // RFC 3948 section 2.2, RFC 6936
  for (const Family family : kUdpFamilies) {
    for (const unsigned checksum : {0u, 1u, 0xffffu}) {
      auto out = udp_sa(family), in = udp_sa(family);
      const Bytes plain = gateway_packet(family, counted_bytes(60), 253);
      Bytes packet = encapped(*out, plain);
      put16(packet, ip_bytes(packet) + 6, checksum);
      BOOST_TEST(decapped(*in, packet) == plain);
    }
  }
}

BOOST_AUTO_TEST_CASE(encapsulation_must_be_as_the_sa_has_it) {
  for (const Family family : kUdpFamilies) {
    SaSpec bare_spec = udp_spec(family);
    bare_spec.udp_encapsulation.reset();
    auto out = udp_sa(family), in = udp_sa(family), bare = made(bare_spec);
    const Bytes packet = encapped(*out, gateway_packet(family, counted_bytes(60)));
    BOOST_TEST(decap_outcome(*bare, packet) == "encapsulation_mismatch");
    BOOST_TEST(decap_outcome(*in, bared(packet)) == "encapsulation_mismatch");
    BOOST_TEST(in->counters.malformed == 1u);
    Bytes other_port = packet;
    put16(other_port, ip_bytes(packet) + 2, 4501);
    BOOST_TEST(decap_outcome(*in, other_port) == "encapsulation_mismatch");
    BOOST_TEST(decap_outcome(*bare, bared(packet)) == "kept");
    BOOST_TEST(decap_outcome(*in, packet) == "kept");
  }
}

// HAZARDS 1.
BOOST_AUTO_TEST_CASE(no_length_is_believed) {
  for (const Family family : kUdpFamilies) {
    for (const std::string_view algorithm : {"aes128gcm16", "aes128-sha1-96", "null-sha2_256-128"}) {
      auto out = udp_sa(family, algorithm), in = udp_sa(family, algorithm);
      const Bytes packet = encapped(*out, gateway_packet(family, {}));
      const size_t at = ip_bytes(packet);
      for (size_t cut = 1; cut <= packet.size() - at; ++cut) {
        Bytes shorter(packet.begin(), packet.end() - static_cast<long>(cut));
        shorter = with_true_length(shorter);
        BOOST_TEST(decap_outcome(*in, shorter) == "runt");  // by the UDP length
        if (shorter.size() < at + 8) continue;
        put16(shorter, at + 4, static_cast<unsigned>(shorter.size() - at));
        const std::string_view by_esp = decap_outcome(*in, shorter);
        BOOST_TEST((by_esp == "runt" || by_esp == "bad_length"), by_esp);
        put16(shorter, at + 4, static_cast<unsigned>(shorter.size() - at - 1));
        BOOST_TEST(decap_outcome(*in, shorter) == "malformed");
      }
      BOOST_TEST(decap_outcome(*in, packet) == "kept");
    }
  }
}

BOOST_AUTO_TEST_CASE(the_peer_is_followed_to_another_port_by_its_newest_packet) {
  for (const Family family : kUdpFamilies) {
    auto out = udp_sa(family), in = udp_sa(family);
    const Bytes plain = gateway_packet(family, counted_bytes(60));
    const Bytes first = encapped(*out, plain), second = encapped(*out, plain), third = encapped(*out, plain);
    BOOST_TEST(decap_outcome(*in, first) == "kept");
    BOOST_TEST(in->udp->from_peer->port() == 40001);
    BOOST_TEST(decap_outcome(*in, with_source_port(third, 50003)) == "kept");
    BOOST_TEST(in->udp->from_peer->port() == 50003);
    // An older one that comes late is let in, but says nothing of where the peer is now.
    BOOST_TEST(decap_outcome(*in, with_source_port(second, 50002)) == "kept");
    BOOST_TEST(in->udp->from_peer->port() == 50003);
  }
}

// Invariant 7.
BOOST_AUTO_TEST_CASE(a_forged_or_replayed_packet_does_not_move_the_peer) {
  auto out = udp_sa(), in = udp_sa();
  const Bytes plain = gateway_packet(Family::kIpv4, counted_bytes(60));
  const Bytes first = encapped(*out, plain);
  Bytes forged = with_source_port(encapped(*out, plain), 50001);
  forged.back() ^= 1;
  BOOST_TEST(decap_outcome(*in, first) == "kept");
  BOOST_TEST(decap_outcome(*in, forged) == "authentication_failed");
  BOOST_TEST(decap_outcome(*in, with_source_port(first, 50002)) == "replayed");
  out->sequence.reserve(200);
  BOOST_TEST(decap_outcome(*in, encapped(*out, plain)) == "kept");
  BOOST_TEST(decap_outcome(*in, with_source_port(first, 50003)) == "outside_window");
  BOOST_TEST(decap_outcome(*in, with_source_port(encapped(*out, plain), 0)) == "kept");
  BOOST_TEST(in->udp->from_peer->port() == 40001);
  // From another address: let in by esp, but not followed.
  Bytes elsewhere = with_source_port(encapped(*out, plain), 50004);
  elsewhere[15] ^= 1;
  set_ipv4_checksum(elsewhere);
  BOOST_TEST(decap_outcome(*in, elsewhere) == "kept");
  BOOST_TEST(in->udp->from_peer->port() == 40001);
}

// Two copies of one packet in one burst, from two ports: the second is a replay (HAZARDS 5).
BOOST_AUTO_TEST_CASE(of_two_copies_in_one_burst_the_second_does_not_move_the_peer) {
  auto out = udp_sa(), in = udp_sa();
  const Bytes packet = encapped(*out, gateway_packet(Family::kIpv4, counted_bytes(60)));
  push(*in, with_source_port(packet, 50001));
  push(*in, with_source_port(packet, 50002));
  decap_esp(context, burst);
  BOOST_TEST(take().size() == 1u);
  BOOST_TEST(in->udp->from_peer->port() == 50001);
}

// Without a window a replay would look like news; without an ICV anything would.
BOOST_AUTO_TEST_CASE(who_cannot_tell_news_follows_nobody) {
  SaSpec no_window = udp_spec(), no_icv = udp_spec(Family::kIpv4, "aes128");
  no_window.replay_window = 0;
  for (const SaSpec* spec : {&no_window, &no_icv}) {
    auto out = made(*spec), in = made(*spec);
    const Bytes packet = encapped(*out, gateway_packet(Family::kIpv4, counted_bytes(60)));
    BOOST_TEST(decap_outcome(*in, with_source_port(packet, 50001)) == "kept");
    BOOST_TEST(in->udp->from_peer->port() == 40001);
  }
}

// RFC 3948 section 3.1.2: the sender summed over addresses that have been translated since.
BOOST_AUTO_TEST_CASE(the_payload_of_transport_mode_gets_a_checksum_over_the_addresses_it_arrives_with) {
  for (const uint8_t protocol : {kProtocolUdp, kProtocolTcp}) {
    auto out = udp_sa(), in = udp_sa();
    Bytes payload = protocol == kProtocolUdp ? udp_datagram(1, 2, counted_bytes(31)) : counted_bytes(39, 5);
    put16(payload, protocol == kProtocolUdp ? 6 : 16, 0xffff);
    Bytes sent = gateway_packet(Family::kIpv4, payload, protocol);
    ExactPacket summed(sent);
    repair_checksum(summed.get(), parse_ip(summed.get()).ip);
    sent = bytes_of(summed.get());
    Bytes packet = encapped(*out, sent), due = sent;
    for (Bytes* translated : {&packet, &due}) {
      (*translated)[12] = 203;
      set_ipv4_checksum(*translated);
    }
    ExactPacket summed_again(due);
    repair_checksum(summed_again.get(), parse_ip(summed_again.get()).ip);
    due = bytes_of(summed_again.get());
    BOOST_TEST(due != sent);
    BOOST_TEST(decapped(*in, packet) == due);
  }
}

BOOST_AUTO_TEST_CASE(what_is_in_a_tunnel_keeps_its_checksum_right_or_wrong) {
  auto out = udp_sa(), in = udp_sa();
  Bytes wrong = udp_datagram(1, 2, counted_bytes(31));
  put16(wrong, 6, 0xabcd);
  const Bytes inner = ipv4_packet({}, wrong);
  const Bytes plain = gateway_packet(Family::kIpv4, inner, kProtocolIpip);
  BOOST_TEST(decapped(*in, encapped(*out, plain)) == plain);
  // And without an ICV nothing shows that a payload came as it was sent.
  auto bare_out = udp_sa(Family::kIpv4, "aes128"), bare_in = udp_sa(Family::kIpv4, "aes128");
  const Bytes transport = gateway_packet(Family::kIpv4, wrong);
  BOOST_TEST(decapped(*bare_in, encapped(*bare_out, transport)) == transport);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
