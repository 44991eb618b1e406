// The control socket in the file system: whose place it takes, and whose not.
#include "control/socket_file.h"

#include <cstdlib>
#include <fstream>
#include <string>

#include <boost/test/unit_test.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace spigrp {
namespace {

struct Folder {
  Folder() {
    char name[] = "/tmp/spigrp-socket-XXXXXX";
    BOOST_REQUIRE(mkdtemp(name) != nullptr);
    options.path = std::string(name) + "/sock";
  }
  ~Folder() { std::filesystem::remove_all(options.path.parent_path()); }

  SocketOptions options;
};

BOOST_FIXTURE_TEST_SUITE(socket_file, Folder)

BOOST_AUTO_TEST_CASE(the_socket_has_its_mode_and_goes_with_its_owner) {
  {
    const auto socket = SocketFile::create(options);
    BOOST_REQUIRE(socket.has_value());
    struct stat found {};
    BOOST_REQUIRE(stat(options.path.c_str(), &found) == 0);
    BOOST_TEST(S_ISSOCK(found.st_mode));
    BOOST_TEST((found.st_mode & 0777) == 0600u);
  }
  BOOST_TEST(!std::filesystem::exists(options.path));
}

BOOST_AUTO_TEST_CASE(one_that_a_dead_daemon_left_is_replaced) {
  auto dead = SocketFile::create(options);
  BOOST_REQUIRE(dead.has_value());
  close(dead->release_descriptor());
  BOOST_REQUIRE(std::filesystem::exists(options.path));
  BOOST_TEST(SocketFile::create(options).has_value());
}

BOOST_AUTO_TEST_CASE(one_whose_daemon_is_still_starting_is_not) {
  const auto starting = SocketFile::create(options);
  BOOST_REQUIRE(starting.has_value());
  for (int attempt = 0; attempt < 3; ++attempt) {
    BOOST_TEST(SocketFile::create(options).error().problem == "another daemon listens on it");
  }
  BOOST_TEST(std::filesystem::exists(options.path));
}

BOOST_AUTO_TEST_CASE(what_has_taken_its_place_is_left_alone) {
  {
    const auto socket = SocketFile::create(options);
    BOOST_REQUIRE(socket.has_value());
    std::filesystem::remove(options.path);
    std::ofstream(options.path) << "another's";
  }
  BOOST_TEST(std::filesystem::exists(options.path));
}

BOOST_AUTO_TEST_CASE(one_that_is_listened_on_is_not) {
  auto living = SocketFile::create(options);
  BOOST_REQUIRE(living.has_value());
  const int descriptor = living->release_descriptor();
  BOOST_REQUIRE(listen(descriptor, 1) == 0);
  const auto second = SocketFile::create(options);
  BOOST_REQUIRE(!second.has_value());
  BOOST_TEST(second.error().problem == "another daemon listens on it");
  BOOST_TEST(std::filesystem::exists(options.path));
  close(descriptor);
}

BOOST_AUTO_TEST_CASE(another_file_of_that_name_is_left_alone) {
  std::ofstream(options.path) << "precious";
  BOOST_TEST(!SocketFile::create(options).has_value());
  BOOST_TEST(std::filesystem::file_size(options.path) == 8u);
}

BOOST_AUTO_TEST_CASE(the_last_folder_of_the_path_is_made_and_no_more) {
  const auto base = options.path.parent_path();
  options.path = base / "run" / "sock";
  BOOST_TEST(SocketFile::create(options).has_value());
  options.path = base / "a" / "b" / "sock";
  BOOST_TEST(!SocketFile::create(options).has_value());
}

BOOST_AUTO_TEST_CASE(a_path_that_no_socket_can_have_is_refused) {
  options.path = "/tmp/" + std::string(200, 'x');
  BOOST_TEST(!SocketFile::create(options).has_value());
  options.path = "";
  BOOST_TEST(!SocketFile::create(options).has_value());
}

BOOST_AUTO_TEST_CASE(the_daemons_own_user_may_talk_to_it) {
  int ends[2];
  BOOST_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  BOOST_TEST(peer_is_allowed(ends[0], options));
  close(ends[0]);
  close(ends[1]);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
