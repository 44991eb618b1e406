// See socket_file.h.
#include "control/socket_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
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

// While it is held no other daemon makes a socket in the folder: one that is bound and does not listen yet would look
// like a dead one's. Where the folder cannot be opened nobody else can make sockets there either.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder)
      : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (descriptor_ >= 0) ::flock(descriptor_, LOCK_EX);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

 private:
  int descriptor_;
};

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
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::exchange(other.path_, {})),
      device_(other.device_),
      inode_(other.inode_) {}

SocketFile::~SocketFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  struct stat found {};
  if (path_.empty() || ::lstat(path_.c_str(), &found) != 0) return;
  if (found.st_dev == device_ && found.st_ino == inode_) ::unlink(path_.c_str());
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
  const std::filesystem::path folder = options.path.has_parent_path() ? options.path.parent_path() : ".";
  if (std::filesystem::create_directory(folder, ignored)) {
    std::filesystem::permissions(folder, std::filesystem::perms(0755), ignored);  // whatever the umask is
  }
  const FolderLock lock(folder);
  if (const auto cleared = clear_place(options.path, address); !cleared) return tl::unexpected(cleared.error());

  SocketFile socket;
  socket.descriptor_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket.descriptor_ < 0) return refused(options.path, "cannot be made", errno);
  const mode_t before = ::umask(0777 & ~options.mode);
  const int bound = ::bind(socket.descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = errno;
  ::umask(before);
  if (bound != 0) return refused(options.path, "cannot be made", error);
  struct stat made {};
  if (::lstat(path.c_str(), &made) != 0) return refused(options.path, "cannot be found again", errno);
  socket.path_ = options.path;
  socket.device_ = made.st_dev;
  socket.inode_ = made.st_ino;
  if (::listen(socket.descriptor_, SOMAXCONN) != 0) return refused(options.path, "cannot listen", errno);
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
