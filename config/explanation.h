// Explanation: what the dataplane would do with one packet, as a value: made by the engine (engine/explain.h), carried
// as JSON, printed by `explain`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "config/ip_address.h"
#include "config/mac_address.h"
#include "config/sa_id.h"
#include "config/selector.h"

namespace spigrp {

// Asks what would become of a packet.
struct ExplainQuery {
  IpAddress source, destination;
  uint8_t protocol = 0;  // 0: ICMP. Of ICMP it is an echo request
  uint16_t source_port = 0, destination_port = 0;
  uint32_t bytes = 0;  // of the IP packet; 0: of a usual echo request
  uint8_t ttl = 64;
  bool dont_fragment = false;
  std::string port;            // received on; empty: the one that leads to its source
  std::optional<SaId> out_of;  // it came out of this SA's group; nothing: in the clear

  uint8_t transport_protocol() const noexcept;
  uint32_t total_bytes() const noexcept;
};

// Errors: families differ; ports where there are none; no transport protocol; too small for its headers, or larger than
// an IP packet can be.
Expected<void> validate(const ExplainQuery& query);

struct ExplainedRoute {
  IpAddress destination;           // that was looked up
  std::optional<IpPrefix> prefix;  // the longest that holds it; nothing: there is no route
  std::string leads_to;            // "nowhere", "gateway" (it is the gateway's own), "port", "interface", "blackhole"
  std::string device;              // the port or interface; else empty
  std::string port;                // that it leaves by; empty: none, an interface may be detached
  std::optional<IpAddress> via;
};

struct ExplainedEroute {
  Selector selector;
  ErouteTarget target;
};

struct ExplainedStep {
  SaId sa;
  uint32_t bytes_before = 0, bytes_after = 0;  // of the IP packet
  bool at_most = false;                        // bytes_after may be less: something of the group compresses
};

// A packet on its way out: the one that was asked about, or a fragment of it that goes through the group by itself.
struct ExplainedPacket {
  uint32_t bytes = 0;
  std::vector<ExplainedStep> steps;
  std::vector<uint32_t> sent_bytes;  // of each IP packet that leaves: several are fragments; none: it is dropped
  bool at_most = false;              // sent_bytes may be less, and fewer
  std::string reason, object;        // of the drop
};

struct ExplainedNextHop {
  IpAddress address;
  std::string port;
  uint16_t mtu_bytes = 0;
  std::optional<MacAddress> mac;  // nothing: not known yet, so that packets wait for it
};

struct ExplainedIcmp {
  uint8_t type = 0, code = 0;
  std::string meaning;     // "fragmentation needed"
  uint32_t mtu_bytes = 0;  // that it names; 0: none
};

struct Explanation {
  // The packet.
  IpAddress source, destination;
  uint8_t protocol = 0;
  uint16_t source_port = 0, destination_port = 0;
  uint32_t bytes = 0;
  std::string port;                // received on
  std::vector<SaId> out_of_group;  // that it came out of; empty: it came in the clear, or is the gateway's own

  // Its way; what it does not get to is left out.
  std::optional<ExplainedRoute> route;
  std::optional<ExplainedEroute> eroute, reverse_eroute;  // of its flow, and of the flow the other way round
  std::vector<SaId> group;                                // that protects it, inside → outside
  uint16_t group_mtu_bytes = 0;                           // that what leaves the group is held to
  uint32_t group_fits_bytes = 0;                          // such packets up to here make none that is larger
  std::vector<ExplainedPacket> packets;                   // more than one: fragmented before the group
  std::optional<ExplainedRoute> outer_route;              // of what leaves the group
  std::optional<ExplainedNextHop> next_hop;

  // Its end.
  std::string fate;     // "sent", "waits" (for the next hop's MAC address), "held" and "trapped" (by an eroute),
                        // "delivered", "unwrapped", "dropped"
  std::string reason;   // dropped: the drop reason's name, as `stats` counts it
  std::string meaning;  // and what it means
  std::string object;   // and what of the configuration is the reason
  std::optional<ExplainedIcmp> icmp;  // what its sender is told
  std::vector<Explanation> answer;    // the gateway's answer on its own way: one or none
};

nlohmann::json to_json(const Explanation& explanation);
// Error: the daemon's reply does not fit.
Expected<Explanation> parse_explanation(const nlohmann::json& json);

}  // namespace spigrp
