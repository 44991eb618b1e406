// Gateway: one of the two gateways that the pipeline is measured with: an engine's parts without threads, its ports
// DPDK rings. What the near one encapsulates the far one decapsulates, the same buffers and without a copy between.
//
//   lan ─▶ near ─ wan ═ wan ─ far ─▶ lan        10.1.0.2 → 10.128.x.y, or fd01::2 → fd02::…, flows one after the other
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

// By which way a packet of the LAN at the near gateway leaves: routes and eroutes differ by destination network. The
// protected one has room for 8 million flows, the others for 65,000.
enum class FlowNetwork : uint8_t { kProtected = 128, kPlain = 3, kPass = 4 };
IpAddress flow_destination(FlowNetwork network, Family family, size_t flow) noexcept;
inline constexpr uint16_t kSourcePort = 4000, kDestinationPort = 5000;  // of the flows' UDP

// The SAs of a group, inner → outer.
std::vector<SaProtocol> members_of(Group group);

// Name of one SA towards a gateway; SA number 0 … and its SPI go together.
SaId sa_id(SaProtocol protocol, Place towards, Family family, size_t number) noexcept;

struct GatewaySizes {
  std::string tag = {};  // tells the ports of several pairs of gateways apart
  TableOptions tables = {};
  uint16_t workers = 1;
};

// What is in the tables: a case's groups in both directions, and eroutes to them.
struct TableContent {
  PacketCase packet_case;
  bool mixed = false;    // every second SA is of the other suite
  uint32_t used = 0;     // so many of the flows have packets; 0: all
  uint32_t flows = 0;    // each has an eroute of its own, to the SAs in turn; 0: as many as SAs
  uint8_t shapes = 1;    // of the eroutes, up to 40: which prefix lengths and fields they name
  uint16_t window = 64;  // packets of the replay windows

  uint32_t flow_count() const noexcept { return flows == 0 ? packet_case.sas : flows; }
  uint32_t used_count() const noexcept { return used == 0 ? flow_count() : used; }
};

class Gateway {
 public:
  static Expected<std::unique_ptr<Gateway>> create(Place place, const GatewaySizes& sizes = {});

  // Instead of what was there.
  Expected<void> set_tables(const TableContent& content);

  EngineParts& parts() noexcept { return *parts_; }
  void process(uint16_t port, std::span<rte_mbuf*> frames, uint16_t worker = 0) noexcept {
    parts_->worker(worker).process(port, frames.data(), static_cast<uint16_t>(frames.size()));
  }
  // Takes what has left by a port, from the queue of one worker; returns how many.
  size_t take_sent(uint16_t port, std::span<rte_mbuf*> room, uint16_t worker = 0) noexcept;
  Sa* sa(SaProtocol protocol, Place towards, size_t number);

  // Error: a packet did not go through: names the drop reasons.
  Expected<void> check_nothing_lost() const;

 private:
  Gateway(Place place, std::unique_ptr<EngineParts> parts) : place_(place), parts_(std::move(parts)) {}
  Expected<void> start();
  Expected<void> add_routes();
  Expected<void> add_sas(const TableContent& content);
  Expected<void> add_groups(const PacketCase& packet_case);
  Expected<void> add_eroutes(const TableContent& content);
  void publish();

  Place place_;
  std::unique_ptr<EngineParts> parts_;
};

// Error: a packet of these counters was dropped.
Expected<void> check_no_drops(const std::string& who, const PacketCounters& counters);

}  // namespace spigrp::bench
