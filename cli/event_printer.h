// Events as text, a line each.
#pragma once

#include <string>

#include "config/event.h"

namespace spigrp {

// "2026-11-24T10:21:07.123Z expire esp.115@192.0.2.2 hard packets=1000"; the time is UTC.
std::string event_text_line(const TimedEvent& event);

}  // namespace spigrp
