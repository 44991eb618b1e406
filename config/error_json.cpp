// Errors as JSON-RPC 2.0 carries them, and keys wiped out of requests.
#include <nlohmann/json.hpp>

#include "config/request.h"

namespace spigrp {
namespace {

// JSON strings are UTF-8; what somebody typed need not be.
nlohmann::json utf8(const std::string& text) {
  const std::string dumped = nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return nlohmann::json::parse(dumped, nullptr, false);
}

std::string text_field(const nlohmann::json& object, const char* name) {
  const auto field = object.find(name);
  return field != object.end() && field->is_string() ? field->get<std::string>() : std::string();
}

void wipe_key_fields(nlohmann::json& spec) {
  for (const char* name : {"encryption_key", "authentication_key"}) {
    const auto key = spec.find(name);
    if (key == spec.end()) continue;
    if (auto* text = key->get_ptr<std::string*>()) wipe(text->data(), text->size());
  }
}

void wipe_sa_add(nlohmann::json& params) {
  if (!params.is_object()) return;
  if (const auto spec = params.find("spec"); spec != params.end() && spec->is_object()) wipe_key_fields(*spec);
}

}  // namespace

nlohmann::json error_json(const Error& error, int code, uint32_t line) {
  nlohmann::json data = {
      {"object", utf8(error.object)}, {"problem", utf8(error.problem)}, {"remedy", utf8(error.remedy)}};
  if (line != 0) data["line"] = line;
  return {{"code", code}, {"message", utf8(error.text())}, {"data", std::move(data)}};
}

Error parse_error_json(const nlohmann::json& error) {
  if (!error.is_object()) return {{}, "the daemon's reply is an error without words", {}};
  const auto data = error.find("data");
  if (data == error.end() || !data->is_object()) return {{}, text_field(error, "message"), {}};
  Error parsed{text_field(*data, "object"), text_field(*data, "problem"), text_field(*data, "remedy")};
  if (parsed.text().empty()) parsed.problem = text_field(error, "message");
  return parsed;
}

void wipe_keys(nlohmann::json& params) {
  wipe_sa_add(params);
  if (!params.is_object()) return;
  if (const auto text = params.find("text"); text != params.end() && text->is_string()) {
    auto& lines = text->get_ref<std::string&>();
    wipe(lines.data(), lines.size());
  }
  const auto edits = params.find("edits");
  if (edits == params.end() || !edits->is_array()) return;
  for (nlohmann::json& edit : *edits) {
    if (!edit.is_object()) continue;
    if (const auto inner = edit.find("params"); inner != edit.end()) wipe_sa_add(*inner);
  }
}

}  // namespace spigrp
