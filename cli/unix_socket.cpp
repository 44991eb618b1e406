// The connection to the daemon, by poll() with a deadline.
#include "cli/unix_socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace spigrp {
namespace {

constexpr size_t kReadBytes = size_t{64} * 1024;

tl::unexpected<Error> out_of_time() {
  return failure("the daemon", "did not answer in time", "its log says what it is doing");
}

tl::unexpected<Error> closed() {
  return failure("the daemon", "closed the connection before it had answered", "its log may say why");
}

tl::unexpected<Error> broken(int error) {
  if (error == EPIPE || error == ECONNRESET) return closed();
  return failure("the daemon", std::string("the connection broke: ") + std::strerror(error));
}

tl::unexpected<Error> unreachable(const std::string& path, int error) {
  switch (error) {
    case ENOENT:
    case ECONNREFUSED:
      return failure(path, "no daemon listens on this socket",
                     "start one with: spigrpd CONFIG.toml; or name another socket with --socket or $SPIGRP_SOCKET");
    case EACCES:
    case EPERM:
      return failure(path, "this user may not connect to the daemon",
                     "run the command as the daemon's user or as root");
    case EAGAIN:
      return failure(path, "the daemon takes no connection in time", "its log says what it is doing");
    default:
      return failure(path, std::string("the daemon cannot be reached: ") + std::strerror(error),
                     "name its socket with --socket or $SPIGRP_SOCKET");
  }
}

timeval as_timeval(std::chrono::milliseconds limit) {
  timeval value{};
  value.tv_sec = static_cast<time_t>(limit.count() / 1000);
  value.tv_usec = static_cast<suseconds_t>(limit.count() % 1000 * 1000);
  return value;
}

}  // namespace

UnixSocket::UnixSocket(UnixSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), received_(std::move(other.received_)) {}

UnixSocket& UnixSocket::operator=(UnixSocket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(received_, other.received_);
  return *this;
}

UnixSocket::~UnixSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Expected<UnixSocket> UnixSocket::connect(const std::string& path, std::chrono::milliseconds limit) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return failure(path.empty() ? "the socket" : path,
                   path.empty() ? "its path is empty" : "the path is too long for a socket",
                   "name the daemon's socket with --socket or $SPIGRP_SOCKET");
  }
  std::copy(path.begin(), path.end(), address.sun_path);
  UnixSocket opened(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (opened.descriptor_ < 0) return unreachable(path, errno);
  // A daemon that is busy lets connections queue; the send limit is also the one for getting into that queue.
  const timeval wait = as_timeval(limit);
  ::setsockopt(opened.descriptor_, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
  int connected = 0;
  do {
    connected = ::connect(opened.descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  } while (connected != 0 && errno == EINTR);
  if (connected != 0) return unreachable(path, errno);
  return opened;
}

bool UnixSocket::is_ready() const noexcept {
  if (descriptor_ < 0 || !received_.empty()) return false;
  char byte = 0;
  return ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

Expected<void> UnixSocket::wait_for(short events, Clock::time_point until) const {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd waited{descriptor_, events, 0};
    const int ready = ::poll(&waited, 1, static_cast<int>(std::clamp<int64_t>(left, 0, 60'000)));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return broken(errno);
    if (Clock::now() >= until) return out_of_time();
  }
}

Expected<void> UnixSocket::send(std::string_view bytes, Clock::time_point until) {
  while (!bytes.empty()) {
    if (auto ready = wait_for(POLLOUT, until); !ready) return ready;
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno != EAGAIN && errno != EINTR) {
      return broken(errno);
    }
  }
  return {};
}

Expected<std::string> UnixSocket::read_line(size_t most_bytes, Clock::time_point until) {
  size_t searched = 0;
  std::array<char, kReadBytes> chunk;
  for (;;) {
    if (const size_t end = received_.find('\n', searched); end != std::string::npos && end <= most_bytes) {
      std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      return line;
    }
    searched = received_.size();
    if (searched > most_bytes) {
      return failure("the daemon", "its answer is longer than any answer can be",
                     "is that socket really the daemon's?");
    }
    if (const auto ready = wait_for(POLLIN, until); !ready) return tl::unexpected(ready.error());
    const ssize_t got = ::recv(descriptor_, chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (got > 0) {
      received_.append(chunk.data(), static_cast<size_t>(got));
    } else if (got == 0) {
      return closed();
    } else if (errno != EAGAIN && errno != EINTR) {
      return broken(errno);
    }
    // A peer that always has more to send must not outrun the limit.
    if (Clock::now() >= until) return out_of_time();
  }
}

}  // namespace spigrp
