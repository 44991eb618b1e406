// The daemon's log: lines on standard error, by spdlog, and the topics of klipsdebug that say how much of what the
// control thread does is logged. Nothing from the datapath comes here, and no key.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace spigrp {

// Sets the level ("trace" … "error") and a form that suits where the lines go: a terminal, a file or the journal, which
// stamps the time itself.
void open_log(const std::string& level);

class LogTopics {
 public:
  explicit LogTopics(const std::vector<std::string>& topics) : on_(topics.begin(), topics.end()) {}

  void set(const std::string& topic) { on_.insert(topic); }
  void clear(const std::string& topic) { on_.erase(topic); }
  bool any() const { return !on_.empty(); }
  bool has(const std::string& topic) const { return on_.contains(topic); }
  std::vector<std::string> list() const { return {on_.begin(), on_.end()}; }

  // Writes a line where the topic is on.
  void say(const std::string& topic, std::string_view text) const;

 private:
  std::set<std::string> on_;
};

}  // namespace spigrp
