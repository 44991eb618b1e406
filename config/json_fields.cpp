// See json_fields.h.
#include "config/json_fields.h"

#include <algorithm>

namespace spigrp {
namespace {

constexpr size_t kLongestString = 4096;

tl::unexpected<Error> wrong(std::string problem, std::string remedy = {}) {
  return failure({}, std::move(problem), std::move(remedy));
}

// Reads a string with a parser whose error then stands behind the field's name.
template <class T, class Parse>
Expected<void> read_text(const nlohmann::json& json, T& value, Parse parse) {
  const auto* text = json.get_ptr<const std::string*>();
  if (text == nullptr) return wrong("must be a string");
  if (text->size() > kLongestString) return wrong("is a string of more than 4096 bytes");
  auto parsed = parse(std::string_view(*text));
  if (!parsed) {
    const Error& error = parsed.error();
    return wrong(Error{error.object, error.problem, {}}.text(), error.remedy);
  }
  value = std::move(*parsed);
  return {};
}

}  // namespace

Expected<void> read_json(const nlohmann::json& json, RawJson& value) {
  value.json = &json;
  return {};
}

Expected<void> read_json(const nlohmann::json& json, bool& value) {
  if (!json.is_boolean()) return wrong("must be true or false");
  value = json.get<bool>();
  return {};
}

Expected<void> read_json(const nlohmann::json& json, std::string& value) {
  return read_text(json, value, [](std::string_view text) -> Expected<std::string> {
    // Names come back in errors and logs, where a control character could forge a line.
    const bool printable = std::none_of(text.begin(), text.end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f;
    });
    if (!printable) return wrong("has control characters");
    return std::string(text);
  });
}

Expected<void> read_json(const nlohmann::json& json, CommandLines& value) {
  const auto* text = json.get_ptr<const std::string*>();
  if (text == nullptr) return wrong("must be a string");
  value.text = *text;
  return {};
}

Expected<void> read_json(const nlohmann::json& json, SaId& value) {
  return read_text(json, value, [](std::string_view text) { return parse_sa_id(text); });
}

Expected<void> read_json(const nlohmann::json& json, IpAddress& value) {
  return read_text(json, value, parse_ip_address);
}

Expected<void> read_json(const nlohmann::json& json, IpPrefix& value) {
  return read_text(json, value, [](std::string_view text) { return parse_ip_prefix(text, HostBits::kAllowed); });
}

Expected<void> read_json(const nlohmann::json& json, MacAddress& value) {
  return read_text(json, value, parse_mac_address);
}

Expected<void> read_json(const nlohmann::json& json, Key& value) {
  return read_text(json, value, parse_key);
}

Expected<void> read_json(const nlohmann::json& json, ErouteTarget& value) {
  return read_text(json, value, [](std::string_view text) -> Expected<ErouteTarget> {
    if (text.starts_with('%')) return parse_magic(text);
    return parse_sa_id(text);
  });
}

Expected<void> read_json(const nlohmann::json& json, ExistingEntry& value) {
  return read_text(json, value, [](std::string_view text) -> Expected<ExistingEntry> {
    if (text == "refuse") return ExistingEntry::kRefuse;
    if (text == "replace") return ExistingEntry::kReplace;
    return failure(as_typed(text), "is neither refuse nor replace");
  });
}

Expected<void> read_json(const nlohmann::json& json, HeaderChoice& value) {
  if (json.is_string()) return read_text(json, value, parse_header_choice);
  if (!json.is_number()) return wrong("must be copy or a number");
  value.fixed = 0;
  return read_json(json, *value.fixed);
}

Expected<void> read_json(const nlohmann::json& json, EcnChoice& value) {
  return read_text(json, value, parse_ecn_choice);
}

Expected<void> read_json(const nlohmann::json& json, DfChoice& value) {
  return read_text(json, value, parse_df_choice);
}

Expected<void> read_json(const nlohmann::json& json, Fragmentation& value) {
  return read_text(json, value, parse_fragmentation);
}

nlohmann::json write_json(bool value) {
  return value;
}

nlohmann::json write_json(const std::string& value) {
  return value;
}

nlohmann::json write_json(const CommandLines& value) {
  return value.text;
}

nlohmann::json write_json(const SaId& value) {
  return value.text();
}

nlohmann::json write_json(const IpAddress& value) {
  return value.text();
}

nlohmann::json write_json(const IpPrefix& value) {
  return value.text();
}

nlohmann::json write_json(const MacAddress& value) {
  return text(value);
}

nlohmann::json write_json(const Key& value) {
  return value.to_hex();
}

nlohmann::json write_json(const ErouteTarget& value) {
  return text(value);
}

nlohmann::json write_json(ExistingEntry value) {
  return value == ExistingEntry::kRefuse ? "refuse" : "replace";
}

nlohmann::json write_json(const HeaderChoice& value) {
  return value.fixed ? nlohmann::json(*value.fixed) : nlohmann::json("copy");
}

nlohmann::json write_json(EcnChoice value) {
  return choice_word(value);
}

nlohmann::json write_json(DfChoice value) {
  return choice_word(value);
}

nlohmann::json write_json(Fragmentation value) {
  return choice_word(value);
}

tl::unexpected<Error> not_a_whole_number(int64_t lowest, uint64_t highest) {
  return wrong("must be a whole number from " + std::to_string(lowest) + " to " + std::to_string(highest));
}

FieldReader::FieldReader(const nlohmann::json& object, std::string path, UnknownFields unknown)
    : object_(object), path_(std::move(path)), unknown_(unknown) {
  if (!object.is_object()) status_ = failure(path_, "must be an object");
}

const nlohmann::json* FieldReader::find(std::string_view name) {
  if (!status_) return nullptr;
  known_.push_back(name);
  const auto found = object_.find(name);
  return found == object_.end() ? nullptr : &*found;
}

std::string FieldReader::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + '.' + std::string(name);
}

void FieldReader::fail(std::string_view name, const Error& error) {
  if (status_) status_ = failure(path_of(name), error.problem, error.remedy);
}

Expected<void> FieldReader::finish() {
  if (!status_ || unknown_ == UnknownFields::kIgnored) return status_;
  for (const auto& [name, value] : object_.items()) {
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    std::string expected;
    for (const std::string_view field : known_) expected += (expected.empty() ? "" : ", ") + std::string(field);
    return failure(path_of(as_typed(name)), "no such field",
                   expected.empty() ? "there are no fields here" : "the fields here are " + expected);
  }
  return {};
}

}  // namespace spigrp
