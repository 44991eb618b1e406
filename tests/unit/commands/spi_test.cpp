// spi: what its words make, and what it refuses.
#include "command_fixture.h"

namespace spigrp {
namespace {

const std::string kEsp = "spi --af inet --edst 192.0.2.2 --spi 0x115 --proto esp --src 192.0.2.1 ";
const std::string kAh = "spi --af inet --edst 192.0.2.2 --spi 0x116 --proto ah --src 192.0.2.1 ";
const std::string kTun = "spi --af inet --edst 192.0.2.2 --spi 0x113 --proto tun ";
const std::string kKey16 = "0x000102030405060708090a0b0c0d0e0f";

BOOST_FIXTURE_TEST_SUITE(spi, World)

BOOST_AUTO_TEST_CASE(without_words_it_lists_the_sas_and_with_algorithms_those) {
  lists("spi", Listing::kSas);
  lists("spi --json --label x", Listing::kSas);
  lists("spi --algorithms", Listing::kAlgorithms);
}

BOOST_AUTO_TEST_CASE(an_esp_sa_has_all_that_was_typed) {
  const auto spec =
      edit<SaAdd>(kEsp + "--esp aes128-sha1-96 --replay_window 128 --enckey " + kKey16 + " --authkey 0sAAEC").spec;
  BOOST_TEST(spec.id.text() == "esp.115@192.0.2.2");
  BOOST_TEST(spec.source.text() == "192.0.2.1");
  BOOST_TEST(spec.algorithm == "aes128-sha1-96");
  BOOST_TEST(spec.encryption_key.to_hex() == kKey16);
  BOOST_TEST(spec.authentication_key.to_hex() == "0x000102");
  BOOST_TEST(spec.replay_window == 128);
  BOOST_TEST(edit<SaAdd>(kEsp + "--esp null-sha1-96 --authkey 0x00").spec.replay_window == kDefaultReplayWindow);
  BOOST_TEST(edit<SaAdd>(kEsp + "--esp x --enckey 0x00 --replay_window 0").spec.replay_window == 0);
  BOOST_TEST(edit<SaAdd>(kEsp + "--esp rot13 --enckey 0x00").spec.algorithm == "rot13");  // the daemon knows them
}

BOOST_AUTO_TEST_CASE(an_ah_sa_has_an_authentication_key_alone) {
  const auto spec = edit<SaAdd>(kAh + "--ah hmac-md5-96 --authkey " + kKey16).spec;
  BOOST_TEST(spec.id.text() == "ah.116@192.0.2.2");
  BOOST_TEST(spec.algorithm == "hmac-md5-96");
  BOOST_TEST(spec.authentication_key.size() == 16u);
  refused(kAh + "--ah hmac-md5-96 --enckey " + kKey16, {"ah.116@192.0.2.2", "--authkey"});
  refused(kAh + "--ah hmac-md5-96", {"ah.116@192.0.2.2", "no key"});
}

BOOST_AUTO_TEST_CASE(a_tunnel_has_outer_addresses_of_the_family_that_its_option_says) {
  const auto spec = edit<SaAdd>(kTun + "--ip4 --src 192.0.2.1 --dst 192.0.2.2").spec;
  BOOST_TEST(spec.id.text() == "tun.113@192.0.2.2");
  BOOST_TEST(spec.source.text() == "192.0.2.1");
  BOOST_TEST(spec.tunnel_destination.text() == "192.0.2.2");
  BOOST_TEST(spec.algorithm.empty());
  const auto ipv6 = edit<SaAdd>("spi --said tun:113@2001:db8::2 --ip6 --src gw1 --dst gw2").spec;
  BOOST_TEST(ipv6.source.text() == "2001:db8::1");
  refused(kTun + "--ip6 --src 192.0.2.1 --dst 192.0.2.2", {"tun.113@192.0.2.2", "--ip6", "--ip4"});
  refused("spi --said tun:113@2001:db8::2 --ip4 --src gw1 --dst gw2", {"--ip4", "--ip6"});
  refused(kTun + "--ip4 --src 192.0.2.1", {"--dst", "missing"});
  refused(kTun + "--ip4 --dst 192.0.2.2", {"--src", "missing"});
  refused(kTun + "--ip4 --src 192.0.2.1 --dst 192.0.2.3", {"tun.113@192.0.2.2", "--dst 192.0.2.2"});
  refused(kTun + "--ip4 --src 0.0.0.0 --dst 192.0.2.2", {"tun.113@192.0.2.2"});
  refused(kTun + "--ip4 --src 192.0.2.1 --dst 192.0.2.2 --enckey 0x00", {"--enckey", "--ip4"});
  refused(kTun + "--ip4 --src 192.0.2.1 --dst 192.0.2.2 --replay_window 32", {"--replay_window", "--ip4"});
}

BOOST_AUTO_TEST_CASE(a_tunnel_has_choices_of_its_outer_header) {
  const std::string tunnel = kTun + "--ip4 --src 192.0.2.1 --dst 192.0.2.2 ";
  BOOST_TEST((edit<SaAdd>(tunnel).spec.outer == OuterHeader()));
  BOOST_TEST((edit<SaAdd>(tunnel + "--fragment after").spec.outer.fragment == Fragmentation::kAfter));
  BOOST_TEST((edit<SaAdd>(tunnel + "--fragment before").spec.outer.fragment == Fragmentation::kBefore));
  const OuterHeader all = edit<SaAdd>(tunnel + "--dscp 46 --ecn off --df clear --ttl 1 --fragment before").spec.outer;
  BOOST_TEST((all == OuterHeader{{46}, EcnChoice::kOff, DfChoice::kClear, {1}, Fragmentation::kBefore}));
  const OuterHeader copies = edit<SaAdd>(tunnel + "--dscp copy --ecn copy --df copy --ttl copy").spec.outer;
  BOOST_TEST((copies == OuterHeader{{}, EcnChoice::kCopy, DfChoice::kCopy, {}, Fragmentation::kAfter}));
  BOOST_TEST(
      (edit<SaAdd>(tunnel + "--df set --dscp 0x3f").spec.outer == OuterHeader{.dscp = {63}, .df = DfChoice::kSet}));
  refused(tunnel + "--dscp 64", {"tun.113@192.0.2.2", "dscp 64", "0 … 63"});
  refused(tunnel + "--dscp 256", {"--dscp 256", "copy"});
  refused(tunnel + "--ttl 0", {"tun.113@192.0.2.2", "ttl 0", "1 … 255"});
  refused(tunnel + "--ttl -1", {"--ttl"});
  refused(tunnel + "--ecn on", {"--ecn on", "neither copy nor off"});
  refused(tunnel + "--df 1", {"--df 1", "copy, set and clear"});
  refused(kAh + "--ah hmac-md5-96 --authkey 0x00 --ttl 3", {"--ttl", "--ah"});
  refused(tunnel + "--fragment never", {"--fragment never", "neither before nor after"});
  refused(kEsp + "--esp x --enckey 0x00 --fragment before", {"--fragment", "--esp"});
}

BOOST_AUTO_TEST_CASE(a_comp_sa_can_be_typed_and_the_daemon_has_the_last_word) {
  const auto spec = edit<SaAdd>("spi --af inet --edst gw2 --spi 0x200 --proto comp --src gw1 --comp deflate").spec;
  BOOST_TEST(spec.id.text() == "comp.200@192.0.2.2");
  BOOST_TEST(spec.algorithm == "deflate");
  BOOST_TEST(edit<SaAdd>("spi --said comp.2@192.0.2.2 --src gw1 --comp deflate").spec.id.spi == 2u);
  refused("spi --said comp.10000@192.0.2.2 --src gw1 --comp deflate", {"16 bits"});
  refused("spi --said comp.200@192.0.2.2 --src gw1 --comp deflate --replay_window 1", {"--replay_window"});
}

BOOST_AUTO_TEST_CASE(an_sa_is_named_in_either_form_and_the_option_says_the_protocol_where_it_is_left_out) {
  for (const char* sa : {"--said esp.115@192.0.2.2", "--said esp0x115@gw2", "--said esp277@192.0.2.2",
                         "--af inet --edst gw2 --spi 277 --proto esp", "--edst 192.0.2.2 --spi 0x115",
                         "--spi 0x115 --af inet --edst gw2"}) {
    const auto spec = edit<SaAdd>("spi " + std::string(sa) + " --src gw1 --esp x --enckey 0x00").spec;
    BOOST_TEST(spec.id.text() == "esp.115@192.0.2.2", sa);
  }
  const auto ipv6 = edit<SaAdd>("spi --af inet6 --edst gw2 --spi 0x115 --src gw1 --esp x --enckey 0x00").spec;
  BOOST_TEST(ipv6.id.text() == "esp:115@2001:db8::2");
  BOOST_TEST(ipv6.source.text() == "2001:db8::1");
  BOOST_TEST(edit<SaAdd>("spi --edst gw2 --spi 0x113 --ip6 --src gw1 --dst gw2").spec.id.text() ==
             "tun:113@2001:db8::2");
}

BOOST_AUTO_TEST_CASE(an_sa_that_is_not_whole_or_does_not_fit_its_option_is_refused) {
  const std::string tail = " --src 192.0.2.1 --esp x --enckey 0x00";
  refused("spi --af inet --edst 192.0.2.2 --proto esp" + tail, {"--spi", "missing", "--said SAID"});
  refused("spi --af inet --spi 0x115 --proto esp" + tail, {"--edst", "missing"});
  refused("spi --af inet --edst 192.0.2.2 --spi 0x115 --del", {"--proto", "missing"});
  refused("spi --said esp.115@192.0.2.2 --spi 0x115" + tail, {"--said and --spi"});
  refused("spi --said esp.115" + tail, {"--said esp.115", "not a SAID"});
  refused("spi --said %drop" + tail, {"%drop"});
  refused("spi --said ah.115@192.0.2.2" + tail, {"ah.115@192.0.2.2", "--esp"});
  refused("spi --af inet --edst 192.0.2.2 --spi 0x115 --proto ah" + tail, {"ah.115@192.0.2.2", "--esp"});
  refused("spi --af inet6 --edst 192.0.2.2 --spi 0x115 --proto esp" + tail, {"--edst", "192.0.2.2"});
  refused("spi --af inet7 --edst 192.0.2.2 --spi 0x115 --proto esp" + tail, {"--af inet7"});
  refused("spi --af inet --edst 192.0.2.2 --spi 0xff --proto esp" + tail, {"0xff", "reserved"});
  refused("spi --af inet --edst 192.0.2.2 --spi 0x1ffffffff --proto esp" + tail, {"0x1ffffffff"});
  refused("spi --af inet --edst 192.0.2.2 --spi 0x115 --proto xyz" + tail, {"--proto xyz"});
  refused("spi --af inet --edst nowhere --spi 0x115 --proto esp" + tail, {"--edst nowhere"});
  refused("spi --af inet --edst 0.0.0.0 --spi 0x115 --proto esp" + tail, {"unspecified"});
}

BOOST_AUTO_TEST_CASE(words_that_do_not_go_together_or_say_nothing_are_refused) {
  refused(kEsp + "--esp x --ah y --enckey 0x00", {"--esp and --ah"});
  refused(kEsp + "--esp x --del --enckey 0x00", {"--esp and --del"});
  refused("spi --clear --del", {"--clear and --del"});
  refused("spi --clear --said esp.115@192.0.2.2", {"--said", "--clear"});
  refused("spi --algorithms --spi 0x115", {"--spi", "--algorithms"});
  refused("spi --said esp.115@192.0.2.2 --del --src 192.0.2.1", {"--src", "--del"});
  refused("spi --said esp.115@192.0.2.2", {"--said", "what to do", "--del"});
  refused(kEsp + "--dst 192.0.2.2 --esp x --enckey 0x00", {"--dst", "--esp"});
  refused("spi --said esp.115@192.0.2.2 --esp x --enckey 0x00", {"--src", "missing"});
  refused("spi --said esp.115@192.0.2.2 --src 2001:db8::1 --esp x --enckey 0x00", {"--src", "2001:db8::1"});
  refused(kEsp + "--esp x", {"esp.115@192.0.2.2", "no key"});
}

BOOST_AUTO_TEST_CASE(a_replay_window_is_a_number_up_to_4096) {
  BOOST_TEST(edit<SaAdd>(kEsp + "--esp x --enckey 0x00 --replay_window 4096").spec.replay_window == 4096);
  for (const char* window : {"4097", "65600", "-1", "many", "1.5"}) {
    refused(kEsp + "--esp x --enckey 0x00 --replay_window " + window, {"--replay_window", window, "4096"});
  }
}

BOOST_AUTO_TEST_CASE(natt_puts_esp_into_udp_between_two_ports) {
  const std::string whole = kEsp + "--esp x --enckey 0x00 ";
  BOOST_TEST(!edit<SaAdd>(whole).spec.udp_encapsulation.has_value());
  BOOST_TEST((edit<SaAdd>(whole + "--natt nonesp").spec.udp_encapsulation == UdpEncapsulation{4500, 4500}));
  BOOST_TEST((edit<SaAdd>(whole + "--natt nonesp --sport 40001 --dport 0x1f4").spec.udp_encapsulation ==
              UdpEncapsulation{40001, 500}));
  refused(whole + "--natt nonike", {"--natt", "nonike", "nonesp"});
  refused(whole + "--sport 4500", {"--sport", "--natt nonesp"});
  refused(whole + "--dport=4500", {"--dport", "--natt nonesp"});
  for (const char* port : {"0", "65536", "-1", "ipsec-nat-t", "4500x"}) {
    refused(whole + "--natt nonesp --dport " + port, {"--dport", port, "65535"});
  }
  refused("spi --said ah.115@192.0.2.2 --src 192.0.2.1 --ah x --authkey 0x00 --natt nonesp",
          {"ah.115@192.0.2.2", "only esp", "--natt"});
  refused("spi --said tun.115@192.0.2.2 --ip4 --src 192.0.2.1 --dst 192.0.2.2 --natt nonesp", {"--natt", "--ip4"});
}

BOOST_AUTO_TEST_CASE(keys_come_from_files_and_standard_input) {
  files["esp.key"] = "\n  " + kKey16 + " \r\n";
  files["-"] = "0x0a0b\n";
  const auto spec = edit<SaAdd>(kEsp + "--esp x --enckey @esp.key --authkey -").spec;
  BOOST_TEST(spec.encryption_key.to_hex() == kKey16);
  BOOST_TEST(spec.authentication_key.to_hex() == "0x0a0b");
  refused(kEsp + "--esp x --enckey @nowhere", {"--enckey", "nowhere", "cannot be read"});
  refused(kEsp + "--esp x --enckey @", {"--enckey", "names no file"});
  refused(kEsp + "--esp x --enckey - --authkey -", {"--enckey and --authkey", "@FILE"});
  files["esp.key"] = "";
  refused(kEsp + "--esp x --enckey @esp.key", {"@esp.key"});
  files["esp.key"] = std::string(5000, '0');
  refused(kEsp + "--esp x --enckey @esp.key", {"esp.key", "larger than 4096 bytes"});
}

BOOST_AUTO_TEST_CASE(deleting_and_clearing_are_edits) {
  BOOST_TEST(edit<SaDelete>("spi --said esp.115@192.0.2.2 --del").id.text() == "esp.115@192.0.2.2");
  BOOST_TEST(edit<SaDelete>("spi --del --said esp.115@192.0.2.2").id.text() == "esp.115@192.0.2.2");
  BOOST_TEST(edit<SaDelete>("spi --af inet --edst gw2 --spi 0x116 --proto ah --del").id.text() == "ah.116@192.0.2.2");
  edit<SaClear>("spi --clear");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
