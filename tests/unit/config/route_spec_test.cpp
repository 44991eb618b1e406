// Routes, addresses and the names of protected interfaces.
#include "config/route_spec.h"

#include <boost/test/unit_test.hpp>

#include "error_text.h"

namespace spigrp {

using test::error_text;
using test::holds;

namespace {

RouteSpec route(std::string_view destination, std::string_view via, std::string device = {}) {
  RouteSpec spec{.destination = parse_ip_prefix(destination, HostBits::kAllowed).value(), .device = std::move(device)};
  if (!via.empty()) spec.via = parse_ip_address(via).value();
  return spec;
}

AddressSpec port_address(std::string_view address, std::string device = "wan") {
  return {parse_ip_prefix(address, HostBits::kAllowed).value(), std::move(device)};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(route_spec)

BOOST_AUTO_TEST_CASE(routes_have_a_gateway_a_device_both_or_none) {
  for (const RouteSpec& spec :
       {route("10.2.0.0/24", "192.0.2.2", "ipsec0"), route("10.2.0.0/24", "192.0.2.2"), route("10.2.0.0/24", "", "wan"),
        route("10.2.0.0/24", ""), route("0.0.0.0/0", "192.0.2.2"), route("::/0", "2001:db8::2", "wan")}) {
    BOOST_TEST(error_text(validate(spec)) == "");
  }
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_a_route_is_said) {
  BOOST_TEST(holds(error_text(validate(route("10.2.0.1/24", "192.0.2.2"))), "host bits set; write 10.2.0.0/24"));
  BOOST_TEST(holds(error_text(validate(route("10.2.0.0/24", "2001:db8::2"))), "another address family"));
  BOOST_TEST(holds(error_text(validate(route("10.2.0.0/24", "0.0.0.0"))), "unspecified address"));
  RouteSpec too_many = route("10.2.0.0/24", "");
  too_many.destination.bits = 33;
  BOOST_TEST(holds(error_text(validate(too_many)), "too many prefix bits"));
}

BOOST_AUTO_TEST_CASE(a_port_has_addresses_of_hosts_only) {
  for (const std::string_view good : {"192.0.2.1/24", "192.0.2.1/32", "10.0.0.0/31", "2001:db8::1/64", "fe80::1/64"}) {
    BOOST_TEST(error_text(validate(port_address(good))) == "");
  }
  const struct {
    std::string_view address, reason;
  } cases[] = {
      {"0.0.0.0/0", "unspecified"},   {"::/0", "unspecified"},     {"224.0.0.1/24", "group"},
      {"239.255.255.255/8", "group"}, {"ff02::1/64", "group"},     {"127.0.0.1/8", "loopback"},
      {"::1/128", "loopback"},        {"240.0.0.1/8", "reserved"}, {"255.255.255.255/32", "reserved"},
  };
  for (const auto& [address, reason] : cases) {
    BOOST_TEST(holds(error_text(validate(port_address(address))), reason), address);
  }
  BOOST_TEST(holds(error_text(validate(port_address("192.0.2.1/24", ""))), "names no port; add --dev PORT"));
  AddressSpec too_many = port_address("192.0.2.1/24");
  too_many.address.bits = 33;
  BOOST_TEST(holds(error_text(validate(too_many)), "too many prefix bits"));
}

BOOST_AUTO_TEST_CASE(protected_interfaces_are_ipsec0_to_ipsec63) {
  for (unsigned number = 0; number < 64; ++number) {
    BOOST_TEST(parse_interface_name("ipsec" + std::to_string(number)).value() == number);
  }
  for (const std::string_view name :
       {"", "ipsec", "ipsec64", "ipsec00", "ipsec01", "ipsec-1", "ipsec+1", "ipsec 1", "ipsec1 ", "ipsec0x1", "IPSEC0",
        "eth0", "ipsec4294967296", "ipsec18446744073709551616"}) {
    BOOST_TEST(!parse_interface_name(name).has_value(), name << " was taken");
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
