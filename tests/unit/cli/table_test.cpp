// Words in columns.
#include "cli/table.h"

#include <boost/test/unit_test.hpp>

namespace spigrp {
namespace {

BOOST_AUTO_TEST_CASE(columns_are_as_wide_as_their_widest_word_and_lean_as_they_are_told) {
  Table table({{"name", Lean::kLeft}, {"count"}, {"meaning", Lean::kLeft}});
  table.add({"a", "1", "first"});
  table.add({"longer", "1234567", "x"});
  BOOST_TEST(table.text() ==
             "name      count  meaning\n"
             "a             1  first\n"
             "longer  1234567  x\n");
}

BOOST_AUTO_TEST_CASE(a_table_without_rows_is_its_titles) {
  const Table table({{"name", Lean::kLeft}, {"count"}});
  BOOST_TEST(!table.has_rows());
  BOOST_TEST(table.text() == "name  count\n");
}

BOOST_AUTO_TEST_CASE(no_line_ends_in_spaces) {
  Table table({{"n", Lean::kLeft}, {"text", Lean::kLeft}});
  table.add({"1", ""});
  table.add({"", ""});
  table.add({"2", "long text"});
  BOOST_TEST(table.has_rows());
  BOOST_TEST(table.text() == "n  text\n1\n\n2  long text\n");
}

BOOST_AUTO_TEST_CASE(words_that_are_missing_are_empty) {
  Table table({{"a", Lean::kLeft}, {"b"}, {"c"}});
  table.add({"1"});
  table.add({"1", "2", "3", "4"});
  BOOST_TEST(table.text() == "a  b  c\n1\n1  2  3\n");
}

}  // namespace
}  // namespace spigrp
