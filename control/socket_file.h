// SocketFile: the control socket in the file system. It takes the place of one that a dead daemon left behind, never of
// a living one's or of another file, and it is gone when this object is.
#pragma once

#include <filesystem>
#include <utility>

#include <sys/types.h>

#include "config/error.h"
#include "config/options.h"

namespace spigrp {

class SocketFile {
 public:
  // Makes the socket with its mode from the first moment, and the last directory of its path (0755) where that is
  // missing. It listens: clients that connect wait until they are accepted. Errors name the path.
  static Expected<SocketFile> create(const SocketOptions& options);
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&&) = delete;
  ~SocketFile();

  // Gives the descriptor away; the file stays this object's.
  int release_descriptor() noexcept { return std::exchange(descriptor_, -1); }

 private:
  SocketFile() = default;

  int descriptor_ = -1;
  std::filesystem::path path_;  // empty: not ours
  dev_t device_ = 0;            // and which file it is, for another may have taken its place
  ino_t inode_ = 0;
};

// May this peer of a connection edit? Root, the daemon's own user, and, where the socket's mode lets its group write,
// that group.
bool peer_is_allowed(int connection, const SocketOptions& options) noexcept;

}  // namespace spigrp
