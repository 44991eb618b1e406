// eroute: what its words make, and what it refuses.
#include "command_fixture.h"

namespace spigrp {
namespace {

const std::string kNets = "--eraf inet --src 10.1.0.0/24 --dst 10.2.0.0/16 ";

BOOST_FIXTURE_TEST_SUITE(eroute, World)

BOOST_AUTO_TEST_CASE(without_words_it_lists_the_eroutes) {
  lists("eroute", Listing::kEroutes);
}

BOOST_AUTO_TEST_CASE(add_and_replace_differ_in_what_becomes_of_an_existing_one) {
  const auto added = edit<ErouteSet>("eroute --add " + kNets + "--said %drop");
  BOOST_TEST((added.existing == ExistingEntry::kRefuse));
  BOOST_TEST(added.selector.text() == "10.1.0.0/24:0 -> 10.2.0.0/16:0");
  BOOST_TEST(int{added.selector.protocol} == 0);
  BOOST_TEST((edit<ErouteSet>("eroute --replace " + kNets + "--said %drop").existing == ExistingEntry::kReplace));
}

BOOST_AUTO_TEST_CASE(the_target_is_an_sa_in_either_form_or_a_magic_said) {
  for (const char* words : {"--af inet --edst gw2 --spi 0x113 --proto tun", "--said tun.113@192.0.2.2",
                            "--said tun0x113@gw2", "--edst 192.0.2.2 --spi 275 --proto tun"}) {
    BOOST_TEST(text(edit<ErouteSet>("eroute --add " + kNets + words).target) == "tun.113@192.0.2.2", words);
  }
  for (const char* word : {"%pass", "%drop", "%reject", "%hold", "%trap", "%trapsubnet"}) {
    BOOST_TEST(text(edit<ErouteSet>("eroute --add " + kNets + "--said " + word).target) == word);
  }
  const std::string nets6 = "--eraf inet6 --src fd00:1::/64 --dst fd00:2::/64 ";
  for (const auto& [nets, word] : {std::pair(kNets, "%passthrough"), std::pair(kNets, "%passthrough4"),
                                   std::pair(nets6, "%passthrough"), std::pair(nets6, "%passthrough6")}) {
    BOOST_TEST(text(edit<ErouteSet>("eroute --add " + nets + "--said " + word).target) == "%pass");
  }
  refused("eroute --add " + kNets + "--said %passthrough6", {"--said %passthrough6", "IPv4", "write %passthrough"});
  refused("eroute --add " + nets6 + "--said %passthrough4", {"--said %passthrough4", "IPv6", "write %passthrough"});
  refused("eroute --add " + kNets + "--said %nosuch", {"--said %nosuch", "%reject"});
  refused("eroute --add " + kNets + "--said %drop --spi 0x113", {"%drop", "--spi"});
  refused("eroute --add " + kNets + "--said tun.113@192.0.2.2 --spi 0x113", {"--said and --spi"});
  refused("eroute --add " + kNets, {"--edst", "missing", "--said"});
  refused("eroute --add " + kNets + "--edst 192.0.2.2 --spi 0x113", {"--proto", "missing"});
}

BOOST_AUTO_TEST_CASE(networks_are_prefixes_netmasks_hosts_and_names_of_hosts) {
  const auto network = [&](const std::string& words) {
    return edit<ErouteSet>("eroute --add " + words + " --said %drop").selector.source.text();
  };
  BOOST_TEST(network("--src 10.1.0.0/255.255.0.0 --dst 0.0.0.0/0") == "10.1.0.0/16");
  BOOST_TEST(network("--src 10.1.0.2 --dst 0.0.0.0/0") == "10.1.0.2/32");
  BOOST_TEST(network("--eraf inet --src gw1 --dst 0.0.0.0/0") == "192.0.2.1/32");
  BOOST_TEST(network("--eraf inet6 --src gw1/128 --dst ::/0") == "2001:db8::1/128");
  BOOST_TEST(network("--eraf inet6 --src fd00:1::/64 --dst fd00:2::/64") == "fd00:1::/64");
}

BOOST_AUTO_TEST_CASE(networks_that_are_none_or_do_not_fit_are_refused) {
  const std::string end = " --said %drop";
  refused("eroute --add --eraf inet --src 10.1.0.1/24 --dst 10.2.0.0/24" + end,
          {"--src 10.1.0.1/24", "host bits", "10.1.0.0/24"});
  refused("eroute --add --eraf inet --src 10.1.0.0/24 --dst fd00::/64" + end, {"--dst fd00::/64", "inet"});
  refused("eroute --add --src 10.1.0.0/24 --dst fd00::/64" + end, {"different address families"});
  refused("eroute --add --eraf inet6 --src 10.1.0.0/24 --dst 10.2.0.0/24" + end, {"--src 10.1.0.0/24", "inet6"});
  refused("eroute --add --eraf inet --src 10.1.0.0/33 --dst 10.2.0.0/24" + end, {"10.1.0.0/33"});
  refused("eroute --add --eraf inet --src nowhere/24 --dst 10.2.0.0/24" + end, {"--src nowhere"});
  refused("eroute --add --eraf inet --dst 10.2.0.0/24" + end, {"--src", "missing"});
  refused("eroute --add --eraf inet --src 10.2.0.0/24" + end, {"--dst", "missing"});
  refused("eroute --add --eraf ipv4 --src 10.1.0.0/24 --dst 10.2.0.0/24" + end, {"--eraf ipv4"});
}

BOOST_AUTO_TEST_CASE(icmp_types_are_numbers_with_or_without_a_code) {
  const auto selector = [&](const std::string& words) {
    return edit<ErouteSet>("eroute --add " + kNets + "--said %drop --transport-proto icmp " + words).selector;
  };
  BOOST_TEST(!selector("").icmp_type.has_value());
  BOOST_TEST((selector("--icmp-type 0").icmp_type == uint8_t{0}));
  BOOST_TEST(!selector("--icmp-type 0").icmp_code.has_value());
  BOOST_TEST((selector("--icmp-type 3/0").icmp_code == uint8_t{0}));
  BOOST_TEST((selector("--icmp-type=0x3/255").icmp_code == uint8_t{255}));
  BOOST_TEST((edit<ErouteDelete>("eroute --del " + kNets + "--transport-proto 1 --icmp-type 8").selector.icmp_type ==
              uint8_t{8}));
  for (const char* wrong : {"256", "-1", "echo", "3/", "/3", "3/256", "3/4/5", ""}) {
    refused(std::string("eroute --add ") + kNets + "--said %drop --transport-proto icmp --icmp-type=" + wrong,
            {"--icmp-type"});
  }
  refused("eroute --add " + kNets + "--said %drop --icmp-type 8", {"only ICMP", "--transport-proto icmp"});
}

BOOST_AUTO_TEST_CASE(protocols_and_ports_are_numbers_in_c_notation_or_names) {
  const auto selector = [&](const std::string& words) {
    return edit<ErouteSet>("eroute --add " + kNets + "--said %drop " + words).selector;
  };
  for (const char* tcp : {"tcp", "6", "0x6", "06"}) {
    BOOST_TEST(int{selector("--transport-proto " + std::string(tcp)).protocol} == 6, tcp);
  }
  BOOST_TEST(int{selector("--transport-proto ipv6-icmp").protocol} == 58);
  BOOST_TEST(int{selector("--transport-proto 255").protocol} == 255);
  BOOST_TEST(int{selector("--transport-proto 0").protocol} == 0);
  for (const char* port : {"https", "443", "0x1bb", "0673"}) {
    BOOST_TEST(selector("--transport-proto tcp --dst-port " + std::string(port)).destination_port == 443, port);
  }
  BOOST_TEST(selector("--src-port domain --transport-proto udp").source_port == 53);
  BOOST_TEST(selector("--src-port 7 --transport-proto sctp").source_port == 7);
  BOOST_TEST(selector("--src-port 0").source_port == 0);
}

BOOST_AUTO_TEST_CASE(protocols_and_ports_that_are_none_are_refused) {
  const std::string start = "eroute --add " + kNets + "--said %drop ";
  refused(start + "--transport-proto 256", {"--transport-proto 256"});
  refused(start + "--transport-proto nosuch", {"--transport-proto nosuch", "/etc/protocols"});
  refused(start + "--transport-proto tcp --dst-port 65536", {"--dst-port 65536"});
  refused(start + "--transport-proto tcp --dst-port 08", {"--dst-port 08"});
  refused(start + "--transport-proto tcp --src-port nosuch", {"--src-port nosuch", "/etc/services"});
  refused(start + "--transport-proto tcp --src-port " + std::string(500, 'x'), {"--src-port xxx"});
  refused(start + "--src-port 7", {"only TCP, UDP and SCTP", "--transport-proto"});
  refused(start + "--dst-port https", {"--dst-port https", "only TCP, UDP and SCTP"});
  refused(start + "--transport-proto icmp --dst-port 7", {"only TCP, UDP and SCTP"});
}

BOOST_AUTO_TEST_CASE(deleting_and_clearing_are_edits_without_a_target) {
  BOOST_TEST(edit<ErouteDelete>("eroute --del " + kNets).selector.text() == "10.1.0.0/24:0 -> 10.2.0.0/16:0");
  BOOST_TEST(
      edit<ErouteDelete>("eroute --del " + kNets + "--transport-proto udp --dst-port 53").selector.destination_port ==
      53);
  edit<ErouteClear>("eroute --clear");
  refused("eroute --del " + kNets + "--said %drop", {"--said", "--del"});
  refused("eroute --clear " + kNets, {"--clear"});
  refused("eroute --add --del " + kNets, {"--add and --del"});
  refused("eroute " + kNets + "--said %drop", {"what to do", "--add, --replace"});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
