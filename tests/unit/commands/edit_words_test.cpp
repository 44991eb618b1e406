// Edits as command lines: what a line makes, written as a line again, makes the same edit.
#include "commands/edit_words.h"

#include <set>

#include <nlohmann/json.hpp>

#include "command_fixture.h"

namespace spigrp {
namespace {

const std::string kKey = "0x000102030405060708090a0b0c0d0e0f";

Edit edit_of(World& world, const std::string& line) {
  const auto edit = parse_edit(line, world.world());
  BOOST_REQUIRE_MESSAGE(edit && *edit, line << ": " << (edit ? "blank" : edit.error().text()));
  return **edit;
}

nlohmann::json params_of(const Edit& edit) {
  return request_params(Request(edit));
}

BOOST_FIXTURE_TEST_SUITE(edit_words, World)

BOOST_AUTO_TEST_CASE(every_edit_is_written_as_the_line_that_makes_it) {
  const std::string lines[] = {
      "spi --said tun.113@192.0.2.2 --ip4 --src 192.0.2.1 --dst 192.0.2.2",
      "spi --said tun:113@2001:db8::2 --ip6 --src 2001:db8::1 --dst 2001:db8::2 --dscp 12 --ecn off --df clear --ttl "
      "copy "
      "--fragment before --life soft-bytes=1,hard-packets=2",
      "spi --said esp.115@192.0.2.2 --src 192.0.2.1 --esp aes128-sha1-96 --replay_window 128 --esn --sent 4294967299 "
      "--received 5 --natt nonesp --sport 4501 --dport 4500 --enckey " +
          kKey + " --authkey 0x00ff",
      "spi --said ah.116@192.0.2.2 --src 192.0.2.1 --ah hmac-md5-96 --authkey " + kKey + " --replace",
      "spi --said comp.117@192.0.2.2 --src 192.0.2.1 --comp deflate",
      "spi --said esp.115@192.0.2.2 --del",
      "spi --clear",
      "spigrp --said tun.113@192.0.2.2 esp:115@2001:db8::2",
      "spigrp --replace --said tun.113@192.0.2.2 esp.115@192.0.2.2",
      "spigrp --said tun.113@192.0.2.2",
      "eroute --add --eraf inet --src 10.1.0.0/16 --dst 0.0.0.0/0 --said tun.113@192.0.2.2",
      "eroute --replace --eraf inet6 --src ::/0 --dst fd00::/8 --transport-proto 6 --src-port 1 --dst-port 443 --said "
      "%trap",
      "eroute --add --eraf inet --src 10.1.0.0/16 --dst 0.0.0.0/0 --transport-proto 1 --icmp-type 8/0 --said "
      "tun.113@192.0.2.2 --dissolved",
      "eroute --del --eraf inet --src 10.1.0.0/16 --dst 0.0.0.0/0",
      "eroute --clear",
      "tncfg --create ipsec0",
      "tncfg --delete ipsec0",
      "tncfg --attach --virtual ipsec0 --physical wan",
      "tncfg --detach --virtual ipsec0",
      "tncfg --clear",
      "address --add 192.0.2.1/24 --dev wan",
      "address --del 192.0.2.1/24 --dev wan",
      "route --add --dst 10.2.0.0/16 --via 192.0.2.2 --dev ipsec0",
      "route --replace --dst 10.2.0.0/16",
      "route --del --dst 10.2.0.0/16",
      "neigh --add --dst 192.0.2.2 --mac 02:00:00:00:00:01 --dev wan",
      "neigh --del --dst 192.0.2.2 --dev wan",
  };
  std::set<size_t> kinds;
  for (const std::string& line : lines) {
    const Edit edit = edit_of(*this, line);
    const std::string written = command_line(edit, KeyWords::kShown);
    BOOST_TEST(params_of(edit_of(*this, written)) == params_of(edit), written);
    // Except for the order of options, it is the very line.
    BOOST_TEST(words_of(written).size() == words_of(line).size(), written);
    kinds.insert(edit.index());
  }
  BOOST_TEST(kinds.size() == std::variant_size_v<Edit>, "an edit has no line here");
}

// Invariant 5.
BOOST_AUTO_TEST_CASE(without_keys_a_line_has_none_and_batch_refuses_it) {
  const Edit edit = edit_of(*this, "spi --said esp.115@192.0.2.2 --src 192.0.2.1 --esp aes128-sha1-96 --enckey " +
                                       kKey + " --authkey 0x00ff");
  const std::string written = command_line(edit, KeyWords::kLeftOut);
  BOOST_TEST(written.find("0001") == std::string::npos);
  BOOST_TEST(written.find("00ff") == std::string::npos);
  BOOST_TEST(written.find("--enckey KEY --authkey KEY") != std::string::npos);
  const auto refused = parse_edit(written, world());
  BOOST_REQUIRE(!refused);
  BOOST_TEST(refused.error().text().find("--enckey") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
