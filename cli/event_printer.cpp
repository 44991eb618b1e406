// See event_printer.h.
#include "cli/event_printer.h"

#include <cstdio>
#include <ctime>

namespace spigrp {
namespace {

std::string utc(uint64_t time_ms) {
  const auto seconds = static_cast<std::time_t>(time_ms / 1000);
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return std::to_string(time_ms);
  char text[32];
  const size_t length = std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + length, sizeof(text) - length, ".%03uZ", static_cast<unsigned>(time_ms % 1000));
  return text;
}

}  // namespace

std::string event_text_line(const TimedEvent& event) {
  return utc(event.time_ms) + ' ' + event_text(event.event);
}

}  // namespace spigrp
