// spigrpctl: the commands, each under its own name too.
#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

#include "cli/program.h"
#include "config/process.h"

int main(int argc, char** argv) {
  spigrp::open_standard_descriptors();
  spigrp::hide_memory();
  std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is no reason to die (output.h)
  const std::string path = argc > 0 ? argv[0] : "spigrpctl";
  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  return static_cast<int>(spigrp::run_program(path, words));
}
