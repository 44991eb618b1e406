// Client asks the daemon: a JSON-RPC 2.0 request a line, its answer a line (docs/control.md). It connects when it is
// first asked, and again where the daemon has closed a connection that lay idle.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "cli/outcome.h"
#include "cli/unix_socket.h"
#include "config/request.h"

namespace spigrp {

inline constexpr std::chrono::milliseconds kAnswerLimit{60'000};  // a batch of 100,000 SAs takes seconds
inline constexpr size_t kMaxAnswerBytes = 64u << 20;              // a page of 10,000 SA rows is about 6 MiB
inline constexpr size_t kMaxAnswerNesting = 32;                   // a page of eroutes has 5 levels

class Client {
 public:
  explicit Client(std::string socket_path, std::chrono::milliseconds limit = kAnswerLimit,
                  size_t most_answer_bytes = kMaxAnswerBytes);

  // The result of a request. Refused by the daemon (exit 1): its error, with the line where a batch has one. Nobody
  // there, no answer, or no answer in JSON-RPC (exit 3). Keys are wiped once they are sent.
  Outcome<nlohmann::json> call(const Request& request);

  // Asks to be told of events, and calls hear(params) for each until it returns false.
  Outcome<void> monitor(const MonitorQuery& query, const std::function<bool(const nlohmann::json&)>& hear);

  const std::string& socket_path() const noexcept { return socket_path_; }

 private:
  Expected<std::string> exchange(std::string_view line);

  std::string socket_path_;
  std::chrono::milliseconds limit_;
  size_t most_answer_bytes_;
  UnixSocket socket_;
  uint64_t last_id_ = 0;
};

}  // namespace spigrp
