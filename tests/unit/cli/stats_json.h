// An answer to `stats`, as the daemon gives it.
#pragma once

#include <nlohmann/json.hpp>

namespace spigrp {

inline nlohmann::json stats_json() {
  return nlohmann::json::parse(R"({
    "generation": 12,
    "workers": [
      {"name": "worker 0", "core": 2, "busy_cycles": 3000, "idle_cycles": 1000, "bursts": 7,
       "received": 101, "originated": 102, "sent": 103, "delivered": 104, "punted": 105, "injected": 106, "joined": 110, "held": 111,
       "forwarded_plain": 107, "encapsulated": 108, "decapsulated": 109, "dropped": {"no_route": 5, "runt": 2}},
      {"name": "control", "core": null, "busy_cycles": 0, "idle_cycles": 0, "bursts": 0,
       "received": 0, "originated": 0, "sent": 0, "delivered": 0, "punted": 0, "injected": 0, "joined": 0, "held": 0,
       "forwarded_plain": 0, "encapsulated": 0, "decapsulated": 0, "dropped": {}}
    ],
    "ports": [
      {"name": "lan", "device": "net_tap0", "mac": "02:00:00:00:00:01", "mtu_bytes": 1500, "link_up": true,
       "received_packets": 1, "received_bytes": 2, "sent_packets": 3, "sent_bytes": 4, "missed_packets": 5,
       "receive_errors": 6, "no_buffer": 7}
    ],
    "total": {"received": 101, "originated": 102, "sent": 103, "delivered": 104, "punted": 105, "injected": 106, "joined": 110, "held": 111,
              "forwarded_plain": 107, "encapsulated": 108, "decapsulated": 109, "dropped": {"no_route": 5, "runt": 2}},
    "unaccounted": -3,
    "drop_meanings": {"no_route": "no route leads there", "runt": "shorter than its headers"}
  })");
}

}  // namespace spigrp
