// EventHub: who is told what happens in the daemon. Listeners are sessions; one that is gone is forgotten. Control
// thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/event.h"

namespace spigrp {

// An event as it goes to clients: a JSON-RPC notification of method "event", newline included.
std::string event_line(const Event& event);

class EventListener {
 public:
  virtual ~EventListener() = default;
  // From now on it is told of events, however long it is silent itself.
  virtual void subscribed() noexcept = 0;
  // Takes the line or leaves it; never waits.
  virtual void hear(const std::string& line) noexcept = 0;
};

class EventHub {
 public:
  // Tells `listener` of these events from now on, or of all where there are none; instead of those before.
  void subscribe(const std::shared_ptr<EventListener>& listener, const std::vector<std::string>& events);
  // Where it throws std::bad_alloc nobody has been told.
  void publish(const Event& event);

 private:
  struct Subscription {
    std::weak_ptr<EventListener> listener;
    std::vector<std::string> events;  // empty: all
  };
  std::vector<Subscription> subscriptions_;
};

}  // namespace spigrp
