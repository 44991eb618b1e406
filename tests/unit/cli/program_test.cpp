// One binary under many names: which command is meant.
#include "cli/program.h"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <fcntl.h>

#include "captured.h"
#include "cli/version.h"
#include "commands/command.h"

namespace spigrp {
namespace {

struct Ran {
  int status;
  std::string out, err;
};

Ran run_as(const char* path, const std::vector<std::string>& words) {
  auto ran = captured([&] { return run_program(path, words); });
  return {static_cast<int>(ran.status), std::move(ran.out), std::move(ran.err)};
}

BOOST_AUTO_TEST_CASE(called_by_a_commands_name_it_is_that_command) {
  for (const std::string_view name : command_names()) {
    const std::string command(name), path = "/usr/local/bin/" + command;
    for (const std::string& called : {command, path, "./" + command}) {
      const Ran ran = run_as(called.c_str(), {"--version"});
      BOOST_TEST(ran.status == 0, called);
      BOOST_TEST(ran.out.starts_with(command + " (spigrp) "), ran.out);
    }
  }
}

BOOST_AUTO_TEST_CASE(called_by_another_name_its_first_word_is_the_command) {
  for (const char* program : {"spigrpctl", "/usr/sbin/ipsec", "anything", ""}) {
    const Ran ran = run_as(program, {"eroute", "--version"});
    BOOST_TEST(ran.status == 0, program);
    BOOST_TEST(ran.out.starts_with("eroute (spigrp) "), ran.out);
  }
}

BOOST_AUTO_TEST_CASE(a_commands_name_is_not_looked_for_behind_another) {
  BOOST_TEST(run_as("spi", {"spigrp", "--nosuch"}).err.starts_with("spi: "));
}

BOOST_AUTO_TEST_CASE(without_a_command_it_names_all_of_them) {
  const Ran nothing = run_as("/usr/bin/ipsec", {}), unknown = run_as("ipsec", {"barf\n", "spi"});
  for (const Ran* ran : {&nothing, &unknown}) {
    BOOST_TEST(ran->status == 2);
    BOOST_TEST(ran->out.empty());
    for (const std::string_view name : command_names()) BOOST_TEST(ran->err.find(name) != std::string::npos);
  }
  BOOST_TEST(nothing.err.starts_with("ipsec: no command; give one of spi, "), nothing.err);
  BOOST_TEST(unknown.err.starts_with("ipsec: barf?: no such command; there are spi, "), unknown.err);
}

BOOST_AUTO_TEST_CASE(its_own_help_and_version_go_to_standard_output) {
  for (const char* option : {"--help", "-h"}) {
    const Ran help = run_as("ipsec", {option});
    BOOST_TEST(help.status == 0);
    BOOST_TEST(help.out.starts_with("ipsec COMMAND [WORD]...\n"));
    for (const std::string_view name : command_names()) BOOST_TEST(help.out.find(name) != std::string::npos);
    BOOST_TEST(help.err.empty());
  }
  const Ran version = run_as("/usr/bin/spigrpctl", {"--version"});
  BOOST_TEST(version.status == 0);
  BOOST_TEST(version.out == "spigrpctl (spigrp) " + std::string(kCommandsVersion) + "\n");
}

BOOST_AUTO_TEST_CASE(help_that_cannot_be_written_is_status_1) {
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  for (const char* option : {"--help", "--version"}) {
    const std::vector<std::string> words = {option};
    const auto ran = captured([&] {
      const Redirected out(STDOUT_FILENO, full);
      return run_program("ipsec", words);
    });
    BOOST_TEST(static_cast<int>(ran.status) == 1, option);
    BOOST_TEST(ran.err == "ipsec: standard output: cannot be written: No space left on device\n");
  }
  close(full);
}

BOOST_AUTO_TEST_CASE(the_version_is_a_number) {
  BOOST_TEST(!kCommandsVersion.empty());
  BOOST_TEST(kCommandsVersion.find_first_not_of("0123456789.") == std::string_view::npos);
}

}  // namespace
}  // namespace spigrp
