// What must hold of an SA before any algorithm is looked up.
#include "config/sa_spec.h"

#include <boost/test/unit_test.hpp>

#include "error_text.h"

namespace spigrp {

using test::error_text;
using test::holds;

namespace {

IpAddress address(std::string_view text) {
  return parse_ip_address(text).value();
}

SaSpec esp() {
  return {.id = parse_sa_id("esp.115@192.0.2.2").value(),
          .source = address("192.0.2.1"),
          .algorithm = "aes128gcm16",
          .encryption_key = parse_key("0x" + std::string(40, 'a')).value()};
}

SaSpec ah() {
  return {.id = parse_sa_id("ah.116@192.0.2.2").value(),
          .source = address("192.0.2.1"),
          .algorithm = "hmac-sha1-96",
          .authentication_key = parse_key("0x" + std::string(40, 'a')).value()};
}

SaSpec tunnel() {
  return {.id = parse_sa_id("tun.113@192.0.2.2").value(),
          .source = address("192.0.2.1"),
          .tunnel_destination = address("192.0.2.2")};
}

SaSpec comp() {
  return {.id = parse_sa_id("comp.2@192.0.2.2").value(), .source = address("192.0.2.1"), .algorithm = "deflate"};
}

using Change = void (*)(SaSpec&);
struct Refused {
  SaSpec (*base)();
  Change change;
  std::string_view reason;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(sa_spec)

BOOST_AUTO_TEST_CASE(one_of_each_protocol_is_valid) {
  for (const SaSpec& spec : {esp(), ah(), tunnel(), comp()}) BOOST_TEST(error_text(validate(spec)) == "");
  SaSpec both = esp();
  both.authentication_key = both.encryption_key;
  BOOST_TEST(error_text(validate(both)) == "");
  SaSpec null_cipher = esp();
  null_cipher.authentication_key = std::move(null_cipher.encryption_key);
  BOOST_TEST(error_text(validate(null_cipher)) == "");
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused_with_the_sa_and_the_reason) {
  const Refused cases[] = {
      {esp, [](SaSpec& s) { s.id.spi = 0xff; }, "reserved"},
      {comp, [](SaSpec& s) { s.id.spi = 0x10000; }, "more than 16 bits"},
      {esp, [](SaSpec& s) { s.id.destination = {}; }, "unspecified"},
      {esp, [](SaSpec& s) { s.source = address("2001:db8::1"); }, "another address family"},
      {esp, [](SaSpec& s) { s.extended_sequence = true, s.replay_window = 0; }, "need a replay window"},
      {esp, [](SaSpec& s) { s.replay_window = 4097; }, "4097 packets is too large; use 0 … 4096"},
      {esp, [](SaSpec& s) { s.algorithm = std::string(65, 'a'); }, "name is too long"},
      {esp, [](SaSpec& s) { s.algorithm.clear(); }, "has no algorithm"},
      {esp, [](SaSpec& s) { s.encryption_key = {}; }, "has no key"},
      {esp, [](SaSpec& s) { s.encryption_key = Key(std::vector<uint8_t>(257)); }, "longer than 256 bytes"},
      {esp, [](SaSpec& s) { s.authentication_key = Key(std::vector<uint8_t>(257)); }, "longer than 256 bytes"},
      {esp, [](SaSpec& s) { s.tunnel_destination = address("192.0.2.2"); }, "only a tun SA"},
      {esp, [](SaSpec& s) { s.outer.fragment = Fragmentation::kBefore; }, "only a tun SA makes an outer header"},
      {ah, [](SaSpec& s) { s.authentication_key = {}; }, "has no key"},
      {ah, [](SaSpec& s) { s.encryption_key = s.authentication_key; }, "takes no encryption key"},
      {comp, [](SaSpec& s) { s.encryption_key = esp().encryption_key; }, "takes no keys"},
      {comp, [](SaSpec& s) { s.authentication_key = esp().encryption_key; }, "takes no keys"},
      {comp, [](SaSpec& s) { s.algorithm.clear(); }, "has no algorithm"},
      {tunnel, [](SaSpec& s) { s.algorithm = "aes"; }, "no algorithm and no keys"},
      {tunnel, [](SaSpec& s) { s.encryption_key = esp().encryption_key; }, "no algorithm and no keys"},
      {tunnel, [](SaSpec& s) { s.authentication_key = esp().encryption_key; }, "no algorithm and no keys"},
      {tunnel, [](SaSpec& s) { s.source = {}; }, "no outer source"},
      {tunnel, [](SaSpec& s) { s.outer.dscp.fixed = 64; }, "dscp 64 is more than 6 bits; use copy or 0 … 63"},
      {tunnel, [](SaSpec& s) { s.outer.ttl.fixed = 0; }, "ttl 0 lets no packet leave; use copy or 1 … 255"},
      {tunnel, [](SaSpec& s) { s.tunnel_destination = address("192.0.2.3"); }, "give --dst 192.0.2.2"},
      {tunnel, [](SaSpec& s) { s.tunnel_destination = {}; }, "give --dst 192.0.2.2"},
  };
  for (const Refused& refused : cases) {
    SaSpec spec = refused.base();
    refused.change(spec);
    const std::string text = error_text(validate(spec));
    BOOST_TEST(holds(text, refused.reason), text << " where this was due: " << refused.reason);
    BOOST_TEST(text.find(spec.id.text()) == 0u);
  }
}

BOOST_AUTO_TEST_CASE(replay_windows_reach_from_0_to_4096) {
  for (const uint16_t window : {uint16_t{0}, uint16_t{1}, uint16_t{64}, kMaxReplayWindow}) {
    SaSpec spec = esp();
    spec.replay_window = window;
    BOOST_TEST(error_text(validate(spec)) == "");
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
