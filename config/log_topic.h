// The daemon's log topics: the words of klipsdebug and of the configuration's log_topics.
#pragma once

#include <array>
#include <string_view>

#include "config/error.h"

namespace spigrp {

inline constexpr std::array<std::string_view, 11> kLogTopics = {
    "tunnel", "tunnel-xmit", "xform", "eroute", "spi", "esp", "ah", "rcv", "pfkey", "ipcomp", "verbose"};

// Error: no such topic.
Expected<void> validate_log_topic(std::string_view topic);

}  // namespace spigrp
