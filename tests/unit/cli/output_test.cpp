// Standard output behind its label, a reader that goes away, a disk that is full; the form of errors.
#include "cli/output.h"

#include <csignal>
#include <string>

#include <boost/test/unit_test.hpp>
#include <fcntl.h>
#include <unistd.h>

#include "captured.h"

namespace spigrp {
namespace {

BOOST_AUTO_TEST_CASE(each_line_stands_behind_the_prefix) {
  const MemoryFile file;
  Output output(file.descriptor(), "spi --label day: ");
  output.line("one");
  output.line("");
  output.lines("two\n\nthree\nfour");
  BOOST_TEST(output.finish().has_value());
  BOOST_TEST(file.text() ==
             "spi --label day: one\nspi --label day: \nspi --label day: two\nspi --label day: \n"
             "spi --label day: three\nspi --label day: four\n");
}

BOOST_AUTO_TEST_CASE(without_a_prefix_lines_are_as_they_are_and_no_text_is_no_line) {
  const MemoryFile file;
  Output output(file.descriptor(), {});
  output.lines("");
  output.lines("a\nb\n");
  output.line("c");
  BOOST_TEST(output.finish().has_value());
  BOOST_TEST(file.text() == "a\nb\nc\n");
}

BOOST_AUTO_TEST_CASE(raw_text_has_no_prefix) {
  const MemoryFile file;
  Output output(file.descriptor(), "spi --label day: ");
  output.raw("[\n{}");
  output.raw("\n]\n");
  BOOST_TEST(output.finish().has_value());
  BOOST_TEST(file.text() == "[\n{}\n]\n");
}

BOOST_AUTO_TEST_CASE(lines_are_gathered_and_what_is_discarded_is_not_written) {
  const MemoryFile file;
  Output output(file.descriptor(), {});
  output.line("gathered");
  BOOST_TEST(file.text().empty());
  output.discard();
  output.line("later");
  BOOST_TEST(output.finish().has_value());
  BOOST_TEST(output.finish().has_value());
  BOOST_TEST(file.text() == "later\n");
}

BOOST_AUTO_TEST_CASE(a_long_list_is_written_before_it_ends_and_whole) {
  const MemoryFile file;
  Output output(file.descriptor(), {});
  std::string all;
  for (int i = 0; i < 100'000; ++i) {
    output.line(std::to_string(i));
    all += std::to_string(i) + '\n';
  }
  BOOST_TEST(!file.text().empty());
  BOOST_TEST(output.finish().has_value());
  BOOST_TEST((file.text() == all));
}

struct Pipe {
  Pipe() {
    std::signal(SIGPIPE, SIG_IGN);  // as main() does
    BOOST_REQUIRE(pipe(ends) == 0);
  }
  ~Pipe() {
    close(ends[0]);
    close(ends[1]);
  }
  int ends[2];
};

BOOST_FIXTURE_TEST_CASE(a_reader_that_goes_away_is_no_error_and_is_known, Pipe) {
  Output output(ends[1], {});
  output.line("read");
  output.flush();
  BOOST_TEST(!output.broken());
  close(std::exchange(ends[0], -1));
  output.line("unread");
  output.flush();
  BOOST_TEST(output.broken());
  output.line("thrown away");
  output.raw("thrown away");
  output.lines("thrown\naway");
  BOOST_TEST(output.finish().has_value());
}

BOOST_FIXTURE_TEST_CASE(a_long_list_notices_that_its_reader_has_gone, Pipe) {
  close(std::exchange(ends[0], -1));
  Output output(ends[1], {});
  int lines = 0;
  while (!output.broken() && lines < 1'000'000) {
    output.line("a line of a list");
    ++lines;
  }
  BOOST_TEST(lines < 10'000);
  BOOST_TEST(output.finish().has_value());
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_an_error) {
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  BOOST_REQUIRE(full >= 0);
  Output output(full, {});
  output.line("x");
  const auto finished = output.finish();
  close(full);
  BOOST_REQUIRE(!finished.has_value());
  BOOST_TEST((finished.error().status == ExitStatus::kRefused));
  BOOST_TEST(finished.error().error.text() == "standard output: cannot be written: No space left on device");
}

BOOST_AUTO_TEST_CASE(a_closed_standard_output_is_an_error_only_where_there_is_something_to_write) {
  Output nothing(-1, {}), something(-1, {});
  BOOST_TEST(nothing.finish().has_value());
  something.line("x");
  BOOST_TEST(!something.finish().has_value());
  BOOST_TEST(something.broken());
}

BOOST_AUTO_TEST_CASE(the_prefix_of_errors_has_the_command_and_its_label) {
  BOOST_TEST(error_prefix("spigrp", "") == "spigrp: ");
  BOOST_TEST(error_prefix("spigrp", "night shift") == "spigrp --label night shift: ");
}

BOOST_AUTO_TEST_CASE(an_error_is_its_object_problem_and_remedy_behind_the_prefix) {
  const Refusal refusal{ExitStatus::kRefused, {"esp.115@192.0.2.2", "no such SA", "spi lists the SAs"}};
  BOOST_TEST(error_text("spi: ", refusal) == "spi: esp.115@192.0.2.2: no such SA; spi lists the SAs\n");
  BOOST_TEST(error_text("spi: ", {ExitStatus::kRefused, {{}, "no", {}}}) == "spi: no\n");
}

BOOST_AUTO_TEST_CASE(an_error_of_a_batch_names_its_file_and_line) {
  const Refusal refusal{ExitStatus::kRefused, {"esp.999@192.0.2.2", "no such SA", {}}, 17};
  BOOST_TEST(error_text("batch --label x: ", refusal, "day.batch") ==
             "batch --label x: day.batch:17: esp.999@192.0.2.2: no such SA\n");
}

BOOST_AUTO_TEST_CASE(a_batch_is_not_named_where_no_line_of_it_is_wrong) {
  BOOST_TEST(error_text("batch: ", {ExitStatus::kNoDaemon, {"sock", "nobody", {}}}, "day.batch") ==
             "batch: sock: nobody\n");
}

BOOST_AUTO_TEST_CASE(each_line_of_a_long_error_has_the_prefix) {
  BOOST_TEST(error_text("spi --label x: ", {ExitStatus::kRefused, {"a", "b\nc", "d\n"}}) ==
             "spi --label x: a: b\nspi --label x: c; d\n");
}

BOOST_AUTO_TEST_CASE(warnings_are_a_line_each_and_cannot_move_the_cursor) {
  using nlohmann::json;
  BOOST_TEST(warnings_text("spi: ", {{"generation", 7}, {"warnings", {"a: b", 5, "c\033[2J"}}}) ==
             "spi: warning: a: b\nspi: warning: c\\x1b[2J\n");
  for (const json& none : {json{{"generation", 7}}, json{{"warnings", 7}}, json::array({1}), json()}) {
    BOOST_TEST(warnings_text("spi: ", none).empty());
  }
}

BOOST_AUTO_TEST_CASE(exit_statuses_are_those_of_the_manual) {
  BOOST_TEST(static_cast<int>(ExitStatus::kDone) == 0);
  BOOST_TEST(static_cast<int>(ExitStatus::kRefused) == 1);
  BOOST_TEST(static_cast<int>(ExitStatus::kWrongUsage) == 2);
  BOOST_TEST(static_cast<int>(ExitStatus::kNoDaemon) == 3);
  const Outcome<int> outcome = refusal(ExitStatus::kWrongUsage, {"a", "b", "c"});
  BOOST_REQUIRE(!outcome.has_value());
  BOOST_TEST((outcome.error().status == ExitStatus::kWrongUsage));
  BOOST_TEST(outcome.error().error.text() == "a: b; c");
  BOOST_TEST(outcome.error().line == 0u);
}

}  // namespace
}  // namespace spigrp
