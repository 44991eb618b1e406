// Key material on its way from the operator to a key schedule. It is wiped when it is destroyed or assigned over, it
// has no printer, and comparing it leaks nothing but its length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/error.h"

namespace spigrp {

// Overwrites memory in a way that the compiler cannot leave out.
void wipe(void* memory, size_t bytes) noexcept;

class Key {
 public:
  Key() = default;
  explicit Key(std::span<const uint8_t> bytes);
  Key(const Key&) = default;
  Key(Key&& other) noexcept;
  Key& operator=(const Key& other);
  Key& operator=(Key&& other) noexcept;
  ~Key();

  std::span<const uint8_t> bytes() const noexcept { return bytes_; }
  size_t size() const noexcept { return bytes_.size(); }
  bool empty() const noexcept { return bytes_.empty(); }

  // "0x…", the form that parse_key reads. Only for the request on the socket and `save --keys`.
  std::string to_hex() const;

  // Takes as long for any keys of one length.
  friend bool operator==(const Key& one, const Key& other) noexcept;

 private:
  std::vector<uint8_t> bytes_;
};

inline constexpr size_t kMaxKeyBytes = 256;

// "0x" + hexadecimal (even number of digits; '_' between digits is skipped) or "0s" + base64. The error never repeats
// the key.
Expected<Key> parse_key(std::string_view text);

}  // namespace spigrp
