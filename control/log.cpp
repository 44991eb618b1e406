// See log.h.
#include "control/log.h"

#include <cstdlib>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace spigrp {

void open_log(const std::string& level) {
  auto logger = std::make_shared<spdlog::logger>("spigrpd", std::make_shared<spdlog::sinks::stderr_sink_st>());
  const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  logger->set_pattern(journal ? "%l: %v" : "%Y-%m-%d %H:%M:%S.%e %n %l: %v");
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
}

void LogTopics::say(const std::string& topic, std::string_view text) const {
  if (has(topic)) spdlog::info("[{}] {}", topic, text);
}

}  // namespace spigrp
