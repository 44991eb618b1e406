// The [[ports]] of a configuration file: names, devices and addresses, and that each is there once.
#include <string>

#include <boost/test/unit_test.hpp>

#include "options_text.h"

namespace spigrp {

using test::all_refused;
using test::decimal;
using test::error_text;
using test::holds;
using test::parse;
using test::with;

BOOST_AUTO_TEST_SUITE(port_options)

BOOST_AUTO_TEST_CASE(there_are_1_to_32_ports) {
  const auto ports = [](unsigned count) {
    std::string text;
    for (unsigned i = 0; i < count; ++i) {
      text += "[[ports]]\nname = \"p" + decimal(i) + "\"\ndevice = \"net_null" + decimal(i) + "\"\n";
    }
    return parse(text);
  };
  BOOST_TEST(error_text(ports(0)) == "f: ports: there is none; describe one or more, each beginning with [[ports]]");
  BOOST_TEST(holds(error_text(parse("ports = []")), "ports: there is none"));
  BOOST_TEST(ports(1)->ports.size() == 1u);
  BOOST_TEST(ports(32)->ports.size() == 32u);
  BOOST_TEST(error_text(ports(33)) == "f:97: ports: there are more than 32");
}

BOOST_AUTO_TEST_CASE(a_port_needs_a_name_and_a_device) {
  BOOST_TEST(error_text(parse("\n[[ports]]\ndevice = \"net_null0\"")) ==
             "f:2: ports.name: is missing; every port has a name and a device");
  BOOST_TEST(error_text(parse("\n[[ports]]\nname = \"lan\"")) ==
             "f:2: ports.device: is missing; every port has a name and a device");
}

BOOST_AUTO_TEST_CASE(names_are_words_of_the_commands) {
  const auto named = [](const std::string& name) {
    return parse("[[ports]]\nname = '" + name + "'\ndevice = 'net_null0'");
  };
  for (const char* name :
       {"lan", "eth1", "a", "0", "fifteen-letters", "a.b_c:d@e", "ipsec", "ipsec0a", "ipsecx", "xipsec0"}) {
    BOOST_TEST(error_text(named(name)) == "");
  }
  for (const char* name : {"", "sixteen-letters-", "a b", " ", "-lan", "a#b", "a\\b", "a\"b", "l\xc3\xa4n"}) {
    BOOST_TEST(error_text(named(name)).find("f:2: ports.name: ") == 0u, name << ": " << error_text(named(name)));
  }
  for (const char* name : {"ipsec0", "ipsec63", "ipsec64", "ipsec007"}) {
    BOOST_TEST(holds(error_text(named(name)), "is a protected interface's name"), name);
  }
  BOOST_TEST(holds(error_text(parse("[[ports]]\nname = \"a\\u0007b\"\ndevice = 'x'")), "has control characters"));
}

BOOST_AUTO_TEST_CASE(devices_are_named_as_dpdk_can_take_them) {
  const auto on = [](const std::string& device) { return parse("[[ports]]\nname = 'lan'\ndevice = '" + device + "'"); };
  for (const std::string& device :
       {std::string("03:00.0"), std::string("net_af_packet_lan,iface=lan,qpairs=1,framesz=2048"),
        std::string(63, 'n') + ",iface=" + std::string(500, 'i')}) {
    BOOST_TEST(error_text(on(device)) == "");
  }
  for (const std::string& device : {std::string(), std::string(",iface=lan"), std::string(64, 'n'),
                                    std::string("net_tap0, iface=a"), std::string(5000, 'n')}) {
    BOOST_TEST(error_text(on(device)).find("f:3: ports.device: ") == 0u, device);
  }
}

BOOST_AUTO_TEST_CASE(names_devices_and_addresses_are_there_once) {
  const auto second = [](const std::string& name, const std::string& device, const std::string& addresses) {
    return parse(
        "[[ports]]\nname = 'lan'\ndevice = '0000:03:00.0'\naddresses = ['192.0.2.1/24', '2001:db8::1/64']\n"
        "[[ports]]\nname = '" +
        name + "'\ndevice = '" + device + "'\naddresses = " + addresses);
  };
  BOOST_TEST(error_text(second("wan", "0000:03:00.1", "['192.0.2.2/24']")) == "");
  BOOST_TEST(error_text(second("lan", "0000:03:00.1", "[]")) ==
             "f:6: ports: name lan is in line 2 already; each port has its own");
  // DPDK knows a device by what stands before its arguments.
  for (const char* device : {"0000:03:00.0", "03:00.0", "0000:03:00.0,arg=1"}) {
    BOOST_TEST(error_text(second("wan", device, "[]")) ==
               "f:7: ports: device 03:00.0 is in line 3 already; each port has its own");
  }
  BOOST_TEST(error_text(second("wan", "0000:03:00.1", "['192.0.2.1/32']")) ==
             "f:8: ports: address 192.0.2.1 is in line 4 already; each port has its own");
  BOOST_TEST(error_text(second("wan", "0000:03:00.1", "['2001:DB8:0::1/48']")) ==
             "f:8: ports: address 2001:db8::1 is in line 4 already; each port has its own");
  BOOST_TEST(error_text(second("wan", "0000:03:00.1", "['198.51.100.1/24',\n'198.51.100.1/25']")) ==
             "f:9: ports: address 198.51.100.1 is in line 8 already; each port has its own");
}

BOOST_AUTO_TEST_CASE(addresses_are_those_of_a_host_in_a_network) {
  for (const std::string_view good : {"192.0.2.1/24", "192.0.2.1/255.255.255.0", "192.0.2.1", "192.0.2.0/31",
                                      "192.0.2.0/32", "2001:db8::1/64", "2001:db8::/127", "2001:db8::", "fe80::1/64"}) {
    BOOST_TEST(error_text(with("addresses = [\"" + std::string(good) + "\"]")) == "");
  }
  all_refused({{"addresses = [\"192.0.2.1/33\"]", "f:4: ports.addresses: 192.0.2.1/33: "},
               {"addresses = [\"gw1/24\"]", "f:4: ports.addresses: gw1/24: not an address or prefix"},
               {"addresses = [\"192.0.2.0/24\"]", "f:4: ports.addresses: 192.0.2.0/24: is the network itself"},
               {"addresses = [\"2001:db8::/64\"]", "f:4: ports.addresses: 2001:db8::/64: is the network itself"},
               {"addresses = [\"0.0.0.0/0\"]", "f:4: ports.addresses: 0.0.0.0/0: is the unspecified address"},
               {"addresses = [\"224.0.0.1/4\"]", "f:4: ports.addresses: 224.0.0.1/4: is a group's address"},
               {"addresses = [\"127.0.0.1/8\"]", "f:4: ports.addresses: 127.0.0.1/8: is a loopback address"},
               {"addresses = [\n\"192.0.2.1/24\",\n\"\"\n]", "f:6: ports.addresses: "}});
}

BOOST_AUTO_TEST_CASE(ipv6_needs_an_mtu_of_1280) {
  BOOST_TEST(error_text(with("mtu_bytes = 1280\naddresses = [\"2001:db8::1/64\"]")) == "");
  BOOST_TEST(error_text(with("mtu_bytes = 1279\naddresses = [\"192.0.2.1/24\"]")) == "");
  BOOST_TEST(
      error_text(with("mtu_bytes = 1279\naddresses = [\"192.0.2.1/24\",\n\"2001:db8::1/64\"]")) ==
      "f:6: ports.addresses: 2001:db8::1/64: IPv6 needs an MTU of 1280 bytes or more; raise the port's mtu_bytes, "
      "now 1279");
}

BOOST_AUTO_TEST_CASE(an_ethernet_address_is_one_ports) {
  BOOST_TEST(error_text(with("mac = \"02:00:00:00:00:01\"")) == "");
  all_refused({{"mac = \"\"", "f:4: ports.mac: "},
               {"mac = \"02:00:00:00:00\"", "f:4: ports.mac: 02:00:00:00:00: not an Ethernet address"},
               {"mac = \"01:00:5e:00:00:01\"", "f:4: ports.mac: 01:00:5e:00:00:01: is a group's address"},
               {"mac = \"ff:ff:ff:ff:ff:ff\"", "is a group's address"},
               {"mac = \"00:00:00:00:00:00\"", "is all zero"}});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
