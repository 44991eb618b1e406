// Every block of the C++ heap is overwritten when it is freed (invariant 5). Keys pass through strings, vectors and
// JSON on their way from the socket to a key schedule, and the libraries that move them know nothing of keys. Workers
// free nothing, so the datapath does not pay for it.
#include <cstdlib>
#include <new>

#include <malloc.h>

#include "config/key.h"

namespace {

void wipe_and_free(void* memory) noexcept {
  if (memory == nullptr) return;
  spigrp::wipe(memory, malloc_usable_size(memory));
  std::free(memory);
}

void* take(size_t bytes) {
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}

void* take_aligned(size_t bytes, std::align_val_t alignment) {
  const auto unit = static_cast<size_t>(alignment);
  if (void* memory = std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(size_t bytes) {
  return take(bytes);
}
void* operator new[](size_t bytes) {
  return take(bytes);
}
void* operator new(size_t bytes, std::align_val_t alignment) {
  return take_aligned(bytes, alignment);
}
void* operator new[](size_t bytes, std::align_val_t alignment) {
  return take_aligned(bytes, alignment);
}
void operator delete(void* memory) noexcept {
  wipe_and_free(memory);
}
void operator delete[](void* memory) noexcept {
  wipe_and_free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  wipe_and_free(memory);
}
void operator delete[](void* memory, size_t) noexcept {
  wipe_and_free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  wipe_and_free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  wipe_and_free(memory);
}
void operator delete(void* memory, size_t, std::align_val_t) noexcept {
  wipe_and_free(memory);
}
void operator delete[](void* memory, size_t, std::align_val_t) noexcept {
  wipe_and_free(memory);
}
