// load_options: a configuration file out of the file system. See options.h.
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "config/options.h"

namespace spigrp {
namespace {

class Descriptor {
 public:
  explicit Descriptor(const char* path) : number_(::open(path, O_RDONLY | O_CLOEXEC)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const noexcept { return number_; }

 private:
  int number_;
};

tl::unexpected<Error> unreadable(const std::filesystem::path& file) {
  const int error = errno;
  return failure(file.string(), std::string("cannot be read: ") + std::strerror(error), "name a configuration file");
}

// Up to one byte more than there may be, of a pipe as well as of a file.
Expected<std::string> read_text(const std::filesystem::path& file) {
  const Descriptor descriptor(file.c_str());
  if (descriptor.number() < 0) return unreadable(file);
  std::string text;
  std::array<char, 65536> part{};
  while (text.size() <= kMaxOptionsBytes) {
    const ssize_t bytes = ::read(descriptor.number(), part.data(), part.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return unreadable(file);
    if (bytes == 0) break;
    text.append(part.data(), static_cast<size_t>(bytes));
  }
  return text;
}

}  // namespace

Expected<Options> load_options(const std::filesystem::path& file) {
  const auto text = read_text(file);
  if (!text) return tl::unexpected(text.error());
  auto options = parse_options(*text, file.string());
  // Where the daemon is started must not decide which commands it starts with.
  if (options && options->startup_batch) options->startup_batch = file.parent_path() / *options->startup_batch;
  return options;
}

}  // namespace spigrp
