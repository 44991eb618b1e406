// Hostile lines on the control socket: read_call over any bytes, and the request in it. It must read what the plain
// JSON library reads, also where a long string goes another way: a '~' stands for one. Whatever comes, what is answered
// must be one line of JSON that has the caller's id.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "control/json_rpc.h"

namespace {

std::string stretched(std::string_view bytes) {
  constexpr size_t kLong = 4097, kMost = 4;
  std::string line;
  size_t stretches = 0;
  for (const char c : bytes) {
    if (c == '~' && stretches++ < kMost) {
      line.append(kLong, 'x');
    } else {
      line += c;
    }
  }
  return line;
}

void compare(std::string_view line, const tl::expected<spigrp::Call, spigrp::RpcError>& call) {
  constexpr std::string_view kNoJson = "is no JSON";
  const bool is_refused = !call && call.error().code == spigrp::kParseError;
  if (is_refused && call.error().error.problem != kNoJson) return;  // unparsed: too deep, or too many values
  const nlohmann::json message = nlohmann::json::parse(line, nullptr, false);
  if (message.is_discarded() != is_refused) abort();
  if (!call) return;
  if (message.at("method") != call->method || message.contains("id") != call->wants_answer) abort();
  if (call->wants_answer && message.at("id") != call->id) abort();
  if (message.value("params", nlohmann::json::object()) != call->params) abort();
}

void check(const std::string& line, const nlohmann::json& id) {
  const nlohmann::json answer = nlohmann::json::parse(line, nullptr, false);
  if (answer.is_discarded() || line.find('\n') != line.size() - 1) abort();
  if (answer["id"] != id) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string line = stretched({reinterpret_cast<const char*>(data), size});
  const auto call = spigrp::read_call(line);
  compare(line, call);
  if (!call) {
    check(spigrp::error_line(call.error()), call.error().id);
    return 0;
  }
  const auto request = spigrp::parse_request(call->method, call->params);
  if (!request) {
    check(spigrp::error_line({spigrp::kInvalidParams, request.error(), 0, call->id}), call->id);
    return 0;
  }
  check(spigrp::result_line(call->id, spigrp::request_params(*request)), call->id);
  return 0;
}
