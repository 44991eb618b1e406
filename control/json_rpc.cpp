// See json_rpc.h.
#include "control/json_rpc.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "config/json_nesting.h"

namespace spigrp {
namespace {

tl::unexpected<RpcError> wrong(int code, std::string problem, std::string remedy, nlohmann::json id = nullptr) {
  return tl::unexpected(RpcError{code, {"request", std::move(problem), std::move(remedy)}, 0, std::move(id)});
}

// An edit has about 20 bytes a value; a message that has many more values than it needs costs memory for nothing.
constexpr size_t kLeastBytesAValue = 8, kFreeValues = 1000;

// The text of a JSON string that has nothing but printable ASCII, and no character by its number; else nothing. What is
// between its quotes.
std::optional<std::string> plain_text(std::string_view quoted) {
  const auto is_odd = [](char c) { return static_cast<signed char>(c) < ' '; };
  if (std::count_if(quoted.begin(), quoted.end(), is_odd) > 0) return std::nullopt;
  constexpr std::string_view kEscapes = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
  std::string text;
  text.reserve(quoted.size());
  while (true) {
    const size_t plain = quoted.find('\\');
    text += quoted.substr(0, plain);
    if (plain == std::string_view::npos) return text;
    const size_t escape = plain + 1 < quoted.size() ? kEscapes.find(quoted[plain + 1]) : std::string_view::npos;
    if (escape == std::string_view::npos) return std::nullopt;
    text += kMeanings[escape];
    quoted.remove_prefix(plain + 2);
  }
}

// Discarded: it is none.
//
// The parser takes some thirty cycles for each byte of a string. Of a large message nearly all is one string, the lines
// of a batch: the parser is shown the message without it, and it is put back where it was.
nlohmann::json parse_message(std::string_view line, const JsonShape& shape) {
  constexpr size_t kLong = 4096;
  auto text = shape.longest.size() < kLong ? std::nullopt : plain_text(shape.longest);
  if (!text) return nlohmann::json::parse(line, nullptr, false);
  const auto begin = static_cast<size_t>(shape.longest.data() - line.data());
  std::string rest(line.substr(0, begin));
  rest += line.substr(begin + shape.longest.size());
  size_t strings = 0;
  bool is_back = false;
  const auto put_back = [&](int, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    const bool is_name = event == nlohmann::json::parse_event_t::key;
    if (!is_name && !(event == nlohmann::json::parse_event_t::value && parsed.is_string())) return true;
    if (strings++ == shape.strings_before && !is_name) {
      parsed = std::move(*text);
      is_back = true;
    }
    return true;
  };
  auto message = nlohmann::json::parse(rest, put_back, false);
  return is_back ? message : nlohmann::json::parse(line, nullptr, false);
}

std::string text_of(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string as_line(const nlohmann::json& message) {
  return text_of(message) + '\n';
}

}  // namespace

tl::expected<Call, RpcError> read_call(std::string_view line) {
  const JsonShape shape = json_shape(line);
  if (shape.levels > kMaxNesting) {
    return wrong(kParseError, "is nested deeper than " + std::to_string(kMaxNesting) + " levels",
                 "no request needs it");
  }
  if (shape.values > line.size() / kLeastBytesAValue + kFreeValues) {
    return wrong(kParseError, "has too many values for its size", "no request needs them");
  }
  nlohmann::json message = parse_message(line, shape);
  if (message.is_discarded()) return wrong(kParseError, "is no JSON", "send one JSON object a line");
  if (!message.is_object()) return wrong(kInvalidRequest, "is no JSON object", "send one request a line");
  Call call;
  const auto id = message.find("id");
  call.wants_answer = id != message.end();
  if (call.wants_answer) {
    if (!id->is_string() && !id->is_number() && !id->is_null()) {
      return wrong(kInvalidRequest, "its id is neither a string, a number nor null", {});
    }
    call.id = *id;
  }
  const auto version = message.find("jsonrpc");
  if (version == message.end() || *version != "2.0") {
    return wrong(kInvalidRequest, "is no JSON-RPC 2.0", R"(begin it with {"jsonrpc":"2.0",)", call.id);
  }
  const auto method = message.find("method");
  if (method == message.end() || !method->is_string()) {
    return wrong(kInvalidRequest, "has no method", "docs/control.md lists the methods", call.id);
  }
  call.method = method->get<std::string>();
  call.params = nlohmann::json::object();
  if (const auto params = message.find("params"); params != message.end()) {
    if (!params->is_object()) {
      auto error = wrong(kInvalidParams, "its params are no object", "name them", call.id);
      error.value().wants_answer = call.wants_answer;
      return error;
    }
    call.params = std::move(*params);
  }
  return call;
}

std::string result_line(const nlohmann::json& id, const nlohmann::json& result) {
  return result_text_line(id, text_of(result));
}

std::string result_text_line(const nlohmann::json& id, const std::string& result) {
  return R"({"id":)" + text_of(id) + R"(,"jsonrpc":"2.0","result":)" + result + "}\n";
}

std::string error_line(const RpcError& error) {
  return as_line({{"jsonrpc", "2.0"}, {"id", error.id}, {"error", error_json(error.error, error.code, error.line)}});
}

}  // namespace spigrp
