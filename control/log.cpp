// See log.h.
#include "control/log.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <string_view>

#include <poll.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace spigrp {
namespace {

// Lines on standard error. A reader that stalls does not stall the daemon: lines that find no room are lost, and how
// many is said when there is room again.
class ErrorSink : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (!has_room()) {
      ++lost_;
      return;
    }
    if (lost_ > 0) {
      const std::string note = "… " + std::to_string(lost_) + " lines lost\n";
      lost_ = 0;
      write({note.data(), note.size()});
    }
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    write({line.data(), line.size()});
  }
  void flush_() override {}

 private:
  // A pipe has room when it takes PIPE_BUF bytes at once (pipe(7)); lines are shorter.
  static bool has_room() noexcept {
    pollfd standard_error{STDERR_FILENO, POLLOUT, 0};
    return ::poll(&standard_error, 1, 0) == 1 && (standard_error.revents & POLLOUT) != 0;
  }

  static void write(std::string_view line) noexcept {
    constexpr size_t kLongestLine = 2048;
    if (::write(STDERR_FILENO, line.data(), std::min(line.size(), kLongestLine)) < 0) return;  // nobody to tell
  }

  uint64_t lost_ = 0;
};

}  // namespace

void open_log(const std::string& level) {
  auto logger = std::make_shared<spdlog::logger>("spigrpd", std::make_shared<ErrorSink>());
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
