// Port: one Ethernet device with its queues shared out among the workers. Opened from its options, started and stopped
// by the control thread; workers read what does not change and burst on their own queues.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/error.h"
#include "config/options.h"
#include "engine/engine.h"
#include "packet/headers.h"

struct rte_mempool;

namespace spigrp {

inline constexpr uint16_t kNoQueue = UINT16_MAX;

// How one worker reaches a port.
struct QueueShare {
  uint16_t receive = kNoQueue;   // queue that it polls
  uint16_t transmit = kNoQueue;  // queue that it owns
  uint16_t hand_over_to = 0;     // without a queue: the worker that transmits for it
};

// Spreads queues over workers. Where a port has one queue of each kind, the worker that does not receive from it
// transmits on it, so that two ports and two workers hand nothing over.
std::vector<QueueShare> share_queues(uint16_t port, uint16_t rx_queues, uint16_t tx_queues, uint16_t workers);

class Port {
 public:
  // Probes the device (or takes one that EAL has already), configures it and its queues. `index` is its place among
  // the ports. Errors name the port: no such device, MTU or MAC address that it refuses, too few descriptors.
  static Expected<Port> open(const PortOptions& options, uint16_t index, uint16_t workers, rte_mempool* buffers);
  Port(Port&& other) noexcept;
  Port& operator=(Port&&) = delete;
  ~Port();  // stops and closes the device

  Expected<void> start();
  void stop() noexcept;

  const std::string& name() const noexcept { return name_; }
  uint16_t device_id() const noexcept { return device_id_; }  // DPDK's number
  const MacAddress& mac() const noexcept { return mac_; }
  uint16_t mtu_bytes() const noexcept { return mtu_bytes_; }
  bool takes_chains() const noexcept { return takes_chains_; }  // sends packets of several segments
  uint16_t rx_queues() const noexcept { return rx_queues_; }
  uint16_t tx_queues() const noexcept { return tx_queues_; }
  const QueueShare& share(uint16_t worker) const noexcept { return shares_[worker]; }
  PortStatistics statistics() const;

 private:
  Port() = default;

  Expected<void> probe(const std::string& device);
  Expected<void> configure(const PortOptions& options, uint16_t workers);
  Expected<void> set_up_queues(const PortOptions& options, rte_mempool* buffers);
  Expected<void> set_mac(const std::string& mac);
  tl::unexpected<Error> refused(const std::string& problem, int status) const;

  std::string name_, device_;
  uint16_t device_id_ = UINT16_MAX;
  MacAddress mac_{};
  uint16_t mtu_bytes_ = 0;
  uint16_t rx_queues_ = 0, tx_queues_ = 0;
  bool takes_chains_ = false;
  bool probed_here_ = false;
  bool promiscuous_ = false;  // the device cannot take the wanted MAC address, so receive filters
  bool started_ = false;
  std::vector<QueueShare> shares_;  // by worker
};

}  // namespace spigrp
