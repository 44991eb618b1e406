// See key.h.
#include "config/key.h"

#include <array>
#include <utility>

#include <string.h>

namespace spigrp {
namespace {

// Collects bytes where they can be wiped, whatever the way out.
struct KeyBuffer {
  std::array<uint8_t, kMaxKeyBytes> bytes{};
  size_t size = 0;

  ~KeyBuffer() { wipe(bytes.data(), bytes.size()); }
  bool append(uint8_t byte) noexcept {
    if (size == bytes.size()) return false;
    bytes[size++] = byte;
    return true;
  }
};

tl::unexpected<Error> wrong_key(std::string problem) {
  return failure("key", std::move(problem), "write it as 0x and hexadecimal digits, or 0s and base64");
}

tl::unexpected<Error> long_key() {
  return failure("key", "longer than " + std::to_string(kMaxKeyBytes) + " bytes");
}

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

int base64_value(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

Expected<Key> parse_hex(std::string_view digits) {
  KeyBuffer key;
  int high = -1;
  bool after_digit = false;
  for (const char c : digits) {
    const int value = hex_value(c);
    if (c == '_' ? !after_digit : value < 0) return wrong_key("holds something other than hexadecimal digits");
    after_digit = c != '_';
    if (c == '_') continue;
    if (high >= 0 && !key.append(static_cast<uint8_t>(high << 4 | value))) return long_key();
    high = high < 0 ? value : -1;
  }
  if (high >= 0) return wrong_key("has an odd number of hexadecimal digits");
  if (!after_digit) return wrong_key("has no digits, or ends in '_'");
  return Key({key.bytes.data(), key.size});
}

// RFC 4648 section 4; the padding may be left out, the bits left over must be zero.
Expected<Key> parse_base64(std::string_view digits) {
  if (digits.size() % 4 == 0 && digits.ends_with('=')) digits.remove_suffix(digits.ends_with("==") ? 2 : 1);
  KeyBuffer key;
  uint32_t bits = 0;
  int bit_count = 0;
  for (const char c : digits) {
    const int value = base64_value(c);
    if (value < 0) return wrong_key("holds something other than base64 digits");
    bits = (bits << 6 | static_cast<uint32_t>(value)) & 0xffff;
    bit_count += 6;
    if (bit_count < 8) continue;
    bit_count -= 8;
    if (!key.append(static_cast<uint8_t>(bits >> bit_count))) return long_key();
  }
  if (bit_count >= 6 || (bits & ((1u << bit_count) - 1)) != 0) return wrong_key("is cut short");
  if (key.size == 0) return wrong_key("has no digits");
  return Key({key.bytes.data(), key.size});
}

}  // namespace

void wipe(void* memory, size_t bytes) noexcept {
  if (bytes != 0) explicit_bzero(memory, bytes);
}

Key::Key(std::span<const uint8_t> bytes) : bytes_(bytes.begin(), bytes.end()) {}

Key::Key(Key&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

Key& Key::operator=(const Key& other) {
  if (this != &other) *this = Key(other);
  return *this;
}

Key& Key::operator=(Key&& other) noexcept {
  if (this == &other) return *this;
  wipe(bytes_.data(), bytes_.size());
  bytes_ = std::exchange(other.bytes_, {});
  return *this;
}

Key::~Key() {
  wipe(bytes_.data(), bytes_.size());
}

std::string Key::to_hex() const {
  std::string hex;
  hex.reserve(2 + 2 * bytes_.size());  // growing would leave copies behind
  hex = "0x";
  for (const uint8_t byte : bytes_) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

bool operator==(const Key& one, const Key& other) noexcept {
  if (one.size() != other.size()) return false;
  uint8_t difference = 0;
  for (size_t i = 0; i < one.size(); ++i) difference |= static_cast<uint8_t>(one.bytes_[i] ^ other.bytes_[i]);
  return difference == 0;
}

Expected<Key> parse_key(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) return parse_hex(text.substr(2));
  if (text.starts_with("0s") || text.starts_with("0S")) return parse_base64(text.substr(2));
  return wrong_key("begins with neither 0x nor 0s");
}

}  // namespace spigrp
