// FakeDaemon plays the daemon in a thread of its own: a socket in a folder of its own, and for each line that comes
// whatever the test wants said to it, well or badly.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

namespace spigrp {

struct Answer {
  enum class Then : uint8_t { kStay, kClose, kRepeat };  // kRepeat: the same bytes again and again

  std::string bytes;
  Then then = Then::kStay;
};

class FakeDaemon {
 public:
  // Called with each line, in the daemon's thread.
  using Script = std::function<Answer(const nlohmann::json& request)>;

  // `greeting` is said to whoever connects, who is then left alone or sent away.
  explicit FakeDaemon(Script script, Answer greeting = {});
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;
  ~FakeDaemon();

  std::string path() const { return folder_ / "sock"; }
  std::vector<nlohmann::json> requests() const;
  unsigned connections() const noexcept { return connections_; }

 private:
  void run();
  void serve(int client);
  bool say(int client, const Answer& answer) const;  // false: the connection is over
  bool wait_for(int descriptor, short events) const;

  Script script_;
  Answer greeting_;
  std::filesystem::path folder_;
  int listener_ = -1;
  int stop_[2] = {-1, -1};
  std::atomic<unsigned> connections_ = 0;
  mutable std::mutex mutex_;
  std::vector<nlohmann::json> requests_;
  std::thread thread_;
};

// Answers to a request: its result, its error, or any bytes.
Answer result_to(const nlohmann::json& request, const nlohmann::json& result);
Answer error_to(const nlohmann::json& request, const nlohmann::json& error);

}  // namespace spigrp
