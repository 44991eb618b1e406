// See toml_reader.h.
#include "config/toml_reader.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace spigrp {
namespace {

constexpr size_t kLongestText = 4096;
constexpr uint32_t kAccessRights = 0777, kOthersWrite = 0002;

std::string range_text(Range range) {
  return std::to_string(range.lowest) + " to " + std::to_string(range.highest);
}

std::optional<uint64_t> number_in(const TomlValue& value, Range range) {
  const auto* integer = std::get_if<TomlInteger>(&value.value);
  if (integer == nullptr || integer->value < 0) return std::nullopt;
  const auto number = static_cast<uint64_t>(integer->value);
  return number >= range.lowest && number <= range.highest ? std::optional(number) : std::nullopt;
}

Expected<void> check_characters(const std::string& text) {
  if (text.size() > kLongestText) return failure({}, "is longer than " + std::to_string(kLongestText) + " bytes");
  // Strings come back in logs, where a control character could forge a line.
  const bool printable = std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f;
  });
  if (!printable) return failure({}, "has control characters");
  return {};
}

}  // namespace

void TomlFile::refuse(uint32_t line, const std::string& path, std::string problem, std::string remedy) {
  if (error_ && (line == 0 || (error_line_ != 0 && error_line_ <= line))) return;
  std::string object = name_;
  if (line != 0) object += ':' + std::to_string(line);
  if (!path.empty()) object += ": " + path;
  error_ = Error{std::move(object), std::move(problem), std::move(remedy)};
  error_line_ = line;
}

TomlReader::TomlReader(TomlFile& file, const TomlTable& table, uint32_t line, std::string path)
    : file_(file), table_(table), line_(line), path_(std::move(path)) {}

void TomlReader::whole_list(std::string_view key, std::vector<uint16_t>& values, Range range) {
  const TomlMember* member = ask(key);
  if (member == nullptr) return;
  const auto* array = std::get_if<TomlArray>(&member->value.value);
  if (array == nullptr) return refuse(key, "must be an array of whole numbers");
  values.clear();
  for (size_t i = 0; i < array->elements.size(); ++i) {
    const auto number = number_in(array->elements[i], range);
    if (!number) return refuse(key, i, "must be whole numbers from " + range_text(range));
    values.push_back(static_cast<uint16_t>(*number));
  }
}

void TomlReader::flag(std::string_view key, bool& value) {
  const TomlMember* member = ask(key);
  if (member == nullptr) return;
  const auto* flag = std::get_if<bool>(&member->value.value);
  if (flag == nullptr) return refuse(key, "must be true or false");
  value = *flag;
}

void TomlReader::text(std::string_view key, std::string& value, const TextCheck& check) {
  const TomlMember* member = ask(key);
  if (member == nullptr) return;
  if (const std::string* text = checked_text(key, member->value, check)) value = *text;
}

void TomlReader::text_list(std::string_view key, std::vector<std::string>& values, const TextCheck& check) {
  const TomlMember* member = ask(key);
  if (member == nullptr) return;
  const auto* array = std::get_if<TomlArray>(&member->value.value);
  if (array == nullptr) return refuse(key, "must be an array of strings");
  values.clear();
  for (const TomlValue& element : array->elements) {
    const std::string* text = checked_text(key, element, check);
    if (text == nullptr) return;
    values.push_back(*text);
  }
}

void TomlReader::mode(std::string_view key, uint32_t& value) {
  const TomlMember* member = ask(key);
  if (member == nullptr) return;
  const auto number = number_in(member->value, {0, kAccessRights});
  const auto* integer = std::get_if<TomlInteger>(&member->value.value);
  // 600 without 0o would be the rights 0o1130, and 432 is not what anybody reads as 0o660.
  if (!number || !integer->is_octal) return refuse(key, "must be access rights in octal, up to 0o777", "write 0o600");
  if ((*number & kOthersWrite) != 0) {
    return refuse(key, "would let every user of this machine in", "use 0o600, or 0o660 for a group");
  }
  value = static_cast<uint32_t>(*number);
}

void TomlReader::table(std::string_view key, const std::function<void(TomlReader&)>& read) {
  if (const TomlMember* member = ask(key)) read_table(key, member->value, member->line, read);
}

void TomlReader::tables(std::string_view key, const std::function<void(TomlReader&)>& read) {
  const TomlMember* member = ask(key);
  if (member == nullptr) return;
  const auto* array = std::get_if<TomlArray>(&member->value.value);
  if (array == nullptr) return refuse(key, "must be tables", "begin each with [[" + path_of(key) + "]]");
  for (const TomlValue& element : array->elements) read_table(key, element, element.line, read);
}

void TomlReader::finish() {
  for (const TomlMember& member : table_.members) {
    if (std::find(known_.begin(), known_.end(), member.key) != known_.end()) continue;
    std::string keys;
    for (const std::string_view key : known_) keys += (keys.empty() ? "" : ", ") + std::string(key);
    file_.refuse(member.line, path_of(as_typed(member.key)), "no such key",
                 (path_.empty() ? "the keys outside of tables are " : "the keys of " + path_ + " are ") + keys);
  }
}

uint32_t TomlReader::line_of(std::string_view key) const noexcept {
  const TomlMember* member = find(key);
  return member == nullptr ? line_ : member->line;
}

uint32_t TomlReader::line_of(std::string_view key, size_t element) const noexcept {
  const TomlMember* member = find(key);
  const auto* array = member == nullptr ? nullptr : std::get_if<TomlArray>(&member->value.value);
  return array == nullptr || element >= array->elements.size() ? line_of(key) : array->elements[element].line;
}

void TomlReader::refuse(std::string_view key, std::string problem, std::string remedy) {
  file_.refuse(line_of(key), path_of(key), std::move(problem), std::move(remedy));
}

void TomlReader::refuse(std::string_view key, size_t element, std::string problem, std::string remedy) {
  file_.refuse(line_of(key, element), path_of(key), std::move(problem), std::move(remedy));
}

const TomlMember* TomlReader::find(std::string_view key) const noexcept {
  const auto found = std::find_if(table_.members.begin(), table_.members.end(),
                                  [key](const TomlMember& member) { return member.key == key; });
  return found == table_.members.end() ? nullptr : &*found;
}

const TomlMember* TomlReader::ask(std::string_view key) {
  known_.push_back(key);
  const TomlMember* member = find(key);
  if (member != nullptr) file_.remember(path_of(key), member->line);
  return member;
}

std::string TomlReader::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + '.' + std::string(key);
}

std::optional<uint64_t> TomlReader::whole_number(std::string_view key, Range range) {
  const TomlMember* member = ask(key);
  if (member == nullptr) return std::nullopt;
  const auto number = number_in(member->value, range);
  if (!number) refuse(key, "must be a whole number from " + range_text(range));
  return number;
}

std::optional<uint64_t> TomlReader::power_of_two_number(std::string_view key, Range range) {
  const TomlMember* member = ask(key);
  if (member == nullptr) return std::nullopt;
  const auto number = number_in(member->value, range);
  if (number && std::has_single_bit(*number)) return number;
  refuse(key, "must be a power of two from " + range_text(range));
  return std::nullopt;
}

const std::string* TomlReader::checked_text(std::string_view key, const TomlValue& value, const TextCheck& check) {
  const auto* text = std::get_if<std::string>(&value.value);
  if (text == nullptr) {
    file_.refuse(value.line, path_of(key), "must be a string", "put it in double quotes");
    return nullptr;
  }
  Expected<void> valid = check_characters(*text);
  if (valid && check) valid = check(*text);
  if (valid) return text;
  const Error& error = valid.error();
  file_.refuse(value.line, path_of(key), Error{error.object, error.problem, {}}.text(), error.remedy);
  return nullptr;
}

void TomlReader::read_table(std::string_view key, const TomlValue& value, uint32_t line,
                            const std::function<void(TomlReader&)>& read) {
  const auto* table = std::get_if<TomlTable>(&value.value);
  if (table == nullptr) {
    return file_.refuse(line, path_of(key), "must be a table", "begin it with [" + path_of(key) + ']');
  }
  TomlReader reader(file_, *table, line, path_of(key));
  read(reader);
  reader.finish();
}

}  // namespace spigrp
