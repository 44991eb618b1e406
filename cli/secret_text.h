// SecretText is a string for what holds keys: batch files, key files, requests. Memory that it gives back, also when
// it grows, is overwritten first. (Texts of up to 15 characters are kept inside the object and are not: no key is that
// short.)
#pragma once

#include <cstddef>
#include <memory>
#include <sstream>
#include <string>

#include "config/key.h"

namespace spigrp {

template <class T>
struct WipingAllocator {
  using value_type = T;

  WipingAllocator() = default;
  template <class Other>
  explicit(false) WipingAllocator(const WipingAllocator<Other>& /*other*/) noexcept {}

  T* allocate(size_t count) { return std::allocator<T>().allocate(count); }
  void deallocate(T* memory, size_t count) noexcept {
    wipe(memory, count * sizeof(T));
    std::allocator<T>().deallocate(memory, count);
  }

  friend bool operator==(const WipingAllocator& /*one*/, const WipingAllocator& /*other*/) { return true; }
};

using SecretText = std::basic_string<char, std::char_traits<char>, WipingAllocator<char>>;
using SecretStream = std::basic_ostringstream<char, std::char_traits<char>, WipingAllocator<char>>;

}  // namespace spigrp
