// Files as text: whole, or an error; never half of one.
#include "config/text_file.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <boost/test/unit_test.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace spigrp {
namespace {

struct TextFolder {
  TextFolder() {
    char name[] = "/tmp/spigrp-text-XXXXXX";
    BOOST_REQUIRE(mkdtemp(name) != nullptr);
    folder = name;
  }
  ~TextFolder() { std::filesystem::remove_all(folder); }

  std::string write(const std::string& text) const {
    std::ofstream(folder + "/file") << text;
    return folder + "/file";
  }

  std::string folder;
};

BOOST_FIXTURE_TEST_SUITE(text_file, TextFolder)

BOOST_AUTO_TEST_CASE(a_file_is_read_whole_up_to_its_limit_and_not_beyond) {
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{4096}, size_t{256} * 1024, size_t{700'001}}) {
    const std::string text(bytes, 'a');
    const std::string path = write(text);
    for (const auto read : {read_text_file, read_regular_file}) {
      BOOST_TEST((read(path, bytes).value() == text));
      if (bytes == 0) continue;
      BOOST_TEST(read(path, bytes - 1).error().problem == "is larger than " + std::to_string(bytes - 1) + " bytes");
    }
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_said_with_its_reason) {
  BOOST_TEST(read_text_file(folder + "/none", 10).error().problem == "cannot be read: No such file or directory");
  BOOST_TEST(read_regular_file(folder + "/none", 10).error().problem == "cannot be read: No such file or directory");
  BOOST_TEST(read_text_file(folder, 10).error().problem == "cannot be read: Is a directory");
  BOOST_TEST(read_regular_file(folder, 10).error().problem == "cannot be read: Is a directory");
  // An error after some text is an error, not a shorter text (HAZARDS 19): the first page of one's own memory is none.
  BOOST_TEST(read_text_file("/proc/self/mem", 10).error().problem == "cannot be read: Input/output error");
}

BOOST_AUTO_TEST_CASE(a_pipe_or_a_device_is_no_regular_file_and_nobody_waits_for_it) {
  const std::string fifo = folder + "/fifo";
  BOOST_REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  BOOST_TEST(read_regular_file(fifo, 10).error().problem == "is no regular file");
  BOOST_TEST(read_regular_file("/dev/zero", 10).error().problem == "is no regular file");
  BOOST_TEST(read_text_file("/dev/zero", 1 << 20).error().problem == "is larger than 1 MiB");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
