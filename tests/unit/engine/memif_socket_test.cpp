// The socket files of memif servers: those of processes that are no more go, all others stay.
#include "engine/memif_socket.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <boost/test/unit_test.hpp>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace spigrp {
namespace {

struct Socket {
  Socket() {
    std::string name = (std::filesystem::temp_directory_path() / "spigrp-memif-XXXXXX").string();
    BOOST_REQUIRE(mkdtemp(name.data()) != nullptr);
    folder = name;
    path = folder / "lan.sock";
  }
  ~Socket() {
    die();
    std::filesystem::remove_all(folder);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void listen() {
    bind();
    BOOST_REQUIRE(::listen(descriptor, 1) == 0);
  }
  void bind() {
    descriptor = ::socket(AF_UNIX, SOCK_SEQPACKET, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string text = path.string();
    std::copy(text.begin(), text.end(), address.sun_path);
    BOOST_REQUIRE(::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  }
  void die() {
    if (descriptor >= 0) close(descriptor);
    descriptor = -1;
  }
  bool is_there() const { return std::filesystem::exists(std::filesystem::symlink_status(path)); }
  void clear(const std::string& arguments) const { clear_memif_socket("net_memif0," + arguments + path.string()); }

  std::filesystem::path folder, path;
  int descriptor = -1;
};

BOOST_FIXTURE_TEST_SUITE(memif_socket, Socket)

BOOST_AUTO_TEST_CASE(the_socket_of_a_killed_process_goes) {
  listen();
  die();
  clear("role=server,id=0,socket-abstract=no,socket=");
  BOOST_TEST(!is_there());
}

BOOST_AUTO_TEST_CASE(a_socket_on_which_somebody_listens_stays) {
  listen();
  for (int times = 0; times < 4; ++times) clear("role=server,socket-abstract=no,socket=");  // more than it has room for
  BOOST_TEST(is_there());
}

BOOST_AUTO_TEST_CASE(one_that_is_bound_and_listens_a_moment_later_stays) {
  bind();
  std::thread listens_later([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ::listen(descriptor, 1);
  });
  clear("role=server,socket-abstract=no,socket=");
  listens_later.join();
  BOOST_TEST(is_there());
}

BOOST_AUTO_TEST_CASE(a_socket_that_the_driver_would_not_make_stays) {
  listen();
  die();
  clear("id=0,socket-abstract=no,socket=");
  clear("role=client,socket-abstract=no,socket=");
  clear("role=server,socket=");
  clear("role=server,socket-abstract=yes,socket=");
  clear_memif_socket("net_tap0,role=server,socket-abstract=no,socket=" + path.string());
  clear_memif_socket("net_memif0");
  clear_memif_socket("net_memif0,role=server,socket-abstract=no,socket=" + path.string() + std::string(200, 'x'));
  BOOST_TEST(is_there());
}

BOOST_AUTO_TEST_CASE(what_is_no_socket_stays) {
  std::ofstream(path) << "something";
  clear("role=server,socket-abstract=no,socket=");
  BOOST_TEST(is_there());
  const auto aside = folder / "aside";
  std::filesystem::rename(path, aside);
  std::filesystem::create_symlink(aside, path);
  clear("role=server,socket-abstract=no,socket=");
  BOOST_TEST(is_there());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
