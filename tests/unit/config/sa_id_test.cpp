// SAIDs in all the forms that are read, and the one that is printed.
#include "config/sa_id.h"

#include <algorithm>
#include <array>
#include <set>

#include <boost/test/unit_test.hpp>

#include "error_text.h"

namespace spigrp {

using test::error_text;
using test::holds;

BOOST_AUTO_TEST_SUITE(sa_id)

BOOST_AUTO_TEST_CASE(every_form_is_read_and_the_first_is_printed) {
  const struct {
    std::string_view typed, printed;
    SaProtocol protocol;
    uint32_t spi;
  } cases[] = {
      {"tun.113@192.0.2.1", "tun.113@192.0.2.1", SaProtocol::kTunnel, 0x113},
      {"esp:235@3049:1::1", "esp:235@3049:1::1", SaProtocol::kEsp, 0x235},
      {"tun0x113@192.0.2.1", "tun.113@192.0.2.1", SaProtocol::kTunnel, 0x113},
      {"tun0x113@3049:1::1", "tun:113@3049:1::1", SaProtocol::kTunnel, 0x113},
      {"tun275@192.0.2.1", "tun.113@192.0.2.1", SaProtocol::kTunnel, 275},
      {"ah0X1fF@192.0.2.1", "ah.1ff@192.0.2.1", SaProtocol::kAh, 0x1ff},
      {"ah.100@192.0.2.1", "ah.100@192.0.2.1", SaProtocol::kAh, 0x100},
      {"esp.FFFFFFFF@192.0.2.1", "esp.ffffffff@192.0.2.1", SaProtocol::kEsp, 0xffffffff},
      {"esp.00000113@192.0.2.1", "esp.113@192.0.2.1", SaProtocol::kEsp, 0x113},
      {"esp4294967295@192.0.2.1", "esp.ffffffff@192.0.2.1", SaProtocol::kEsp, 0xffffffff},
      {"comp.2@192.0.2.1", "comp.2@192.0.2.1", SaProtocol::kComp, 2},
      {"comp.ffff@192.0.2.1", "comp.ffff@192.0.2.1", SaProtocol::kComp, 0xffff},
      {"esp:187a101b@2001:DB8:0:0::1", "esp:187a101b@2001:db8::1", SaProtocol::kEsp, 0x187a101b},
  };
  for (const auto& [typed, printed, protocol, spi] : cases) {
    const auto id = parse_sa_id(typed);
    BOOST_REQUIRE_MESSAGE(id.has_value(), typed << ": " << error_text(id));
    BOOST_TEST(id->text() == printed);
    BOOST_TEST((id->protocol == protocol && id->spi == spi));
    BOOST_TEST((parse_sa_id(printed).value() == *id));
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_said_is_refused_with_the_reason) {
  const struct {
    std::string_view typed, reason;
  } cases[] = {
      {"", "not a SAID"},
      {"tun", "not a SAID"},
      {"@192.0.2.1", "not a SAID"},
      {"tun@192.0.2.1", "not a SAID"},
      {"tun.@192.0.2.1", "not a SAID"},
      {"tun.113", "not a SAID"},
      {".113@192.0.2.1", "not a SAID"},
      {"gre.113@192.0.2.1", "not a SAID"},
      {"TUN.113@192.0.2.1", "not a SAID"},
      {"tun.0x113@192.0.2.1", "not a SAID"},
      {"tun..113@192.0.2.1", "not a SAID"},
      {"tun.11g@192.0.2.1", "not a SAID"},
      {"tun-113@192.0.2.1", "not a SAID"},
      {"tun.-113@192.0.2.1", "not a SAID"},
      {" tun.113@192.0.2.1", "not a SAID"},
      {"tun.113@", "not an IPv4"},
      {"tun.113@192.0.2.1/32", "not an IPv4"},
      {"tun.113@192.0.2.1@192.0.2.2", "not an IPv4"},
      {"tun.113@gw2", "not an IPv4 or IPv6 address"},
      {"tun.113@3049:1::1", "not an IPv4 address"},
      {"tun:113@192.0.2.1", "not an IPv6 address"},
      {"tun.ff@192.0.2.1", "SPI 0xff: 0 … 0xff are reserved"},
      {"tun.0@192.0.2.1", "SPI 0x0: 0 … 0xff are reserved"},
      {"tun255@192.0.2.1", "SPI 0xff: 0 … 0xff are reserved"},
      {"esp.2@192.0.2.1", "SPI 0x2: 0 … 0xff are reserved"},
      {"comp.3@192.0.2.1", "SPI 0x3: 0 … 0xff are reserved"},
      {"comp.10000@192.0.2.1", "CPI 0x10000: has more than 16 bits"},
      {"esp.100000000@192.0.2.1", "not a number of 32 bits"},
      {"esp4294967296@192.0.2.1", "not a number of 32 bits"},
  };
  for (const auto& [typed, reason] : cases) {
    const auto id = parse_sa_id(typed);
    BOOST_REQUIRE_MESSAGE(!id.has_value(), typed << " was taken");
    BOOST_TEST(holds(error_text(id), reason), error_text(id));
    BOOST_TEST(error_text(id).find(typed) == 0u);
  }
}

BOOST_AUTO_TEST_CASE(a_name_goes_to_the_resolver_with_the_family_that_the_said_has) {
  std::optional<Family> asked;
  const AddressResolver resolve = [&asked](std::string_view name, std::optional<Family> wanted) -> Expected<IpAddress> {
    asked = wanted;
    if (name != "gw2") return failure(std::string(name), "no such name");
    return parse_ip_address(wanted == Family::kIpv6 ? "2001:db8::2" : "192.0.2.2");
  };
  BOOST_TEST(parse_sa_id("tun.113@gw2", resolve)->text() == "tun.113@192.0.2.2");
  BOOST_TEST((asked == Family::kIpv4));
  BOOST_TEST(parse_sa_id("tun:113@gw2", resolve)->text() == "tun:113@2001:db8::2");
  BOOST_TEST((asked == Family::kIpv6));
  BOOST_TEST(parse_sa_id("tun0x113@gw2", resolve)->text() == "tun.113@192.0.2.2");
  BOOST_TEST(!asked.has_value());
  BOOST_TEST(error_text(parse_sa_id("tun.113@gw3", resolve)) == "tun.113@gw3: gw3: no such name");
  // A resolver that does not care must not turn '.' into ':'.
  const AddressResolver careless = [](std::string_view, std::optional<Family>) { return parse_ip_address("::2"); };
  BOOST_TEST(holds(error_text(parse_sa_id("tun.113@gw2", careless)), "write tun:113@::2"));
}

BOOST_AUTO_TEST_CASE(protocols_have_the_words_of_the_commands) {
  for (const std::string_view word : {"tun", "comp", "esp", "ah"}) {
    BOOST_TEST(protocol_word(parse_protocol(word).value()) == word);
  }
  for (const std::string_view word : {"", "ESP", "ipip", "es", "espp"}) BOOST_TEST(!parse_protocol(word).has_value());
}

BOOST_AUTO_TEST_CASE(an_spi_is_hexadecimal_or_decimal) {
  BOOST_TEST(parse_spi("0x100", SaProtocol::kEsp).value() == 0x100u);
  BOOST_TEST(parse_spi("256", SaProtocol::kEsp).value() == 256u);
  BOOST_TEST(parse_spi("2", SaProtocol::kComp).value() == 2u);
  for (const std::string_view spi : {"", "0x", "113g", "-256", "255", "0xff", "4294967296"}) {
    BOOST_TEST(!parse_spi(spi, SaProtocol::kEsp).has_value(), spi << " was taken");
  }
  BOOST_TEST(error_text(validate_spi(0x10000, SaProtocol::kEsp)) == "");
  BOOST_TEST(error_text(validate_spi(0x10000, SaProtocol::kComp)) ==
             "CPI 0x10000: has more than 16 bits; use 0x100 … 0xffff");
}

BOOST_AUTO_TEST_CASE(sas_that_differ_in_one_part_differ_and_hash_apart) {
  std::set<SaId> ids;
  std::set<size_t> hashes;
  for (const std::string_view text : {"tun.113@192.0.2.1", "esp.113@192.0.2.1", "tun.114@192.0.2.1",
                                      "tun.113@192.0.2.2", "tun:113@c000:201::", "tun:113@::1"}) {
    const SaId id = parse_sa_id(text).value();
    ids.insert(id);
    hashes.insert(SaIdHash{}(id));
    BOOST_TEST(SaIdHash{}(id) == SaIdHash{}(parse_sa_id(text).value()));
  }
  BOOST_TEST(ids.size() == 6u);
  BOOST_TEST(hashes.size() == 6u);
}

BOOST_AUTO_TEST_CASE(neighbouring_spis_spread_over_the_buckets) {
  constexpr size_t kBuckets = 1024;
  std::array<unsigned, kBuckets> filled{};
  for (uint32_t spi = 0x1000; spi < 0x1000 + 8 * kBuckets; ++spi) {
    ++filled[SaIdHash{}(SaId{SaProtocol::kEsp, spi, IpAddress::ipv4(0xc0000201)}) % kBuckets];
  }
  // 8 in each on average; a hash that spreads well stays far below 32 in the fullest.
  BOOST_TEST(*std::max_element(filled.begin(), filled.end()) < 32u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
