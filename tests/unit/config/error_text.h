// What an Expected says is wrong, to be compared; empty where nothing is.
#pragma once

#include <string>
#include <string_view>

#include "config/error.h"

namespace spigrp::test {

template <class T>
std::string error_text(const Expected<T>& result) {
  return result ? std::string() : result.error().text();
}

inline bool holds(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace spigrp::test
