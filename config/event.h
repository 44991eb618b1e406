// Event: something that happened in the daemon and that `monitor` tells, as a value. On the socket an event is the
// params of a JSON-RPC notification (docs/control.md); the field names there are those here.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "config/ip_address.h"
#include "config/sa_id.h"
#include "config/selector.h"

namespace spigrp {

// An SA has reached a limit of its lifetime. Told once for the first soft limit and once for the first hard one.
struct ExpireEvent {
  SaId id;
  std::string expiry;  // "soft", "hard"
  std::string limit;   // "packets" …, "sequence": the last sequence number has been used
  uint64_t value = 0;  // of the limit
};
// A packet did not authenticate. So many a second are told at most, as of replays; the others are lost.
struct AuthenticationFailureEvent {
  SaId id;
  IpAddress source;  // of the packet's IP header; nobody has authenticated it
};
struct ReplayEvent {  // seen before, or too old for the window
  SaId id;
  IpAddress source;
  uint64_t sequence = 0;
};
// A packet met %trap: somebody should make an SA for it.
struct AcquireEvent {
  Selector flow;  // which %hold keeps now
  Selector trap;  // the eroute that it met
};
struct ChangeEvent {  // a transaction
  uint64_t generation = 0;
  uint64_t edits = 0;
  std::vector<std::string> what;  // the first few of them, in words
};
struct LostEvent {  // that were not told: too many at once, or read too slowly
  uint64_t count = 0;
};

using Event = std::variant<ExpireEvent, AuthenticationFailureEvent, ReplayEvent, AcquireEvent, ChangeEvent, LostEvent>;

struct TimedEvent {
  uint64_t time_ms = 0;  // Unix time
  Event event;
};

// By the place in the variant.
inline constexpr std::array<std::string_view, 6> kEventNames = {
    "expire", "authentication_failure", "replay", "acquire", "change", "lost"};
std::string_view event_name(const Event& event) noexcept;
// Error: no such event; names those there are.
Expected<void> validate_event_name(std::string_view name);

// One line, as `monitor` prints it behind the time and the log has it: "expire esp.115@192.0.2.2 hard packets=1000".
std::string event_text(const Event& event);

nlohmann::json to_json(const TimedEvent& event);
// Errors name the field, or say that this version does not know the event.
Expected<TimedEvent> parse_event(const nlohmann::json& params);

}  // namespace spigrp
