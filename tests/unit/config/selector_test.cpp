// Selectors and the magic SAIDs.
#include "config/selector.h"

#include <set>

#include <boost/test/unit_test.hpp>

#include "error_text.h"

namespace spigrp {

using test::error_text;
using test::holds;

namespace {

Selector selector(std::string_view source, std::string_view destination) {
  return {.source = parse_ip_prefix(source, HostBits::kAllowed).value(),
          .destination = parse_ip_prefix(destination, HostBits::kAllowed).value()};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(selectors)

BOOST_AUTO_TEST_CASE(selectors_of_both_families_are_valid) {
  BOOST_TEST(error_text(validate(selector("10.1.0.0/24", "10.2.0.0/24"))) == "");
  BOOST_TEST(error_text(validate(selector("0.0.0.0/0", "10.2.0.1/32"))) == "");
  BOOST_TEST(error_text(validate(selector("fd00:1::/64", "::/0"))) == "");
  BOOST_TEST((selector("10.1.0.0/24", "10.2.0.0/24").family() == Family::kIpv4));
  BOOST_TEST((selector("fd00:1::/64", "::/0").family() == Family::kIpv6));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_a_selector_is_said) {
  BOOST_TEST(holds(error_text(validate(selector("10.1.0.0/24", "fd00::/64"))), "different address families"));
  BOOST_TEST(holds(error_text(validate(selector("10.1.0.1/24", "10.2.0.0/24"))), "host bits set; write 10.1.0.0/24"));
  BOOST_TEST(holds(error_text(validate(selector("10.1.0.0/24", "10.2.0.1/24"))), "host bits set; write 10.2.0.0/24"));
  Selector too_many = selector("10.1.0.0/24", "10.2.0.0/24");
  too_many.source.bits = 33;
  BOOST_TEST(holds(error_text(validate(too_many)), "too many prefix bits"));
}

BOOST_AUTO_TEST_CASE(only_protocols_with_ports_take_ports) {
  for (unsigned protocol = 0; protocol < 256; ++protocol) {
    for (const bool is_source : {true, false}) {
      Selector with_port = selector("10.1.0.0/24", "10.2.0.0/24");
      with_port.protocol = static_cast<uint8_t>(protocol);
      (is_source ? with_port.source_port : with_port.destination_port) = 80;
      const bool has_ports = protocol == 6 || protocol == 17 || protocol == 132;
      BOOST_TEST(validate(with_port).has_value() == has_ports, "protocol " << protocol);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_selector_prints_with_its_ports) {
  Selector shown = selector("10.0.0.0/8", "10.1.0.0/16");
  shown.destination_port = 80;
  BOOST_TEST(shown.text() == "10.0.0.0/8:0 -> 10.1.0.0/16:80");
}

BOOST_AUTO_TEST_CASE(icmp_types_go_with_the_icmp_of_their_family_and_codes_with_a_type) {
  for (const auto& [nets, protocol] : {std::pair(selector("10.1.0.0/24", "10.2.0.0/24"), uint8_t{1}),
                                       {selector("fd00:1::/64", "fd00:2::/64"), uint8_t{58}}}) {
    Selector each = nets;
    each.protocol = protocol;
    each.icmp_type = uint8_t{0};
    BOOST_TEST(validate(each).has_value());
    each.icmp_code = uint8_t{0};
    BOOST_TEST(validate(each).has_value());
    BOOST_TEST(each.text() == nets.text() + " protocol " + std::to_string(protocol) + " type 0 code 0");
    for (const uint8_t other : {uint8_t{0}, uint8_t{6}, static_cast<uint8_t>(59 - protocol)}) {
      each.protocol = other;
      BOOST_TEST(validate(each).error().text().find("only ICMP") != std::string::npos);
    }
    each.protocol = protocol;
    each.icmp_type.reset();
    BOOST_TEST(validate(each).error().text().find("without its type") != std::string::npos);
    Selector with_port = nets;
    with_port.protocol = protocol;
    with_port.source_port = 8;
    BOOST_TEST(validate(with_port).error().remedy.find("--icmp-type") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(selectors_that_differ_in_one_part_differ_and_hash_apart) {
  std::vector<Selector> selectors(12, selector("10.1.0.0/24", "10.2.0.0/24"));
  selectors[1].source = parse_ip_prefix("10.1.1.0/24").value();
  selectors[2].destination = parse_ip_prefix("10.2.1.0/24").value();
  selectors[3].source.bits = 25;
  selectors[4].destination.bits = 25;
  selectors[5].protocol = 6;
  selectors[6].source_port = 80;
  selectors[7].destination_port = 80;
  for (size_t i = 8; i < 12; ++i) selectors[i].protocol = 1;
  selectors[9].icmp_type = selectors[10].icmp_type = uint8_t{0};
  selectors[10].icmp_code = uint8_t{0};
  selectors[11].icmp_type = uint8_t{8};
  std::set<size_t> hashes;
  for (const Selector& each : selectors) hashes.insert(SelectorHash{}(each));
  BOOST_TEST(std::set<Selector>(selectors.begin(), selectors.end()).size() == selectors.size());
  BOOST_TEST(hashes.size() == selectors.size());
  // One direction is not the other.
  const Selector there = selector("10.1.0.0/24", "10.2.0.0/24"), back = selector("10.2.0.0/24", "10.1.0.0/24");
  BOOST_TEST(SelectorHash{}(there) != SelectorHash{}(back));
}

BOOST_AUTO_TEST_CASE(magic_words_are_read_and_printed) {
  const struct {
    std::string_view word;
    MagicTarget target;
    std::string_view printed;
  } cases[] = {
      {"%pass", MagicTarget::kPass, "%pass"},
      {"%drop", MagicTarget::kDrop, "%drop"},
      {"%reject", MagicTarget::kReject, "%reject"},
      {"%trap", MagicTarget::kTrap, "%trap"},
      {"%trapsubnet", MagicTarget::kTrapSubnet, "%trapsubnet"},
      {"%hold", MagicTarget::kHold, "%hold"},
      {"%passthrough", MagicTarget::kPass, "%pass"},
      {"%passthrough4", MagicTarget::kPass, "%pass"},
      {"%passthrough6", MagicTarget::kPass, "%pass"},
  };
  for (const auto& [word, target, printed] : cases) {
    BOOST_TEST((parse_magic(word).value() == target));
    BOOST_TEST(magic_word(target) == printed);
    BOOST_TEST(text(ErouteTarget(target)) == printed);
  }
  for (const std::string_view word : {"", "%", "pass", "%PASS", "%passthrough5", "%drop ", "tun.113@192.0.2.1"}) {
    BOOST_TEST(!parse_magic(word).has_value(), word << " was taken");
  }
  BOOST_TEST(text(ErouteTarget(parse_sa_id("tun0x113@192.0.2.1").value())) == "tun.113@192.0.2.1");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
