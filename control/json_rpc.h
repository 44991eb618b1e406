// JSON-RPC 2.0, one message a line (docs/control.md): a line from a client → a call, a result or an error → the line
// that answers it. What may come is bounded before it is parsed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "config/request.h"

namespace spigrp {

// The codes of JSON-RPC 2.0 section 5.1, and the one for what the gateway refuses.
inline constexpr int kParseError = -32700, kInvalidRequest = -32600, kNoSuchMethod = -32601, kInvalidParams = -32602,
                     kRefused = -32000, kForClient = -32001;  // a name or a file, which the client looks up

inline constexpr size_t kMaxNesting = 16;  // requests need 6

// NOLINTNEXTLINE(bugprone-exception-escape): JSON moves without one
struct Call {
  nlohmann::json id;         // a string, a number or null
  bool wants_answer = true;  // false: a notification
  std::string method;
  nlohmann::json params;  // an object
};

struct RpcError {
  int code = kRefused;
  Error error;
  uint32_t line = 0;            // of a batch; 0: none
  nlohmann::json id = nullptr;  // of the call, where it could be read
  bool wants_answer = true;     // false: of a notification, of which nothing is said (JSON-RPC 2.0 section 4.1)
};

// Errors: no JSON, nested deeper than kMaxNesting, not a call of JSON-RPC 2.0.
tl::expected<Call, RpcError> read_call(std::string_view line);

// Lines, newline included; valid UTF-8 whatever the texts hold.
std::string result_line(const nlohmann::json& id, const nlohmann::json& result);
// The same of a result that is JSON as text. Where there is little memory: JSON objects take some even when they end.
std::string result_text_line(const nlohmann::json& id, const std::string& result);
std::string error_line(const RpcError& error);

}  // namespace spigrp
