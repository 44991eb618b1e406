// See own_library.h. A file is loaded once, whatever it is called; so the copy is made of a file in memory.
#include "crypto/own_library.h"

#include <array>
#include <cstdio>
#include <utility>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <intel-ipsec-mb.h>

namespace spigrp {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  int number() const noexcept { return number_; }
  bool is_open() const noexcept { return number_ >= 0; }

 private:
  int number_;
};

bool copy_all(const Descriptor& from, const Descriptor& to) noexcept {
  struct stat status {};
  if (fstat(from.number(), &status) != 0) return false;
  off_t done = 0;
  while (done < status.st_size) {
    const ssize_t sent = sendfile(to.number(), from.number(), &done, static_cast<size_t>(status.st_size - done));
    if (sent <= 0) return false;
  }
  return true;
}

}  // namespace

bool OwnLibrary::is_wanted() noexcept {
  return imb_get_version() < IMB_VERSION(1, 4, 0);
}

OwnLibrary OwnLibrary::load() noexcept {
  const auto shared = reinterpret_cast<uintptr_t>(&imb_get_errno);
  OwnLibrary loaded;
  Dl_info library{};
  if (dladdr(reinterpret_cast<const void*>(&imb_get_errno), &library) == 0) return loaded;
  const Descriptor file(open(library.dli_fname, O_RDONLY | O_CLOEXEC));
  const Descriptor copy(memfd_create("ipsec-mb", MFD_CLOEXEC));
  if (!file.is_open() || !copy.is_open() || !copy_all(file, copy)) return loaded;
  std::array<char, 32> path;
  std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", copy.number());
  std::unique_ptr<void, Close> handle(dlopen(path.data(), RTLD_NOW | RTLD_LOCAL));
  if (handle == nullptr) return loaded;
  const auto own = reinterpret_cast<uintptr_t>(dlsym(handle.get(), "imb_get_errno"));
  if (own == 0 || own == shared) return loaded;
  loaded.handle_ = std::move(handle);
  loaded.distance_ = own - shared;
  return loaded;
}

void OwnLibrary::Close::operator()(void* handle) const noexcept {
  dlclose(handle);
}

}  // namespace spigrp
