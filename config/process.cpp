// See process.h.
#include "config/process.h"

#include <climits>
#include <cstdlib>
#include <initializer_list>

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace spigrp {

void take_large_pages(char** arguments) noexcept {
  constexpr const char* kTunables = "GLIBC_TUNABLES";
  if (std::getenv(kTunables) != nullptr || getauxval(AT_SECURE) != 0)
    return;  // of privileged programs it is taken away
  char path[PATH_MAX];
  const ssize_t bytes = ::readlink("/proc/self/exe", path, sizeof(path) - 1);
  if (bytes <= 0 || ::setenv(kTunables, "glibc.malloc.hugetlb=1", 1) != 0) return;
  path[bytes] = '\0';
  ::execv(path, arguments);
}

void open_standard_descriptors() noexcept {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) != -1) continue;
    // The lowest free number is this one: those below it are open by now.
    (void)::open("/dev/null", descriptor == STDOUT_FILENO ? O_RDONLY : O_RDWR);
  }
}

void hide_memory() noexcept {
  ::prctl(PR_SET_DUMPABLE, 0);
}

}  // namespace spigrp
