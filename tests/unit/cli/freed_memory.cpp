// See freed_memory.h. All operators of this runner that give memory back end in one of these.
#include "freed_memory.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include <malloc.h>

namespace spigrp {
namespace {

std::atomic<const std::string*> watched = nullptr;
std::atomic<bool> found = false;

void give_back(void* memory) noexcept {
  const std::string* text = watched.load();
  if (text != nullptr && memory != nullptr && memory != text->data() &&
      memmem(memory, malloc_usable_size(memory), text->data(), text->size()) != nullptr) {
    found = true;
  }
  std::free(memory);
}

}  // namespace

FreedMemory::FreedMemory(std::string text) : text_(std::move(text)) {
  found = false;
  watched = &text_;
}

FreedMemory::~FreedMemory() {
  watched = nullptr;
}

bool FreedMemory::held_it() const noexcept {
  return found;
}

}  // namespace spigrp

void* operator new(size_t bytes) {
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}

void* operator new(size_t bytes, const std::nothrow_t& /*tag*/) noexcept {
  return std::malloc(bytes == 0 ? 1 : bytes);
}

void operator delete(void* memory) noexcept {
  spigrp::give_back(memory);
}

void operator delete(void* memory, size_t /*bytes*/) noexcept {
  spigrp::give_back(memory);
}

void operator delete(void* memory, const std::nothrow_t& /*tag*/) noexcept {
  spigrp::give_back(memory);
}
