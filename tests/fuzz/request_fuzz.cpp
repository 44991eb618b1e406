// Hostile messages on the control socket: a method name, a newline, and JSON parameters. Whatever is read as a request
// must survive being written and read again unchanged.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <nlohmann/json.hpp>

#include "config/request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return 0;
  const nlohmann::json params = nlohmann::json::parse(text.substr(end + 1), nullptr, false);
  if (params.is_discarded()) return 0;
  const auto request = spigrp::parse_request(text.substr(0, end), params);
  if (!request) return 0;
  const nlohmann::json written = spigrp::request_params(*request);
  const auto again = spigrp::parse_request(spigrp::method_name(*request), written);
  if (!again || spigrp::request_params(*again) != written) abort();
  return 0;
}
