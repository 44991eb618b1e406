// TomlReader takes the keys of one table out of a TOML document and finds what is wrong with them. What a key is called
// in errors is its path: "memory.megabytes". TomlFile keeps what was found in the whole file, and where keys stand.
//   TomlReader memory(file, table, line, "memory");
//   memory.whole("megabytes", options.megabytes, {64, 1024});   // stays as it was where the key is not there
//   memory.finish();                                            // keys that nobody asked for
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/error.h"
#include "config/toml_value.h"

namespace spigrp {

// Of all that is wrong in a file the topmost is told: whoever mends it begins there.
class TomlFile {
 public:
  explicit TomlFile(std::string_view name) : name_(name) {}

  // Line 0: the file as a whole, told when nothing else is wrong. `path` may be empty.
  void refuse(uint32_t line, const std::string& path, std::string problem, std::string remedy = {});
  const std::optional<Error>& error() const noexcept { return error_; }

  // Makes a place known under a name, "memory.megabytes" or "port lan"; the first line of a name stays.
  void remember(std::string name, uint32_t line) { lines_.emplace(std::move(name), line); }
  std::map<std::string, uint32_t, std::less<>> take_lines() { return std::move(lines_); }

 private:
  std::string name_;
  std::optional<Error> error_;
  uint32_t error_line_ = 0;
  std::map<std::string, uint32_t, std::less<>> lines_;
};

struct Range {
  uint64_t lowest, highest;
};

// What must hold of a string; its error's object may be empty.
using TextCheck = std::function<Expected<void>(const std::string& text)>;

class TomlReader {
 public:
  TomlReader(TomlFile& file, const TomlTable& table, uint32_t line, std::string path);

  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) void whole(std::string_view key, T& value, Range range) {
    if (const auto number = whole_number(key, range)) value = static_cast<T>(*number);
  }
  // A power of two in the range.
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) void power_of_two(std::string_view key, T& value, Range range) {
    if (const auto number = power_of_two_number(key, range)) value = static_cast<T>(*number);
  }
  void whole_list(std::string_view key, std::vector<uint16_t>& values, Range range);
  void flag(std::string_view key, bool& value);
  // Strings are up to 4096 bytes without control characters.
  void text(std::string_view key, std::string& value, const TextCheck& check = {});
  void text_list(std::string_view key, std::vector<std::string>& values, const TextCheck& check = {});
  // File access rights, in octal: 0o600.
  void mode(std::string_view key, uint32_t& value);

  // Runs `read` over the table of that key, where there is one, and over each table of an array of tables.
  void table(std::string_view key, const std::function<void(TomlReader&)>& read);
  void tables(std::string_view key, const std::function<void(TomlReader&)>& read);

  // After the last key: complains of the keys that nobody asked for.
  void finish();

  bool has(std::string_view key) const noexcept { return find(key) != nullptr; }
  // Where a key stands, or the table where the key is not there.
  uint32_t line_of(std::string_view key) const noexcept;
  uint32_t line() const noexcept { return line_; }
  // Line of the element of an array that text_list or whole_list has read.
  uint32_t line_of(std::string_view key, size_t element) const noexcept;
  void refuse(std::string_view key, std::string problem, std::string remedy = {});
  void refuse(std::string_view key, size_t element, std::string problem, std::string remedy = {});
  TomlFile& file() noexcept { return file_; }

 private:
  const TomlMember* find(std::string_view key) const noexcept;
  // Also notes that the key is one of those there are.
  const TomlMember* ask(std::string_view key);
  std::string path_of(std::string_view key) const;
  std::optional<uint64_t> whole_number(std::string_view key, Range range);
  std::optional<uint64_t> power_of_two_number(std::string_view key, Range range);
  const std::string* checked_text(std::string_view key, const TomlValue& value, const TextCheck& check);
  void read_table(std::string_view key, const TomlValue& value, uint32_t line,
                  const std::function<void(TomlReader&)>& read);

  TomlFile& file_;
  const TomlTable& table_;
  uint32_t line_;
  std::string path_;  // empty for the document
  std::vector<std::string_view> known_;
};

}  // namespace spigrp
