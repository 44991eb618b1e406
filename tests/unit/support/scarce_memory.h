// Memory that runs out where a test says so: the C++ heap of the whole runner. Include it in one file of the runner
// only.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace spigrp::test {

// So many allocations from now on there is no memory for one.
class MemoryRunsOut {
 public:
  explicit MemoryRunsOut(int allocations) noexcept { left_until_failure_ = allocations; }
  MemoryRunsOut(const MemoryRunsOut&) = delete;
  MemoryRunsOut& operator=(const MemoryRunsOut&) = delete;
  ~MemoryRunsOut() { left_until_failure_ = kNever; }
  static bool has_failed() noexcept { return left_until_failure_ < 0; }

  // For the operator below. False: there is none.
  static bool takes_one() noexcept { return left_until_failure_ < 0 || left_until_failure_-- != 0; }

 private:
  static constexpr int kNever = -1;
  static inline std::atomic<int> left_until_failure_ = kNever;
};

}  // namespace spigrp::test

// Not inlined: the compiler would take malloc and delete, or new and free, for a pair that does not match.
[[gnu::noinline]] void* operator new(size_t bytes) {
  void* memory = spigrp::test::MemoryRunsOut::takes_one() ? std::malloc(bytes == 0 ? 1 : bytes) : nullptr;
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, size_t /*bytes*/) noexcept {
  ::operator delete(memory);
}
