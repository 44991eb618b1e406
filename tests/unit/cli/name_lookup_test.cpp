// Names to addresses. No test needs a network: localhost is in /etc/hosts, and RFC 6761 keeps ".invalid" free.
#include "cli/name_lookup.h"

#include <string>

#include <boost/test/unit_test.hpp>

namespace spigrp {
namespace {

std::string refused(const std::string& name, std::optional<Family> wanted = {}) {
  const auto address = look_up_name(name, wanted);
  BOOST_REQUIRE_MESSAGE(!address.has_value(), name + " is " + (address ? address->text() : ""));
  return address.error().problem;
}

BOOST_AUTO_TEST_CASE(a_numeric_address_is_taken_as_it_is) {
  BOOST_TEST(look_up_name("192.0.2.1", {}).value().text() == "192.0.2.1");
  BOOST_TEST(look_up_name("192.0.2.1", Family::kIpv4).value().text() == "192.0.2.1");
  BOOST_TEST(look_up_name("2001:DB8::0:1", {}).value().text() == "2001:db8::1");
  BOOST_TEST(look_up_name("::1", Family::kIpv6).value().text() == "::1");
  BOOST_TEST(look_up_name("0.0.0.0", {}).value().is_unspecified());
}

BOOST_AUTO_TEST_CASE(a_numeric_address_of_the_other_family_is_refused) {
  BOOST_TEST(refused("192.0.2.1", Family::kIpv6) == "not an IPv6 address");
  BOOST_TEST(refused("2001:db8::1", Family::kIpv4) == "not an IPv4 address");
}

BOOST_AUTO_TEST_CASE(localhost_is_in_etc_hosts) {
  const auto address = look_up_name("localhost", Family::kIpv4);
  BOOST_REQUIRE(address.has_value());
  BOOST_TEST(address->text() == "127.0.0.1");
  const auto any = look_up_name("localhost", {});
  BOOST_REQUIRE(any.has_value());
  BOOST_TEST((any->text() == "127.0.0.1" || any->text() == "::1"));
}

BOOST_AUTO_TEST_CASE(a_name_that_nobody_knows_is_refused_with_what_would_work) {
  const auto address = look_up_name("no-such-host.invalid", {});
  BOOST_REQUIRE(!address.has_value());
  BOOST_TEST(address.error().object == "no-such-host.invalid");
  BOOST_TEST(address.error().problem.starts_with("this name cannot be looked up: "));
  BOOST_TEST(address.error().remedy == "write the address itself, or ask the DNS later");
}

BOOST_AUTO_TEST_CASE(what_can_be_no_name_is_not_looked_up) {
  for (const std::string& name :
       {std::string(), std::string(" "), std::string("local host"), std::string("localhost "),
        std::string("\tlocalhost"), std::string("localhost\n"), std::string("localhost\0", 10), std::string("\x7f"),
        std::string("gw\x1b[31m"), std::string("10.0.0.0/8"), std::string("fe80::1%lo"),
        std::string("esp.115@localhost"), std::string(254, 'a')}) {
    BOOST_TEST(refused(name) == "is neither an address nor a name", name);
  }
}

BOOST_AUTO_TEST_CASE(what_was_typed_is_shown_without_control_characters) {
  const auto address = look_up_name("gw\x1b[31m\n", {});
  BOOST_REQUIRE(!address.has_value());
  BOOST_TEST(address.error().object == "gw?[31m?");
}

// getaddrinfo() takes these for addresses, and for others than one would think.
BOOST_AUTO_TEST_CASE(numbers_that_are_no_dotted_quad_are_no_names) {
  for (const char* name : {"1", "10.1", "192.0.2", "010.0.0.1", "192.0.2.1.", "192.0.2.256", "1.2.3.4.5", "0x7f000001",
                           "0xC0.0.2.1", "192.0.2.0x1", "4294967295"}) {
    BOOST_TEST(refused(name) == "is neither an address nor a name", name);
  }
}

BOOST_AUTO_TEST_CASE(names_with_numbers_in_them_are_names) {
  for (const char* name : {"1.invalid", "gw2.invalid", "0x.invalid", "10.1.0x1g.invalid"}) {
    BOOST_TEST(refused(name).starts_with("this name cannot be looked up: "), name);
  }
}

}  // namespace
}  // namespace spigrp
