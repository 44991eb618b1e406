// Files and standard input, read whole.
#include "cli/input.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <boost/test/unit_test.hpp>
#include <fcntl.h>
#include <unistd.h>

#include "captured.h"
#include "config/key.h"
#include "freed_memory.h"

namespace spigrp {
namespace {

struct Folder {
  Folder() {
    char name[] = "/tmp/spigrp-input-XXXXXX";
    BOOST_REQUIRE(mkdtemp(name) != nullptr);
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const std::string& text) const {
    std::string name = path / "file";
    std::ofstream(name, std::ios::binary) << text;
    return name;
  }
  std::filesystem::path path;
};

// A text that says where each of its parts belongs.
std::string large_text() {
  std::string text;
  for (int i = 0; text.size() < (3u << 20); ++i) text += std::to_string(i) + ' ';
  return text;
}

// Standard input is what `write` puts into a pipe.
template <class Write>
Expected<std::string> read_pipe(Write write) {
  int ends[2];
  BOOST_REQUIRE(pipe(ends) == 0);
  std::thread writer([&] {
    write(ends[1]);
    close(ends[1]);
  });
  auto text = [&] {
    const Redirected input(STDIN_FILENO, ends[0]);
    return read_input("-");
  }();
  close(ends[0]);
  writer.join();
  return text;
}

BOOST_FIXTURE_TEST_SUITE(input, Folder)

BOOST_AUTO_TEST_CASE(a_file_is_read_as_it_is) {
  const std::string text("a\n\0b\xff\r\n", 7);
  BOOST_TEST(read_input(file(text)).value() == text);
  BOOST_TEST(read_input(file("")).value().empty());
}

BOOST_AUTO_TEST_CASE(a_large_file_is_read_whole) {
  const std::string text = large_text();
  BOOST_TEST((read_input(file(text)).value() == text));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_not_there_is_named) {
  const auto text = read_input("/nonexistent/file");
  BOOST_REQUIRE(!text.has_value());
  BOOST_TEST(text.error().text() == "/nonexistent/file: cannot be read: No such file or directory");
  BOOST_TEST(!read_input("").has_value());
}

BOOST_AUTO_TEST_CASE(a_folder_is_no_file) {
  const auto text = read_input(path.string());
  BOOST_REQUIRE(!text.has_value());
  BOOST_TEST(text.error().text() == path.string() + ": cannot be read: Is a directory");
}

BOOST_AUTO_TEST_CASE(a_file_that_is_too_large_is_refused_before_it_is_read) {
  const std::string name = file("x");
  std::filesystem::resize_file(name, kMaxInputBytes + 1);
  const auto text = read_input(name);
  BOOST_REQUIRE(!text.has_value());
  BOOST_TEST(text.error().text() == name + ": is larger than 512 MiB");
}

BOOST_AUTO_TEST_CASE(a_name_with_control_characters_is_shown_without_them) {
  const auto text = read_input("/nonexistent/\x1b[31m\n");
  BOOST_REQUIRE(!text.has_value());
  BOOST_TEST(text.error().object == "/nonexistent/?[31m?");
}

BOOST_AUTO_TEST_CASE(standard_input_may_be_a_file) {
  const auto read = captured([] { return read_input("-"); }, "from a file\n");
  BOOST_TEST(read.status.value() == "from a file\n");
}

BOOST_AUTO_TEST_CASE(standard_input_may_be_a_pipe_that_is_filled_in_pieces) {
  const std::string text = large_text();
  const auto read = read_pipe([&](int end) {
    for (size_t at = 0; at < text.size();) {
      const ssize_t written = write(end, text.data() + at, std::min<size_t>(text.size() - at, 1 + at % 10'000));
      if (written <= 0) return;
      at += static_cast<size_t>(written);
    }
  });
  BOOST_REQUIRE(read.has_value());
  BOOST_TEST((*read == text));
}

BOOST_AUTO_TEST_CASE(an_empty_pipe_is_an_empty_text) {
  BOOST_TEST(read_pipe([](int) {}).value().empty());
}

BOOST_AUTO_TEST_CASE(standard_input_that_cannot_be_read_is_named_in_words) {
  const int folder = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const auto text = [&] {
    const Redirected input(STDIN_FILENO, folder);
    return read_input("-");
  }();
  close(folder);
  BOOST_REQUIRE(!text.has_value());
  BOOST_TEST(text.error().text() == "standard input: cannot be read: Is a directory");
}

BOOST_AUTO_TEST_CASE(standard_input_that_is_too_large_is_named_in_words) {
  const std::string name = file("x");
  std::filesystem::resize_file(name, kMaxInputBytes + 1);
  const int large = open(name.c_str(), O_RDONLY | O_CLOEXEC);
  const auto text = [&] {
    const Redirected input(STDIN_FILENO, large);
    return read_input("-");
  }();
  close(large);
  BOOST_REQUIRE(!text.has_value());
  BOOST_TEST(text.error().text() == "standard input: is larger than 512 MiB");
}

BOOST_AUTO_TEST_CASE(a_text_that_grows_leaves_no_key_behind) {
  const std::string key = "0x7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b";
  const std::string name = file(key + '\n' + large_text());
  const FreedMemory freed(key);
  auto read = read_input(name);
  BOOST_REQUIRE(read.has_value());
  std::string& text = *read;
  BOOST_TEST(text.starts_with(key));
  BOOST_TEST(!freed.held_it());
  wipe(text.data(), text.size());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
