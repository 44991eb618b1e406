// See error.h.
#include "config/error.h"

#include <algorithm>

namespace spigrp {

std::string Error::text() const {
  std::string line = object;
  if (!problem.empty()) line += (line.empty() ? "" : ": ") + problem;
  if (!remedy.empty()) line += (line.empty() ? "" : "; ") + remedy;
  return line;
}

namespace {

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '_';
}

// base64's digits, hexadecimal's among them
bool is_key_digit(char c) {
  return is_hex_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '/' || c == '=';
}

size_t run_of(std::string_view text, bool (*belongs)(char)) {
  return static_cast<size_t>(std::find_if_not(text.begin(), text.end(), belongs) - text.begin());
}

// More digits in a row than a number has, or than follow the prefix of a key.
bool looks_like_key(std::string_view text) {
  constexpr size_t kLongestNumber = 10, kLongestHash = 16;
  for (size_t at = 0; at < text.size(); ++at) {
    const std::string_view rest = text.substr(at);
    if (run_of(rest, is_hex_digit) > kLongestHash) return true;
    const bool hex = rest.starts_with("0x") || rest.starts_with("0X");
    const bool base64 = rest.starts_with("0s") || rest.starts_with("0S");
    if ((hex || base64) && run_of(rest.substr(2), hex ? is_hex_digit : is_key_digit) > kLongestNumber) return true;
  }
  return false;
}

}  // namespace

std::string as_typed(std::string_view typed) {
  constexpr size_t kLongest = 80, kLongestLookedAt = 4096;
  if (looks_like_key(typed.substr(0, kLongestLookedAt))) return "a word that looks like a key";
  std::string shown;
  for (const char c : typed.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    shown += byte < 0x20 || byte >= 0x7f ? '?' : c;
  }
  return typed.size() > kLongest ? shown + "…" : shown;
}

}  // namespace spigrp
