// Gateway: one of the two gateways that the pipeline is measured with: an engine's parts without threads, its ports
// DPDK rings. What the near one encapsulates the far one decapsulates, the same buffers and without a copy between.
//
//   lan ─▶ near ─ wan ═ wan ─ far ─▶ lan        10.1.0.2 → 10.2.x.y, a flow for each SA
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine_parts.h"
#include "packet_case.h"

namespace spigrp::bench {

enum class Place : uint8_t { kNear, kFar };

inline constexpr uint16_t kLan = 0, kWan = 1;  // port numbers
inline constexpr MacAddress kNearLanMac{2, 0, 0, 0, 1, 1};

// 10.NETWORK.x.y, another x.y for each flow.
IpAddress flow_destination(uint8_t network, size_t flow) noexcept;
// By which way a packet of the LAN at the near gateway leaves: routes and eroutes differ by destination network.
inline constexpr uint8_t kProtectedNetwork = 2, kPlainNetwork = 3, kPassNetwork = 4;

// The SAs of a group, inner → outer.
std::vector<SaProtocol> members_of(Group group);

// Name of one SA towards a gateway; SA number 0 … and its SPI go together.
SaId sa_id(SaProtocol protocol, Place towards, size_t number) noexcept;

class Gateway {
 public:
  static Expected<std::unique_ptr<Gateway>> create(Place place);

  // Instead of what was there: the case's groups in both directions, and an eroute for each flow.
  Expected<void> set_groups(const PacketCase& packet_case);

  EngineParts& parts() noexcept { return *parts_; }
  void process(uint16_t port, std::span<rte_mbuf*> frames) noexcept {
    parts_->worker(0).process(port, frames.data(), static_cast<uint16_t>(frames.size()));
  }
  // Takes what has left by a port; returns how many.
  size_t take_sent(uint16_t port, std::span<rte_mbuf*> room) noexcept;
  Sa* sa(SaProtocol protocol, Place towards, size_t number);

  // Error: a packet did not go through: names the drop reasons.
  Expected<void> check_nothing_lost() const;

 private:
  Gateway(Place place, std::unique_ptr<EngineParts> parts) : place_(place), parts_(std::move(parts)) {}
  Expected<void> start();
  Expected<void> add_routes();
  Expected<void> add_sas(const PacketCase& packet_case);
  Expected<void> add_groups_and_eroutes(const PacketCase& packet_case);
  void publish();

  Place place_;
  std::unique_ptr<EngineParts> parts_;
};

// Error: a packet of these counters was dropped.
Expected<void> check_no_drops(const std::string& who, const PacketCounters& counters);

}  // namespace spigrp::bench
