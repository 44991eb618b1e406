// spigrp: what its words make, and what it refuses.
#include "command_fixture.h"

namespace spigrp {
namespace {

std::string texts(const std::vector<SaId>& members) {
  std::string line;
  for (const SaId& id : members) line += (line.empty() ? "" : " ") + id.text();
  return line;
}

BOOST_FIXTURE_TEST_SUITE(spigrp_command, World)

BOOST_AUTO_TEST_CASE(without_words_it_lists_the_groups) {
  lists("spigrp", Listing::kGroups);
  lists("spigrp --json", Listing::kGroups);
  lists("spigrp --label day", Listing::kGroups);
}

BOOST_AUTO_TEST_CASE(two_or_more_sas_are_a_group_in_the_order_that_was_typed) {
  const std::string expected = "tun.113@192.0.2.2 esp.115@192.0.2.2 ah.116@192.0.2.2";
  for (const char* line : {"spigrp inet gw2 0x113 tun inet gw2 0x115 esp inet gw2 0x116 ah",
                           "spigrp --label L inet 192.0.2.2 275 tun inet 192.0.2.2 0x115 esp inet 192.0.2.2 278 ah",
                           "spigrp --said tun.113@192.0.2.2 esp.115@192.0.2.2 ah.116@192.0.2.2",
                           "spigrp --said=tun0x113@gw2 esp277@gw2 --json ah0x116@192.0.2.2",
                           "spigrp --said tun.113@192.0.2.2 --said esp.115@192.0.2.2 ah.116@192.0.2.2"}) {
    BOOST_TEST(texts(edit<GroupSet>(line).members) == expected, line);
  }
}

BOOST_AUTO_TEST_CASE(families_mix_and_names_get_the_family_that_stands_before_them) {
  BOOST_TEST(texts(edit<GroupSet>("spigrp inet6 gw2 0x401 tun inet gw2 0x404 ah").members) ==
             "tun:401@2001:db8::2 ah.404@192.0.2.2");
}

BOOST_AUTO_TEST_CASE(the_number_of_members_is_for_the_daemon_to_judge) {
  std::string line = "spigrp";
  for (int spi = 0x301; spi <= 0x309; ++spi) line += " inet 192.0.2.2 " + std::to_string(spi) + " esp";
  BOOST_TEST(edit<GroupSet>(line).members.size() == 9u);
}

BOOST_AUTO_TEST_CASE(one_sa_dissolves_its_group) {
  BOOST_TEST(edit<GroupDissolve>("spigrp inet gw2 0x115 esp").member.text() == "esp.115@192.0.2.2");
  BOOST_TEST(edit<GroupDissolve>("spigrp --said tun.113@192.0.2.2").member.text() == "tun.113@192.0.2.2");
}

BOOST_AUTO_TEST_CASE(replace_takes_both_forms_and_two_or_more_sas) {
  const std::string expected = "tun.113@192.0.2.2 esp.115@192.0.2.2";
  for (const char* line : {"spigrp --replace inet gw2 0x113 tun inet gw2 0x115 esp",
                           "spigrp inet gw2 0x113 tun inet gw2 0x115 esp --replace",
                           "spigrp --replace --said tun.113@192.0.2.2 esp.115@192.0.2.2",
                           "spigrp --said tun.113@192.0.2.2 esp.115@192.0.2.2 --replace"}) {
    BOOST_TEST(texts(edit<GroupReplace>(line).members) == expected, line);
  }
  refused("spigrp --replace", {"--replace", "no SAs"});
  refused("spigrp --replace inet gw2 0x113 tun", {"--replace", "spigrp --said tun.113@192.0.2.2"});
}

BOOST_AUTO_TEST_CASE(words_that_make_no_sa_are_refused_with_the_sa_they_stand_in) {
  refused("spigrp inet 192.0.2.2 0x113", {"inet 192.0.2.2 0x113", "AF DESTINATION SPI PROTO"});
  refused("spigrp inet 192.0.2.2 0x113 tun inet", {"inet: is not a whole SA"});
  refused("spigrp inet 192.0.2.2 tun 0x113", {"inet 192.0.2.2 tun 0x113", "0x113: not an IPsec protocol"});
  refused("spigrp inet7 1.2.3.4 0x113 tun", {"inet7", "inet or inet6"});
  refused("spigrp inet 192.0.2.2 0x113 xyz", {"xyz", "tun, comp, esp, ah"});
  refused("spigrp inet 192.0.2.2 zz tun", {"zz"});
  refused("spigrp inet 192.0.2.2 0xff tun", {"0xff", "reserved"});
  refused("spigrp inet 192.0.2.2 0x1ffffffff tun", {"0x1ffffffff"});
  refused("spigrp inet6 192.0.2.2 0x113 tun", {"192.0.2.2", "IPv6"});
  refused("spigrp inet no-such-host.invalid 0x113 tun", {"no-such-host.invalid"});
}

BOOST_AUTO_TEST_CASE(words_that_make_no_said_are_refused) {
  refused("spigrp --said", {"--said", "no SAID"});
  refused("spigrp --said --replace", {"--said", "no SAID"});
  refused("spigrp --said tun.113", {"tun.113", "not a SAID"});
  refused("spigrp --said %drop", {"%drop"});
  refused("spigrp --said tun.113@192.0.2.2 inet gw2 0x115 esp", {"inet", "not a SAID"});
  refused("spigrp --said tun:113@192.0.2.2", {"tun:113@192.0.2.2"});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
