// Addresses and prefixes as text: what is read, what is refused, and RFC 5952's one way to write an IPv6 address.
#include "config/ip_address.h"

#include <boost/test/unit_test.hpp>

#include "error_text.h"

namespace spigrp {

using test::error_text;
using test::holds;

BOOST_AUTO_TEST_SUITE(ip_address)

// Typed → printed.
BOOST_AUTO_TEST_CASE(addresses_print_as_rfc_5952_says) {
  const struct {
    std::string_view typed, printed;
  } cases[] = {
      {"192.0.2.1", "192.0.2.1"},
      {"0.0.0.0", "0.0.0.0"},
      {"255.255.255.255", "255.255.255.255"},
      {"2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"},  // section 4.2.3: of equal runs the first
      {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},                         // section 4.2.1: as short as can be
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},                  // section 4.2.2: not one field alone
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},                           // section 4.2.3: the longest run
      {"2001:DB8::AaAa", "2001:db8::aaaa"},                              // section 4.3: lower case
      {"2001:db8::0001", "2001:db8::1"},                                 // section 4.1: no leading zeros
      {"::", "::"},
      {"::1", "::1"},
      {"fe80::", "fe80::"},
      {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},  // section 5
  };
  for (const auto& [typed, printed] : cases) {
    const auto address = parse_ip_address(typed);
    BOOST_REQUIRE_MESSAGE(address.has_value(), typed);
    BOOST_TEST(address->text() == printed);
    BOOST_TEST((parse_ip_address(printed).value() == *address));
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_numeric_address_is_refused) {
  for (const std::string_view typed : {"",
                                       " ",
                                       "1",
                                       "1.2.3",
                                       "1.2.3.4.5",
                                       "256.0.0.1",
                                       "1.2.3.-4",
                                       "01.2.3.4",
                                       "0x7f.0.0.1",
                                       "1.2.3.4 ",
                                       " 1.2.3.4",
                                       "1.2.3.4/24",
                                       "gw2",
                                       ":",
                                       ":::",
                                       "1::2::3",
                                       "1:2:3:4:5:6:7",
                                       "1:2:3:4:5:6:7:8:9",
                                       "12345::",
                                       "g::",
                                       "fe80::1%eth0",
                                       "::ffff:1.2.3.256",
                                       "[::1]"}) {
    BOOST_TEST(!parse_ip_address(typed).has_value(), typed << " was taken");
  }
  // What stands behind a NUL must not be passed over.
  BOOST_TEST(!parse_ip_address(std::string_view("1.2.3.4\0x", 9)).has_value());
  BOOST_TEST(error_text(parse_ip_address("gw2")) == "gw2: not an IPv4 or IPv6 address");
}

BOOST_AUTO_TEST_CASE(families_have_sizes_and_words) {
  const IpAddress four = parse_ip_address("192.0.2.1").value(), six = parse_ip_address("2001:db8::1").value();
  BOOST_TEST((four.family == Family::kIpv4 && six.family == Family::kIpv6));
  BOOST_TEST((four.size() == 4 && four.max_bits() == 32 && six.size() == 16 && six.max_bits() == 128));
  BOOST_TEST((IpAddress::ipv4(0xc0000201) == four));
  for (size_t i = 4; i < 16; ++i) BOOST_TEST(four.bytes[i] == 0);
  BOOST_TEST((parse_family("inet").value() == Family::kIpv4 && parse_family("inet6").value() == Family::kIpv6));
  BOOST_TEST(error_text(parse_family("inet4")) == "inet4: not an address family; it is inet or inet6");
  BOOST_TEST((family_word(Family::kIpv4) == "inet" && family_word(Family::kIpv6) == "inet6"));
}

BOOST_AUTO_TEST_CASE(the_unspecified_address_is_known_in_both_families) {
  BOOST_TEST(parse_ip_address("0.0.0.0")->is_unspecified());
  BOOST_TEST(parse_ip_address("::")->is_unspecified());
  BOOST_TEST(!parse_ip_address("0.0.0.1")->is_unspecified());
  BOOST_TEST(!parse_ip_address("::1")->is_unspecified());
  // The same bytes, but not the same address.
  BOOST_TEST((parse_ip_address("0.0.0.0").value() != parse_ip_address("::").value()));
}

BOOST_AUTO_TEST_CASE(a_numeric_resolver_takes_the_wanted_family_only) {
  BOOST_TEST(resolve_numeric("192.0.2.1", std::nullopt).has_value());
  BOOST_TEST(resolve_numeric("192.0.2.1", Family::kIpv4).has_value());
  BOOST_TEST(error_text(resolve_numeric("192.0.2.1", Family::kIpv6)) == "192.0.2.1: not an IPv6 address");
  BOOST_TEST(error_text(resolve_numeric("::1", Family::kIpv4)) == "::1: not an IPv4 address");
  BOOST_TEST(!resolve_numeric("localhost", std::nullopt).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(ip_prefix)

BOOST_AUTO_TEST_CASE(prefixes_are_read_with_bits_or_a_netmask) {
  const struct {
    std::string_view typed, printed;
  } cases[] = {
      {"10.0.0.0/8", "10.0.0.0/8"},
      {"10.0.0.0/255.0.0.0", "10.0.0.0/8"},
      {"192.0.2.128/255.255.255.128", "192.0.2.128/25"},
      {"192.0.2.1", "192.0.2.1/32"},
      {"192.0.2.1/255.255.255.255", "192.0.2.1/32"},
      {"0.0.0.0/0", "0.0.0.0/0"},
      {"0.0.0.0/0.0.0.0", "0.0.0.0/0"},
      {"2001:db8::/32", "2001:db8::/32"},
      {"2001:db8::/ffff:ffff::", "2001:db8::/32"},
      {"2001:db8::1", "2001:db8::1/128"},
      {"::/0", "::/0"},
      {"fe80::/10", "fe80::/10"},
  };
  for (const auto& [typed, printed] : cases) {
    const auto prefix = parse_ip_prefix(typed);
    BOOST_REQUIRE_MESSAGE(prefix.has_value(), typed << ": " << error_text(prefix));
    BOOST_TEST(prefix->text() == printed);
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_prefix_is_refused_with_the_reason) {
  const struct {
    std::string_view typed, reason;
  } cases[] = {
      {"", "not an address or prefix"},
      {"/24", "not an address or prefix"},
      {"gw2/24", "not an address or prefix"},
      {"10.0.0.0/", "neither a netmask nor 0 … 32"},
      {"10.0.0.0/33", "neither a netmask nor 0 … 32"},
      {"10.0.0.0/-1", "neither a netmask nor 0 … 32"},
      {"10.0.0.0/+8", "neither a netmask nor 0 … 32"},
      {"10.0.0.0/0x8", "neither a netmask nor 0 … 32"},
      {"10.0.0.0/8/8", "neither a netmask nor 0 … 32"},
      {"10.0.0.0/4294967304", "neither a netmask nor 0 … 32"},
      {"2001:db8::/129", "neither a netmask nor 0 … 128"},
      {"10.0.0.0/255.0.255.0", "not ones followed by zeros"},
      {"10.0.0.0/0.255.255.255", "not ones followed by zeros"},
      {"10.0.0.0/ff00::", "of the other family"},
      {"2001:db8::/255.0.0.0", "of the other family"},
      {"10.0.0.1/8", "has host bits set; the prefix is 10.0.0.0/8"},
      {"10.0.0.1/255.0.0.0", "has host bits set; the prefix is 10.0.0.0/8"},
      {"2001:db8::1/127", "has host bits set; the prefix is 2001:db8::/127"},
      {"0.0.0.1/0", "has host bits set; the prefix is 0.0.0.0/0"},
  };
  for (const auto& [typed, reason] : cases) {
    const auto prefix = parse_ip_prefix(typed);
    BOOST_REQUIRE_MESSAGE(!prefix.has_value(), typed);
    BOOST_TEST(holds(error_text(prefix), reason), error_text(prefix));
  }
}

BOOST_AUTO_TEST_CASE(a_ports_address_keeps_its_host_bits) {
  const auto prefix = parse_ip_prefix("192.0.2.1/24", HostBits::kAllowed);
  BOOST_REQUIRE(prefix.has_value());
  BOOST_TEST(prefix->text() == "192.0.2.1/24");
  BOOST_TEST(prefix->has_host_bits());
  BOOST_TEST(prefix->masked().text() == "192.0.2.0/24");
  BOOST_TEST(!prefix->masked().has_host_bits());
}

BOOST_AUTO_TEST_CASE(masking_works_at_every_length) {
  const IpAddress ones4 = parse_ip_address("255.255.255.255").value();
  for (unsigned bits = 0; bits <= 32; ++bits) {
    const IpPrefix masked = IpPrefix{ones4, static_cast<uint8_t>(bits)}.masked();
    const uint32_t wanted = bits == 0 ? 0 : ~uint32_t{0} << (32 - bits);
    BOOST_TEST((masked.address == IpAddress::ipv4(wanted)), masked.text());
  }
  const IpAddress ones6 = parse_ip_address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").value();
  for (unsigned bits = 0; bits <= 128; ++bits) {
    const IpPrefix masked = IpPrefix{ones6, static_cast<uint8_t>(bits)}.masked();
    unsigned ones = 0;
    for (unsigned i = 0; i < 128; ++i) ones += (masked.address.bytes[i / 8] >> (7 - i % 8)) & 1u;
    BOOST_TEST(ones == bits);
    BOOST_TEST((bits == 0 || (masked.address.bytes[(bits - 1) / 8] >> (7 - (bits - 1) % 8) & 1) == 1));
  }
}

BOOST_AUTO_TEST_CASE(a_prefix_contains_its_own_addresses_only) {
  const IpPrefix prefix = parse_ip_prefix("192.0.2.0/25").value();
  BOOST_TEST(prefix.contains(parse_ip_address("192.0.2.0").value()));
  BOOST_TEST(prefix.contains(parse_ip_address("192.0.2.127").value()));
  BOOST_TEST(!prefix.contains(parse_ip_address("192.0.2.128").value()));
  const IpPrefix everything = parse_ip_prefix("0.0.0.0/0").value();
  BOOST_TEST(everything.contains(parse_ip_address("203.0.113.9").value()));
  BOOST_TEST(!everything.contains(parse_ip_address("::").value()));
  const IpPrefix host_bits = parse_ip_prefix("2001:db8::5/64", HostBits::kAllowed).value();
  BOOST_TEST(host_bits.contains(parse_ip_address("2001:db8::6").value()));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
