// See text_file.h.
#include "config/text_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/key.h"

namespace spigrp {
namespace {

constexpr size_t kChunkBytes = size_t{256} * 1024;
constexpr size_t kMebibyte = size_t{1} << 20;

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : number_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const noexcept { return number_; }

 private:
  int number_;
};

tl::unexpected<Error> unreadable(std::string_view name, int error) {
  return failure(as_typed(name), std::string("cannot be read: ") + std::strerror(error));
}

tl::unexpected<Error> too_large(std::string_view name, size_t most_bytes) {
  const bool round = most_bytes >= kMebibyte && most_bytes % kMebibyte == 0;
  const std::string limit =
      round ? std::to_string(most_bytes / kMebibyte) + " MiB" : std::to_string(most_bytes) + " bytes";
  return failure(as_typed(name), "is larger than " + limit);
}

void make_room(std::string& text, size_t bytes) {
  if (text.capacity() >= bytes) return;
  std::string larger;
  larger.reserve(bytes * 2);
  larger.assign(text);
  wipe(text.data(), text.size());
  text.swap(larger);
}

}  // namespace

Expected<std::string> read_descriptor(int descriptor, std::string_view name, size_t most_bytes) {
  // A file says beforehand that it is too large; what comes through a pipe is counted.
  struct stat status {};
  if (::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) &&
      static_cast<uint64_t>(status.st_size) > most_bytes) {
    return too_large(name, most_bytes);
  }
  std::string text;
  for (;;) {
    const size_t had = text.size();
    if (had > most_bytes) {
      wipe(text.data(), had);
      return too_large(name, most_bytes);
    }
    const size_t wanted = std::min(kChunkBytes, most_bytes + 1 - had);
    make_room(text, had + wanted);
    text.resize(had + wanted);
    const ssize_t got = ::read(descriptor, text.data() + had, wanted);
    const int error = errno;
    text.resize(had + (got > 0 ? static_cast<size_t>(got) : 0));
    if (got == 0) return text;
    if (got < 0 && error != EINTR) {
      wipe(text.data(), text.size());
      return unreadable(name, error);
    }
  }
}

Expected<std::string> read_text_file(const std::string& path, size_t most_bytes) {
  const Descriptor file(path, 0);
  if (file.number() < 0) return unreadable(path, errno);
  return read_descriptor(file.number(), path, most_bytes);
}

Expected<std::string> read_regular_file(const std::string& path, size_t most_bytes) {
  const Descriptor file(path, O_NONBLOCK);
  if (file.number() < 0) return unreadable(path, errno);
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return unreadable(path, errno);
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) return failure(as_typed(path), "is no regular file");
  return read_descriptor(file.number(), path, most_bytes);
}

}  // namespace spigrp
