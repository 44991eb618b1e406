// See memif_socket.h.
#include "engine/memif_socket.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <string_view>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace spigrp {
namespace {

struct MemifArguments {
  bool is_server = false, is_abstract = true;
  std::string path = "/run/memif.sock";
};

// As the driver reads them.
MemifArguments read_arguments(std::string_view device) {
  MemifArguments arguments;
  for (size_t comma = device.find(','); comma != std::string_view::npos; comma = device.find(',')) {
    device.remove_prefix(comma + 1);
    const std::string_view word = device.substr(0, device.find(','));
    const std::string_view name = word.substr(0, word.find('='));
    const std::string_view value = word.substr(std::min(word.size(), name.size() + 1));
    if (name == "role") arguments.is_server = value == "server" || value == "master";
    if (name == "socket-abstract") arguments.is_abstract = value != "no";
    if (name == "socket") arguments.path = value;
  }
  return arguments;
}

bool nobody_listens(const sockaddr_un& address) noexcept {
  const int probe = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return false;
  const bool refused =
      ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 && errno == ECONNREFUSED;
  ::close(probe);
  return refused;
}

// A server that has bound its socket and does not listen yet looks like a dead one; it listens a moment later.
bool is_dead(const sockaddr_un& address) noexcept {
  constexpr unsigned kLooks = 20;
  constexpr timespec kBetween{.tv_sec = 0, .tv_nsec = 10'000'000};
  for (unsigned look = 0; look < kLooks; ++look) {
    if (look > 0) ::nanosleep(&kBetween, nullptr);
    if (!nobody_listens(address)) return false;
  }
  return true;
}

}  // namespace

void clear_memif_socket(const std::string& device) {
  if (!device.starts_with("net_memif")) return;
  const MemifArguments arguments = read_arguments(device);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (!arguments.is_server || arguments.is_abstract || arguments.path.size() >= sizeof(address.sun_path)) return;
  std::copy(arguments.path.begin(), arguments.path.end(), address.sun_path);
  struct stat found {};
  if (::lstat(arguments.path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return;
  if (is_dead(address)) ::unlink(arguments.path.c_str());
}

}  // namespace spigrp
