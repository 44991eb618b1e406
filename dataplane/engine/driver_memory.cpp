// See driver_memory.h. A program's own munmap() goes before the C library's for all that is loaded with it, drivers
// included; the library's own calls do not come here.
#include "engine/driver_memory.h"

#include <cerrno>
#include <mutex>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_interrupts.h>

namespace spigrp {
namespace {

constexpr uint32_t kLongestBurstMs = 1000;

std::mutex mutex;
const Versions* watched = nullptr;  // under `mutex`

// False: a worker is in a burst still. Rather than to let it fall the memory stays for good.
bool may_unmap() noexcept {
  if (rte_thread_is_intr() == 0) return true;
  const std::lock_guard<std::mutex> lock(mutex);
  return watched == nullptr || watched->outlast_bursts(kLongestBurstMs);
}

}  // namespace

DriverMemory::DriverMemory(const Versions& versions) {
  const std::lock_guard<std::mutex> lock(mutex);
  watched = &versions;
}

DriverMemory::~DriverMemory() {
  const std::lock_guard<std::mutex> lock(mutex);
  watched = nullptr;
}

}  // namespace spigrp

int munmap(void* address, size_t bytes) noexcept {
  if (!spigrp::may_unmap()) {
    errno = EBUSY;
    return -1;
  }
  return static_cast<int>(syscall(SYS_munmap, address, bytes));
}
