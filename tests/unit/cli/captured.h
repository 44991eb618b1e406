// captured() runs something that writes to standard output and standard error, with a given standard input, and says
// what it wrote.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

namespace spigrp {

// A descriptor of this process that is another file for a while.
class Redirected {
 public:
  Redirected(int descriptor, int to) : descriptor_(descriptor), saved_(dup(descriptor)) { dup2(to, descriptor); }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;
  ~Redirected() {
    dup2(saved_, descriptor_);
    close(saved_);
  }

 private:
  int descriptor_, saved_;
};

// A file in memory, closed with this object.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view text = {}) : descriptor_(memfd_create("captured", MFD_CLOEXEC)) {
    while (!text.empty()) {
      const ssize_t written = write(descriptor_, text.data(), text.size());
      if (written <= 0) break;
      text.remove_prefix(static_cast<size_t>(written));
    }
    lseek(descriptor_, 0, SEEK_SET);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { close(descriptor_); }

  int descriptor() const noexcept { return descriptor_; }
  std::string text() const {
    std::string all;
    char chunk[4096];
    off_t at = 0;
    for (ssize_t got = 0; (got = pread(descriptor_, chunk, sizeof(chunk), at)) > 0; at += got) {
      all.append(chunk, static_cast<size_t>(got));
    }
    return all;
  }

 private:
  int descriptor_;
};

template <class Status>
struct Captured {
  Status status;
  std::string out, err;
};

template <class Run>
auto captured(Run run, std::string_view input = {}) {
  const MemoryFile in(input), out, err;
  std::fflush(nullptr);
  auto status = [&] {
    const Redirected from(STDIN_FILENO, in.descriptor()), to(STDOUT_FILENO, out.descriptor()),
        errors(STDERR_FILENO, err.descriptor());
    auto done = run();
    std::fflush(nullptr);
    return done;
  }();
  return Captured<decltype(status)>{std::move(status), out.text(), err.text()};
}

}  // namespace spigrp
