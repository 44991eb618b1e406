// UnixSocket is the connection to the daemon: lines out, lines in, each with a time limit. It knows nothing of JSON.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "config/error.h"

namespace spigrp {

class UnixSocket {
 public:
  using Clock = std::chrono::steady_clock;

  UnixSocket() = default;
  UnixSocket(UnixSocket&& other) noexcept;
  UnixSocket& operator=(UnixSocket&& other) noexcept;
  ~UnixSocket();

  // Errors name the path, why nobody is reached there, and how to start a daemon.
  static Expected<UnixSocket> connect(const std::string& path, std::chrono::milliseconds limit);

  // Connected, and the other side has neither ended the connection nor sent anything that nobody has read.
  bool is_ready() const noexcept;

  // Errors: closed by the daemon, out of time.
  Expected<void> send(std::string_view bytes, Clock::time_point until);
  // The next line without its newline. Errors: closed before the line ends, longer than `most_bytes`, out of time.
  Expected<std::string> read_line(size_t most_bytes, Clock::time_point until);

 private:
  explicit UnixSocket(int descriptor) : descriptor_(descriptor) {}
  Expected<void> wait_for(short events, Clock::time_point until) const;

  int descriptor_ = -1;
  std::string received_;  // after the last line that was read
};

}  // namespace spigrp
