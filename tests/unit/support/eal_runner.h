// main() of a unit test runner whose room needs EAL: without huge pages, devices, telemetry or anything on disk.
// Include it in one file of the runner only, and not runner.h too.
#pragma once

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include <sched.h>

#include <rte_eal.h>

#include "support/runner.h"

namespace spigrp::test {

struct Eal {
  Eal() {
    cpu_set_t allowed;
    sched_getaffinity(0, sizeof(allowed), &allowed);
    int first = 0;
    while (first < CPU_SETSIZE - 1 && !CPU_ISSET(first, &allowed)) ++first;
    std::string lcores = "--lcores=0@" + std::to_string(first);
    // DPDK 22.11 takes --no-huge as legacy memory, which does not go with --in-memory; --no-shconf leaves no files
    // either.
    std::vector<std::string> words{"test", "--no-huge", "--no-shconf",       "--no-pci",      "-m",
                                   "1024", lcores,      "--log-level=error", "--no-telemetry"};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0) {
      std::cerr << "EAL does not start\n";
      std::exit(1);
    }
    sched_setaffinity(0, sizeof(allowed), &allowed);  // EAL pinned this thread; those that tests start are free
  }
  ~Eal() { rte_eal_cleanup(); }
};

BOOST_TEST_GLOBAL_FIXTURE(Eal);

}  // namespace spigrp::test
