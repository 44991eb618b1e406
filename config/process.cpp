// See process.h.
#include "config/process.h"

#include <initializer_list>

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace spigrp {

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
