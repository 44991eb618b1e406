// Hostile lines on the control socket: read_call over any bytes, and the request in it. Whatever comes, what is
// answered must be one line of JSON that has the caller's id.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "control/json_rpc.h"

namespace {

void check(const std::string& line, const nlohmann::json& id) {
  const nlohmann::json answer = nlohmann::json::parse(line, nullptr, false);
  if (answer.is_discarded() || line.find('\n') != line.size() - 1) abort();
  if (answer["id"] != id) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto call = spigrp::read_call({reinterpret_cast<const char*>(data), size});
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
