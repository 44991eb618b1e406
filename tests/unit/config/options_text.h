// Configuration files as text, and what must be said of them.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

#include "config/options.h"
#include "error_text.h"

namespace spigrp::test {

// One port in lines 1 to 3; what a test is about begins in line 4.
inline constexpr std::string_view kPort = "[[ports]]\nname = \"lan\"\ndevice = \"net_null0\"\n";

inline Expected<Options> parse(const std::string& text) {
  return parse_options(text, "f");
}

inline Expected<Options> with(std::string_view more) {
  return parse(std::string(kPort) + std::string(more));
}

struct Refused {
  std::string_view text, error;
};

inline void all_refused(std::initializer_list<Refused> cases) {
  for (const auto& [text, error] : cases) {
    const auto options = with(text);
    BOOST_REQUIRE_MESSAGE(!options.has_value(), text << " was taken");
    BOOST_TEST(holds(error_text(options), error), error_text(options) << "\nwhere this was due: " << error);
    BOOST_TEST(error_text(options).find('\n') == std::string::npos);
  }
}

inline std::string decimal(uint64_t value) {
  return std::to_string(value);
}

}  // namespace spigrp::test
