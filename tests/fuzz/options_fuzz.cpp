// Configuration files: parse_options over any bytes.
#include <cstdint>
#include <string_view>

#include "config/options.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)spigrp::parse_options(std::string_view(reinterpret_cast<const char*>(data), size), "fuzzed");
  return 0;
}
