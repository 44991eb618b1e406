// Configuration files that nobody would write: they are refused in a sentence, in time, and without overflowing the
// stack.
#include <algorithm>

#include <boost/test/unit_test.hpp>

#include "config/options.h"
#include "config/toml_value.h"
#include "error_text.h"

namespace spigrp {

using test::error_text;
using test::holds;

namespace {

std::string repeated(std::string_view part, size_t count) {
  std::string text;
  text.reserve(part.size() * count);
  for (size_t i = 0; i < count; ++i) text += part;
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hostile_options)

BOOST_AUTO_TEST_CASE(nothing_at_all_is_no_configuration) {
  for (const std::string_view text : {"", "\n", "#", "# a comment", "\r\n", "\xef\xbb\xbf"}) {
    BOOST_TEST(holds(error_text(parse_options(text, "f")), "ports: there is none"),
               error_text(parse_options(text, "f")));
  }
  BOOST_TEST(!parse_options(std::string_view("\0", 1), "f").has_value());
}

BOOST_AUTO_TEST_CASE(a_file_of_more_than_a_mebibyte_is_refused) {
  const std::string port = "[[ports]]\nname = 'lan'\ndevice = 'net_null0'\n";
  BOOST_TEST(error_text(parse_options(port + std::string(kMaxOptionsBytes - port.size(), '\n'), "f")) == "");
  BOOST_TEST(holds(error_text(parse_options(port + std::string(kMaxOptionsBytes - port.size() + 1, '\n'), "f")),
                   "f: is longer than 1048576 bytes"));
}

// What toml++ takes down by recursion must not be deep.
BOOST_AUTO_TEST_CASE(depth_is_bounded_in_every_form) {
  constexpr size_t kMany = 100000;
  for (const std::string& text :
       {"[a" + repeated(".a", kMany) + "]", "a" + repeated(".a", kMany) + " = 1", "[[a" + repeated(".a", kMany) + "]]",
        "x = {a" + repeated(".a", kMany) + " = 1}", "x = " + repeated("[", kMany) + repeated("]", kMany),
        "x = " + repeated("[\n", kMany), "x = " + repeated("{a=", kMany) + "1" + repeated("}", kMany),
        "x = " + repeated("[{a.a.a=", kMany), "x = \"" + repeated("\\", kMany), repeated("[", kMany),
        "x = '''" + repeated("''", kMany)}) {
    const auto options = parse_options(text, "f");
    BOOST_REQUIRE(!options.has_value());
    BOOST_TEST(error_text(options).find("f:") == 0u);
    BOOST_TEST(error_text(options).size() < 1000u);
  }
  BOOST_TEST(holds(error_text(parse_options("\n\na" + repeated(".a", 300) + " = 1", "f")), "f:3: more than 256 dots"));
  // As deep as can be: a header, a key, and values in values.
  const std::string dots = repeated(".a", kMaxTomlDotsPerLine - 16);
  BOOST_TEST(
      !parse_options("[b" + dots + "]\na" + dots + " = [\n{a" + dots + " = [\n{a" + dots + "= 1}]}]", "f").has_value());
}

BOOST_AUTO_TEST_CASE(many_of_anything_are_refused_in_time) {
  std::string keys, tables;
  for (unsigned i = 0; i < 50000; ++i) keys += "k" + std::to_string(i) + " = 1\n";
  for (unsigned i = 0; i < 50000; ++i) tables += "[t" + std::to_string(i) + "]\n";
  for (const std::string& text :
       {keys, tables, repeated("[[ports]]\n", 90000), "ports = [" + repeated("{},", 200000) + "]",
        "workers.cores = [" + repeated("1,", 400000) + "]", "log_topics = [" + repeated("'',", 250000) + "]",
        "[[ports]]\naddresses = [" + repeated("'192.0.2.1',\n", 60000) + "]", "#" + std::string(1000000, 'x'),
        "x = '" + std::string(1000000, 'x') + "'", std::string(1000000, 'x') + " = 1"}) {
    const auto options = parse_options(text, "f");
    BOOST_REQUIRE(!options.has_value());
    BOOST_TEST(error_text(options).size() < 1000u);
  }
}

// toml++ 3.3 by itself runs into undefined behaviour at these (seen under UndefinedBehaviorSanitizer).
BOOST_AUTO_TEST_CASE(any_character_of_unicode_may_stand_anywhere) {
  for (uint32_t c = 0x80; c < 0x11000; c += c < 0x3100 ? 1 : 61) {
    if (c >= 0xd800 && c < 0xe000) continue;  // surrogates
    std::string typed;
    if (c >= 0x10000) typed += static_cast<char>(0xf0 | c >> 18);
    if (c >= 0x800) typed += static_cast<char>(c >= 0x10000 ? 0x80 | (c >> 12 & 0x3f) : 0xe0 | c >> 12);
    typed += static_cast<char>(c >= 0x800 ? 0x80 | (c >> 6 & 0x3f) : 0xc0 | c >> 6);
    typed += static_cast<char>(0x80 | (c & 0x3f));
    const std::string port = "[[ports]]\nname = 'lan'\ndevice = 'net_null0'\n";
    if (!parse_options(port + "# " + typed, "f").has_value() && c > 0x9f) BOOST_ERROR("no comment takes " << c);
    for (const std::string& text : {port + typed, port + "[" + typed, port + "mac = " + typed, port + "mac" + typed}) {
      if (!holds(error_text(parse_options(text, "f")), "f:")) BOOST_ERROR(c << " was taken");
    }
  }
}

// Whatever one byte of a good file becomes, there is an answer, and an error is one line that begins with the file.
BOOST_AUTO_TEST_CASE(every_byte_may_be_wrong) {
  const std::string good =
      "log_topics = ['esp']\n[[ports]]\nname = 'lan'\ndevice = \"net_null0\"\naddresses = ['192.0.2.1/24']\n"
      "[workers]\ncount = 1\n[socket]\nmode = 0o600\n";
  BOOST_REQUIRE(parse_options(good, "f").has_value());
  for (size_t i = 0; i < good.size(); ++i) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      std::string text = good;
      text[i] = static_cast<char>(byte);
      const auto options = parse_options(text, "f");
      if (options) continue;
      const std::string said = error_text(options);
      if (said.find("f:") != 0 || std::count(said.begin(), said.end(), '\n') != 0) BOOST_ERROR(said);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
