// See event_hub.h.
#include "control/event_hub.h"

#include <algorithm>
#include <chrono>

#include <nlohmann/json.hpp>

namespace spigrp {
namespace {

uint64_t unix_milliseconds() {
  using std::chrono::system_clock;
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(system_clock::now().time_since_epoch()).count());
}

}  // namespace

std::string event_line(const Event& event) {
  const nlohmann::json message = {
      {"jsonrpc", "2.0"}, {"method", "event"}, {"params", to_json(TimedEvent{unix_milliseconds(), event})}};
  return message.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

void EventHub::subscribe(const std::shared_ptr<EventListener>& listener, const std::vector<std::string>& events) {
  std::erase_if(subscriptions_, [&](const Subscription& known) {
    const auto there = known.listener.lock();
    return there == nullptr || there == listener;
  });
  subscriptions_.push_back({listener, events});
  listener->subscribed();
}

void EventHub::publish(const Event& event) {
  if (subscriptions_.empty()) return;
  const std::string line = event_line(event);
  const std::string_view name = event_name(event);
  // What was lost is told to everybody: it may have been theirs.
  const bool for_all = std::holds_alternative<LostEvent>(event);
  std::erase_if(subscriptions_, [&](const Subscription& subscription) {
    const auto listener = subscription.listener.lock();
    if (listener == nullptr) return true;
    const auto& wanted = subscription.events;
    if (for_all || wanted.empty() || std::find(wanted.begin(), wanted.end(), name) != wanted.end())
      listener->hear(line);
    return false;
  });
}

}  // namespace spigrp
