// Lines to and from the daemon's socket: who is not reached, what is cut off, and time limits.
#include "cli/unix_socket.h"

#include <array>
#include <fstream>
#include <string>
#include <thread>

#include <boost/test/unit_test.hpp>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake_daemon.h"

namespace spigrp {
namespace {

using namespace std::chrono_literals;
using Clock = UnixSocket::Clock;

constexpr auto kShort = 200ms;
constexpr auto kLong = 20s;

Answer silence(const nlohmann::json& /*request*/) {
  return {};
}

Error connect_error(const std::string& path) {
  const auto socket = UnixSocket::connect(path, kShort);
  BOOST_REQUIRE(!socket.has_value());
  return socket.error();
}

// Connected to a daemon that says `answer` to whoever comes.
struct Greeted {
  explicit Greeted(Answer answer) : daemon(silence, std::move(answer)) {}
  FakeDaemon daemon;
  UnixSocket socket = UnixSocket::connect(daemon.path(), kLong).value();

  Expected<std::string> line(size_t most_bytes = 1000, std::chrono::milliseconds limit = kLong) {
    return socket.read_line(most_bytes, Clock::now() + limit);
  }
};

BOOST_AUTO_TEST_CASE(a_socket_that_is_not_there_is_named_with_what_starts_a_daemon) {
  const Error error = connect_error("/nonexistent/spigrpd.sock");
  BOOST_TEST(error.object == "/nonexistent/spigrpd.sock");
  BOOST_TEST(error.problem == "no daemon listens on this socket");
  BOOST_TEST(error.remedy ==
             "start one with: spigrpd CONFIG.toml; or name another socket with --socket or $SPIGRP_SOCKET");
}

BOOST_AUTO_TEST_CASE(a_socket_that_nobody_listens_on_and_a_file_that_is_none_are_no_daemon) {
  std::string path;
  {
    const FakeDaemon daemon(silence);
    path = daemon.path() + ".left";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), address.sun_path);
    const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
    BOOST_REQUIRE(::bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    ::close(dead);
    BOOST_TEST(connect_error(path).problem == "no daemon listens on this socket");
    const std::string file = daemon.path() + ".file";
    std::ofstream(file) << "text";
    BOOST_TEST(connect_error(file).problem == "no daemon listens on this socket");
  }
}

BOOST_AUTO_TEST_CASE(a_path_that_no_socket_can_have_is_refused) {
  BOOST_TEST(connect_error("").problem == "its path is empty");
  const size_t longest = sizeof(sockaddr_un::sun_path) - 1;
  BOOST_TEST(connect_error('/' + std::string(longest - 1, 'x')).problem == "no daemon listens on this socket");
  BOOST_TEST(connect_error('/' + std::string(longest, 'x')).problem == "the path is too long for a socket");
}

BOOST_AUTO_TEST_CASE(a_path_below_a_file_cannot_be_reached) {
  const FakeDaemon daemon(silence);
  BOOST_TEST(connect_error(daemon.path() + "/below").problem.starts_with("the daemon cannot be reached: "));
}

BOOST_AUTO_TEST_CASE(a_daemon_that_takes_no_connection_is_waited_for_until_the_limit) {
  const FakeDaemon folder(silence);
  const std::string path = folder.path() + ".full";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), address.sun_path);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  BOOST_REQUIRE(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  BOOST_REQUIRE(::listen(listener, 0) == 0);
  std::vector<UnixSocket> queued;
  Error error;
  Clock::duration waited{};
  while (queued.size() < 10 && error.problem.empty()) {
    const auto began = Clock::now();
    auto socket = UnixSocket::connect(path, kShort);
    waited = Clock::now() - began;
    if (socket) {
      queued.push_back(std::move(*socket));
    } else {
      error = socket.error();
    }
  }
  ::close(listener);
  BOOST_TEST(error.problem == "the daemon takes no connection in time");
  BOOST_TEST((waited >= kShort));
}

BOOST_AUTO_TEST_CASE(lines_that_come_together_are_read_one_by_one) {
  Greeted greeted({"one\n\nthree\nfour"});
  BOOST_TEST(greeted.line().value() == "one");
  BOOST_TEST(greeted.line().value().empty());
  BOOST_TEST(greeted.line().value() == "three");
  const auto rest = greeted.line(1000, kShort);
  BOOST_REQUIRE(!rest.has_value());
  BOOST_TEST(rest.error().problem == "did not answer in time");
}

BOOST_AUTO_TEST_CASE(a_line_in_many_pieces_is_one_line) {
  const std::string text(500'000, 'x');
  Greeted greeted({text + '\n'});
  BOOST_TEST((greeted.line(text.size()).value() == text));
}

BOOST_AUTO_TEST_CASE(a_line_may_be_as_long_as_the_limit_and_no_longer) {
  Greeted fits({std::string(10, 'x') + '\n'}), longer({std::string(11, 'x') + '\n'}), endless({std::string(11, 'x')});
  BOOST_TEST(fits.line(10).value() == "xxxxxxxxxx");
  for (Greeted* one : {&longer, &endless}) {
    const auto line = one->line(10);
    BOOST_REQUIRE(!line.has_value());
    BOOST_TEST(line.error().problem == "its answer is longer than any answer can be");
  }
}

BOOST_AUTO_TEST_CASE(a_connection_that_is_closed_within_a_line_is_an_error_and_after_it_none) {
  Greeted greeted({"whole\nhalf", Answer::Then::kClose});
  BOOST_TEST(greeted.line().value() == "whole");
  const auto half = greeted.line();
  BOOST_REQUIRE(!half.has_value());
  BOOST_TEST(half.error().problem == "closed the connection before it had answered");
}

BOOST_AUTO_TEST_CASE(a_line_without_end_ends_at_the_time_limit) {
  Greeted greeted({std::string(100, 'x'), Answer::Then::kRepeat});
  const auto began = Clock::now();
  const auto line = greeted.line(SIZE_MAX - 1, kShort);
  BOOST_REQUIRE(!line.has_value());
  BOOST_TEST(line.error().problem == "did not answer in time");
  BOOST_TEST((Clock::now() - began < 10s));
}

BOOST_AUTO_TEST_CASE(a_peer_that_takes_nothing_ends_the_sending_at_the_time_limit) {
  int ends[2];
  BOOST_REQUIRE(::pipe(ends) == 0);
  const FakeDaemon daemon([&](const nlohmann::json&) -> Answer {
    char byte = 0;
    return {::read(ends[0], &byte, 1) == 0 ? "" : "?"};  // reads no further until the test is done
  });
  auto socket = UnixSocket::connect(daemon.path(), kLong).value();
  BOOST_REQUIRE(socket.send("1\n", Clock::now() + kLong).has_value());
  const auto sent = socket.send(std::string(32 << 20, ' '), Clock::now() + kShort);
  ::close(ends[1]);
  BOOST_REQUIRE(!sent.has_value());
  BOOST_TEST(sent.error().problem == "did not answer in time");
  ::close(ends[0]);
}

BOOST_AUTO_TEST_CASE(sending_to_one_who_has_gone_is_an_error_and_no_signal) {
  Greeted greeted({"bye", Answer::Then::kClose});
  BOOST_REQUIRE(!greeted.line().has_value());
  const auto sent = greeted.socket.send("x\n", Clock::now() + kLong);
  BOOST_REQUIRE(!sent.has_value());
  BOOST_TEST(sent.error().problem == "closed the connection before it had answered");
}

BOOST_AUTO_TEST_CASE(it_is_ready_while_nothing_unread_has_come_and_nobody_has_left) {
  BOOST_TEST(!UnixSocket().is_ready());
  Greeted quiet({"a\n"});
  BOOST_REQUIRE(quiet.line().has_value());
  BOOST_TEST(quiet.socket.is_ready());
  Greeted chatty({"a\nunasked"});
  BOOST_REQUIRE(chatty.line().has_value());
  BOOST_TEST(!chatty.socket.is_ready());
  Greeted gone({"a", Answer::Then::kClose});
  BOOST_REQUIRE(!gone.line().has_value());
  BOOST_TEST(!gone.socket.is_ready());
}

BOOST_AUTO_TEST_CASE(a_moved_socket_takes_what_it_had_received_along) {
  Greeted greeted({"one\ntwo\n"});
  BOOST_TEST(greeted.line().value() == "one");
  UnixSocket moved(std::move(greeted.socket));
  UnixSocket assigned;
  assigned = std::move(moved);
  BOOST_TEST(assigned.read_line(10, Clock::now() + kLong).value() == "two");
}

}  // namespace
}  // namespace spigrp
