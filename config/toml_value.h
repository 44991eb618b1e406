// TomlValue: a TOML document as plain values, each with the line that it stands in. What is right and wrong in a
// document is decided by its readers (toml_reader.h); here it is only taken apart, whatever the bytes are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/error.h"

namespace spigrp {

struct TomlValue;
struct TomlMember;

struct TomlInteger {
  int64_t value = 0;
  bool is_octal = false;  // written as 0o600
};

struct TomlArray {
  std::vector<TomlValue> elements;
};

struct TomlTable {
  std::vector<TomlMember> members;  // each key once
};

struct TomlOther {};  // a float, a date or a time, which no key here takes

struct TomlValue {
  uint32_t line = 0;
  std::variant<TomlOther, bool, TomlInteger, std::string, TomlArray, TomlTable> value;
};

struct TomlMember {
  std::string key;
  uint32_t line = 0;
  TomlValue value;
};

// Deeper values are refused, as are lines that could build deep tables out of dotted keys.
inline constexpr size_t kMaxTomlDepth = 8;
inline constexpr size_t kMaxTomlDotsPerLine = 256;

// The table of the whole document. Errors carry the file's name and the line: what is not TOML, too deep.
Expected<TomlTable> parse_toml(std::string_view text, std::string_view file_name);

}  // namespace spigrp
