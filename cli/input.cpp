// See input.h.
#include "cli/input.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/key.h"

namespace spigrp {
namespace {

constexpr size_t kChunkBytes = size_t{256} * 1024;

std::string name_of(std::string_view file) {
  return file == "-" ? "standard input" : as_typed(file);
}

tl::unexpected<Error> unreadable(std::string_view file, int error) {
  return failure(name_of(file), std::string("cannot be read: ") + std::strerror(error));
}

tl::unexpected<Error> too_large(std::string_view file) {
  return failure(name_of(file), "is larger than 512 MiB", "split it");
}

// Text may hold keys, so what the string leaves behind when it grows is wiped.
void make_room(std::string& text, size_t bytes) {
  if (text.capacity() >= bytes) return;
  std::string larger;
  larger.reserve(bytes * 2);
  larger.assign(text);
  wipe(text.data(), text.size());
  text.swap(larger);
}

Expected<std::string> read_all(int descriptor, std::string_view file) {
  // A file says beforehand that it is too large; what comes through a pipe is counted.
  struct stat status {};
  if (::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) &&
      static_cast<uint64_t>(status.st_size) > kMaxInputBytes) {
    return too_large(file);
  }
  std::string text;
  for (;;) {
    const size_t had = text.size();
    if (had > kMaxInputBytes) {
      wipe(text.data(), had);
      return too_large(file);
    }
    make_room(text, had + kChunkBytes);
    text.resize(had + kChunkBytes);
    const ssize_t got = ::read(descriptor, text.data() + had, kChunkBytes);
    text.resize(had + (got > 0 ? static_cast<size_t>(got) : 0));
    if (got == 0) return text;
    if (got < 0 && errno != EINTR) {
      const int error = errno;
      wipe(text.data(), text.size());
      return unreadable(file, error);
    }
  }
}

}  // namespace

Expected<std::string> read_input(std::string_view file) {
  if (file == "-") return read_all(STDIN_FILENO, file);
  const int descriptor = ::open(std::string(file).c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return unreadable(file, errno);
  auto text = read_all(descriptor, file);
  ::close(descriptor);
  return text;
}

}  // namespace spigrp
