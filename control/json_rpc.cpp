// See json_rpc.h.
#include "control/json_rpc.h"

#include <utility>

#include "config/json_nesting.h"

namespace spigrp {
namespace {

tl::unexpected<RpcError> wrong(int code, std::string problem, std::string remedy, nlohmann::json id = nullptr) {
  return tl::unexpected(RpcError{code, {"request", std::move(problem), std::move(remedy)}, 0, std::move(id)});
}

// An edit has about 20 bytes a value; a message that has many more values than it needs costs memory for nothing.
constexpr size_t kLeastBytesAValue = 8, kFreeValues = 1000;

std::string as_line(const nlohmann::json& message) {
  return message.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
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
  nlohmann::json message = nlohmann::json::parse(line, nullptr, false);
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

std::string result_line(const nlohmann::json& id, nlohmann::json result) {
  nlohmann::json message = {{"jsonrpc", "2.0"}, {"id", id}};
  message["result"] = std::move(result);
  return as_line(message);
}

std::string error_line(const RpcError& error) {
  return as_line({{"jsonrpc", "2.0"}, {"id", error.id}, {"error", error_json(error.error, error.code, error.line)}});
}

}  // namespace spigrp
