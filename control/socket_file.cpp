// See socket_file.h.
#include "control/socket_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace spigrp {
namespace {

constexpr size_t kMaxPeerGroups = 256;

tl::unexpected<Error> refused(const std::filesystem::path& path, const std::string& problem, int error) {
  return failure("socket " + path.string(), problem + ": " + std::strerror(error),
                 "choose another with path in the configuration's [socket]");
}

bool somebody_listens(const sockaddr_un& address) noexcept {
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return false;
  const bool connected = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  const bool busy = connected || errno == EAGAIN;  // its queue of connections is full
  ::close(probe);
  return busy;
}

// Clears the place of a daemon that is no more.
Expected<void> clear_place(const std::filesystem::path& path, const sockaddr_un& address) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode)) {
    return failure("socket " + path.string(), "there is a file of that name which is no socket", "move it away");
  }
  if (somebody_listens(address)) {
    return failure("socket " + path.string(), "another daemon listens on it",
                   "end that one, or give this one another path in the configuration's [socket]");
  }
  if (::unlink(path.c_str()) != 0) return refused(path, "the old socket cannot be removed", errno);
  return {};
}

}  // namespace

SocketFile::SocketFile(SocketFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::exchange(other.path_, {})) {}

SocketFile::~SocketFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!path_.empty()) ::unlink(path_.c_str());
}

Expected<SocketFile> SocketFile::create(const SocketOptions& options) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = options.path.string();
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return failure("socket " + path, "its path is empty or too long",
                   "use at most " + std::to_string(sizeof(address.sun_path) - 1) + " bytes");
  }
  std::copy(path.begin(), path.end(), address.sun_path);
  std::error_code ignored;  // bind() says what is wrong
  if (options.path.has_parent_path()) std::filesystem::create_directory(options.path.parent_path(), ignored);
  if (const auto cleared = clear_place(options.path, address); !cleared) return tl::unexpected(cleared.error());

  SocketFile socket;
  socket.descriptor_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket.descriptor_ < 0) return refused(options.path, "cannot be made", errno);
  const mode_t before = ::umask(0777 & ~options.mode);
  const int bound = ::bind(socket.descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = errno;
  ::umask(before);
  if (bound != 0) return refused(options.path, "cannot be made", error);
  socket.path_ = options.path;
  return socket;
}

bool peer_is_allowed(int connection, const SocketOptions& options) noexcept {
  ucred peer{};
  socklen_t bytes = sizeof(peer);
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0) return false;
  if (peer.uid == 0 || peer.uid == ::geteuid()) return true;
  struct stat file {};
  if ((options.mode & 0020) == 0 || ::stat(options.path.c_str(), &file) != 0) return false;
  std::array<gid_t, kMaxPeerGroups> groups{};
  socklen_t groups_bytes = sizeof(groups);
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &groups_bytes) != 0) groups_bytes = 0;
  const auto last = groups.begin() + groups_bytes / sizeof(gid_t);
  return peer.gid == file.st_gid || std::find(groups.begin(), last, file.st_gid) != last;
}

}  // namespace spigrp
