// See eal.h. EAL gets no devices: ports probe theirs when they are opened. Its main lcore is the control thread's, the
// others are the workers'.
#include "engine/eal.h"

#include <sched.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_pdump.h>

#include "engine/engine.h"

namespace spigrp {
namespace {

std::vector<unsigned> allowed_cpus() {
  std::vector<unsigned> cpus;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return {0};
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
  }
  return cpus;
}

// "0@(0,1,2,3),1@(2)": lcore @ the CPUs that its thread may run on.
std::string lcores(const WorkerOptions& workers, const std::vector<unsigned>& cpus) {
  std::string all;
  for (const unsigned cpu : cpus) {
    if (!all.empty()) all += ',';
    all += std::to_string(cpu);
  }
  std::string lcores = "0@(" + all + ")";
  for (size_t i = 0; i < workers.count; ++i) {
    lcores += ',';
    lcores += std::to_string(i + 1) + "@(";
    lcores += (i < workers.cores.size() ? std::to_string(workers.cores[i]) : all) + ")";
  }
  return lcores;
}

}  // namespace

std::vector<std::string> eal_command_line(const MemoryOptions& memory, const WorkerOptions& workers,
                                          const std::vector<unsigned>& cpus) {
  // Allowing a PCI address that is nobody's keeps EAL from taking every device it has a driver for.
  std::vector<std::string> words{"spigrpd",
                                 "--file-prefix=" + memory.file_prefix,
                                 "--lcores=" + lcores(workers, cpus),
                                 "-m",
                                 std::to_string(memory.megabytes),
                                 "-a",
                                 "0000:ff:1f.7",
                                 "--log-level=notice"};
  if (!memory.huge_pages) {
    // --no-huge does not go with --in-memory (DPDK 22.11); --no-shconf leaves no files either.
    words.insert(words.end(), {"--no-huge", "--no-shconf"});
  } else if (!memory.secondary_processes) {
    words.emplace_back("--in-memory");
  }
  words.insert(words.end(), memory.eal_arguments.begin(), memory.eal_arguments.end());
  return words;
}

Expected<void> initialise_eal(const MemoryOptions& memory, const WorkerOptions& workers) {
  if (memory.secondary_processes && !memory.huge_pages) {
    return failure("memory.secondary_processes", "other processes can share huge pages only",
                   "set memory.huge_pages too");
  }
  std::vector<std::string> words = eal_command_line(memory, workers, allowed_cpus());
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  if (rte_eal_init(static_cast<int>(words.size()), arguments.data()) < 0) {
    return failure("EAL", std::string("does not start: ") + rte_strerror(rte_errno),
                   memory.huge_pages ? "DPDK's own lines above say why; are there huge pages enough?"
                                     : "DPDK's own lines above say why");
  }
  if (memory.secondary_processes && rte_pdump_init() < 0) {
    return failure("EAL", std::string("packet capture does not start: ") + rte_strerror(rte_errno));
  }
  return {};
}

}  // namespace spigrp
