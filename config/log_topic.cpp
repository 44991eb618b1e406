// See log_topic.h.
#include "config/log_topic.h"

#include <algorithm>

namespace spigrp {

Expected<void> validate_log_topic(std::string_view topic) {
  if (std::find(kLogTopics.begin(), kLogTopics.end(), topic) != kLogTopics.end()) return {};
  std::string words;
  for (const std::string_view known : kLogTopics) words += (words.empty() ? "" : ", ") + std::string(known);
  return failure(as_typed(topic), "no such log topic", "it is one of " + words);
}

}  // namespace spigrp
