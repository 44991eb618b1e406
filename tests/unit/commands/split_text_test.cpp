// Words as the shell takes them apart, and who owns them.
#include "commands/split_text.h"

#include <string>
#include <utility>
#include <vector>

#include "support/runner.h"

namespace spigrp {
namespace {

using Strings = std::vector<std::string>;

Strings split(std::string_view line) {
  SplitText text(line.size());
  BOOST_REQUIRE(text.add_line(line));
  return {text.words().begin(), text.words().end()};
}

BOOST_AUTO_TEST_SUITE(split_text)

BOOST_AUTO_TEST_CASE(blanks_separate_and_quotes_hold_together) {
  BOOST_TEST(split("").empty());
  BOOST_TEST(split(" \t\r").empty());
  BOOST_TEST(split("a b\tc") == (Strings{"a", "b", "c"}));
  BOOST_TEST(split(" a' b 'c ") == (Strings{"a b c"}));
  BOOST_TEST(split("'' \"\" a") == (Strings{"", "", "a"}));
  BOOST_TEST(split("\"'\" '\"'") == (Strings{"'", "\""}));
}

BOOST_AUTO_TEST_CASE(a_backslash_makes_the_next_character_ordinary) {
  BOOST_TEST(split("\\a\\ b \\\\ \\' \\\"") == (Strings{"a b", "\\", "'", "\""}));
  BOOST_TEST(split("\"\\\\ \\\" \\$ \\` \\a\"") == (Strings{"\\ \" $ ` \\a"}));
  BOOST_TEST(split("'\\a'") == (Strings{"\\a"}));
}

BOOST_AUTO_TEST_CASE(a_comment_begins_at_the_start_of_a_word) {
  BOOST_TEST(split("a #b 'c").size() == 1u);
  BOOST_TEST(split("#").empty());
  BOOST_TEST(split("a#b \\#c '#d'") == (Strings{"a#b", "#c", "#d"}));
}

BOOST_AUTO_TEST_CASE(what_is_not_closed_is_an_error) {
  for (const char* line : {"'", "\"", "a 'b", "a \"b\\\"", "\"\\", "a\\", "\\"}) {
    SplitText text(16);
    const auto added = text.add_line(line);
    BOOST_TEST(!added.has_value(), line);
    BOOST_TEST(!added.error().problem.empty());
  }
}

BOOST_AUTO_TEST_CASE(words_of_several_lines_stay_where_they_are_also_when_moved) {
  SplitText text(12);
  BOOST_REQUIRE(text.add_line("one two"));
  const std::string_view first = text.words()[0];
  BOOST_REQUIRE(text.add_line("three"));
  const SplitText moved(std::move(text));
  BOOST_TEST((first.data() == moved.words()[0].data()));
  BOOST_TEST(Strings(moved.words().begin(), moved.words().end()) == (Strings{"one", "two", "three"}));
}

BOOST_AUTO_TEST_CASE(more_than_there_is_room_for_is_refused) {
  SplitText text(0);
  const auto added = text.add_line(std::string(1000, 'x'));
  BOOST_TEST(!added.has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
