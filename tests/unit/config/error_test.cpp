// Errors as one line, and what somebody typed in them.
#include "config/error.h"

#include "support/runner.h"

namespace spigrp {

BOOST_AUTO_TEST_SUITE(error)

BOOST_AUTO_TEST_CASE(the_text_leaves_out_the_parts_that_are_empty) {
  const struct {
    Error error;
    std::string_view text;
  } cases[] = {
      {{"esp.115@192.0.2.2", "in a group", "ungroup it"}, "esp.115@192.0.2.2: in a group; ungroup it"},
      {{"esp.115@192.0.2.2", "in a group", ""}, "esp.115@192.0.2.2: in a group"},
      {{"", "in a group", "ungroup it"}, "in a group; ungroup it"},
      {{"", "in a group", ""}, "in a group"},
      {{"esp.115@192.0.2.2", "", "ungroup it"}, "esp.115@192.0.2.2; ungroup it"},
      {{"", "", ""}, ""},
  };
  for (const auto& [error, text] : cases) BOOST_TEST(error.text() == text);
}

BOOST_AUTO_TEST_CASE(failure_is_an_error_with_its_parts) {
  const Expected<int> failed = failure("it", "is wrong", "mend it");
  BOOST_REQUIRE(!failed.has_value());
  BOOST_TEST((failed.error() == Error{"it", "is wrong", "mend it"}));
}

BOOST_AUTO_TEST_CASE(what_could_be_a_key_is_not_repeated) {  // invariant 5
  const std::string hex(40, '5'), base64 = "VGhpcyBpcyBhIGtleQ==";
  for (const std::string& word : {"0x" + hex, "0X" + hex, "0s" + base64, "0S" + base64, hex, "--enckey0x" + hex,
                                  "enckey=" + hex, "--enckey=0s" + base64, "x " + hex, "@0x" + hex}) {
    BOOST_TEST(as_typed(word) == "a word that looks like a key");
  }
  for (const char* word : {"0xffffffff", "esp:ffffffff@2001:db8:1234:5678:9abc:def0:1234:5678", "tun.3d0@192.168.2.110",
                           "4294967295", "255.255.255.255", "aes128-sha2_256-128", "10seconds"}) {
    BOOST_TEST(as_typed(word) == word);
  }
}

BOOST_AUTO_TEST_CASE(what_was_typed_cannot_forge_a_line_or_fill_the_log) {
  BOOST_TEST(as_typed("tun.113@gw2") == "tun.113@gw2");
  BOOST_TEST(as_typed("a\nb\rc\x1b[2J\x7f") == "a?b?c?[2J?");
  BOOST_TEST(as_typed(std::string_view("a\0b", 3)) == "a?b");
  BOOST_TEST(as_typed("\xff\xc3\xa4") == "???");
  BOOST_TEST(as_typed(std::string(80, 'x')) == std::string(80, 'x'));
  BOOST_TEST(as_typed(std::string(81, 'x')) == std::string(80, 'x') + "…");
  BOOST_TEST(as_typed("") == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
