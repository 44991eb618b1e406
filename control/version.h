// The daemon's version: meson.build's project version, written into version.cpp when the build is set up.
#pragma once

#include <string_view>

namespace spigrp {

extern const std::string_view kDaemonVersion;  // "0.1.0"

}  // namespace spigrp
