// See port.h. Devices differ in what they can refuse: what a device does not support at all is done without where
// that is safe, what it refuses is an error.
#include "engine/port.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "config/mac_address.h"
#include "engine/memif_socket.h"

namespace spigrp {
namespace {

// A memif has as many queues as its peer offers, which is known only when the peer is there; what DPDK has beyond them
// points at the first, and two workers would write to one ring.
bool has_queues_of_its_peer(const rte_eth_dev_info& info) noexcept {
  return std::strcmp(info.driver_name, "net_memif") == 0;
}

}  // namespace

std::vector<QueueShare> share_queues(uint16_t port, uint16_t rx_queues, uint16_t tx_queues, uint16_t workers) {
  std::vector<QueueShare> shares(workers);
  for (uint16_t queue = 0; queue < rx_queues; ++queue) shares[(port + queue) % workers].receive = queue;
  std::vector<uint16_t> owner(tx_queues);
  for (uint16_t queue = 0; queue < tx_queues; ++queue) {
    owner[queue] = static_cast<uint16_t>((port + queue + 1) % workers);
    shares[owner[queue]].transmit = queue;
  }
  for (uint16_t worker = 0; worker < workers; ++worker) {
    if (shares[worker].transmit == kNoQueue) shares[worker].hand_over_to = owner[worker % tx_queues];
  }
  return shares;
}

Expected<Port> Port::open(const PortOptions& options, uint16_t index, uint16_t workers, rte_mempool* buffers) {
  Port port;
  port.name_ = options.name;
  port.device_ = options.device;
  port.mtu_bytes_ = options.mtu_bytes;
  if (const auto probed = port.probe(options.device); !probed) return tl::unexpected(probed.error());
  if (const auto done = port.configure(options, workers); !done) return tl::unexpected(done.error());
  if (const auto done = port.set_up_queues(options, buffers); !done) return tl::unexpected(done.error());
  if (const auto done = port.set_mac(options.mac); !done) return tl::unexpected(done.error());
  port.shares_ = share_queues(index, port.rx_queues_, port.tx_queues_, workers);
  return port;
}

Port::Port(Port&& other) noexcept
    : name_(std::move(other.name_)),
      device_(std::move(other.device_)),
      device_id_(std::exchange(other.device_id_, uint16_t{UINT16_MAX})),
      mac_(other.mac_),
      mtu_bytes_(other.mtu_bytes_),
      rx_queues_(other.rx_queues_),
      tx_queues_(other.tx_queues_),
      takes_chains_(other.takes_chains_),
      probed_here_(other.probed_here_),
      promiscuous_(other.promiscuous_),
      started_(std::exchange(other.started_, false)),
      shares_(std::move(other.shares_)) {}

Port::~Port() {
  if (device_id_ == UINT16_MAX) return;
  stop();
  rte_eth_dev_info info{};
  const bool known = rte_eth_dev_info_get(device_id_, &info) == 0;
  rte_eth_dev_close(device_id_);
  if (probed_here_ && known) rte_dev_remove(info.device);
}

tl::unexpected<Error> Port::refused(const std::string& problem, int status) const {
  return failure("port " + name_, problem + ": " + rte_strerror(status < 0 ? -status : status));
}

Expected<void> Port::probe(const std::string& device) {
  const std::string device_name = device.substr(0, device.find(','));
  if (rte_eth_dev_get_port_by_name(device_name.c_str(), &device_id_) == 0) return {};
  clear_memif_socket(device);
  if (const int status = rte_dev_probe(device.c_str()); status != 0) {
    device_id_ = UINT16_MAX;
    return failure("port " + name_, "device " + device + " does not start: " + rte_strerror(-status),
                   "DPDK's own lines above say why");
  }
  probed_here_ = true;
  if (rte_eth_dev_get_port_by_name(device_name.c_str(), &device_id_) == 0) return {};
  rte_dev_iterator iterator;  // a device whose ports have names of their own
  RTE_ETH_FOREACH_MATCHING_DEV(device_id_, device_name.c_str(), &iterator) {
    rte_eth_iterator_cleanup(&iterator);
    return {};
  }
  device_id_ = UINT16_MAX;
  return failure("port " + name_, "device " + device + " has no Ethernet port");
}

Expected<void> Port::configure(const PortOptions& options, uint16_t workers) {
  rte_eth_dev_info info{};
  if (const int status = rte_eth_dev_info_get(device_id_, &info); status != 0) return refused("no answer", status);
  const uint16_t wanted = has_queues_of_its_peer(info) ? uint16_t{1} : workers;
  rx_queues_ = std::min(wanted, std::max<uint16_t>(1, info.max_rx_queues));
  tx_queues_ = std::min(wanted, std::max<uint16_t>(1, info.max_tx_queues));
  rte_eth_conf conf{};
  conf.rxmode.mtu = options.mtu_bytes;
  conf.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
  conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
  takes_chains_ = conf.txmode.offloads != 0;
  if (rx_queues_ > 1 && (info.flow_type_rss_offloads & RTE_ETH_RSS_IP) != 0) {
    // By addresses only, so that a packet's fragments stay together.
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads & RTE_ETH_RSS_IP;
  }
  if (const int status = rte_eth_dev_configure(device_id_, rx_queues_, tx_queues_, &conf); status != 0) {
    return refused("the device refuses its configuration (mtu_bytes " + std::to_string(options.mtu_bytes) + ")",
                   status);
  }
  // The usual MTU needs no telling, and telling takes rights on devices that belong to the kernel.
  if (options.mtu_bytes == RTE_ETHER_MTU) return {};
  const int status = rte_eth_dev_set_mtu(device_id_, options.mtu_bytes);
  if (status != 0 && status != -ENOTSUP) {
    return refused("the device refuses mtu_bytes " + std::to_string(options.mtu_bytes), status);
  }
  return {};
}

Expected<void> Port::set_up_queues(const PortOptions& options, rte_mempool* buffers) {
  uint16_t rx_packets = options.rx_queue_packets, tx_packets = options.tx_queue_packets;
  if (const int status = rte_eth_dev_adjust_nb_rx_tx_desc(device_id_, &rx_packets, &tx_packets); status != 0) {
    return refused("queue sizes that the device does not have", status);
  }
  const auto socket = static_cast<unsigned>(std::max(0, rte_eth_dev_socket_id(device_id_)));
  for (uint16_t queue = 0; queue < rx_queues_; ++queue) {
    const int status = rte_eth_rx_queue_setup(device_id_, queue, rx_packets, socket, nullptr, buffers);
    if (status != 0) return refused("receive queue " + std::to_string(queue), status);
  }
  for (uint16_t queue = 0; queue < tx_queues_; ++queue) {
    const int status = rte_eth_tx_queue_setup(device_id_, queue, tx_packets, socket, nullptr);
    if (status != 0) return refused("transmit queue " + std::to_string(queue), status);
  }
  return {};
}

Expected<void> Port::set_mac(const std::string& mac) {
  rte_ether_addr address{};
  if (const int status = rte_eth_macaddr_get(device_id_, &address); status != 0) {
    return refused("its MAC address", status);
  }
  std::copy_n(address.addr_bytes, mac_.size(), mac_.begin());
  if (mac.empty()) return {};
  const auto wanted = parse_mac_address(mac);
  if (!wanted) return tl::unexpected(wanted.error());
  if (*wanted == mac_) return {};
  mac_ = *wanted;
  std::copy(mac_.begin(), mac_.end(), address.addr_bytes);
  const int status = rte_eth_dev_default_mac_addr_set(device_id_, &address);
  if (status == -ENOTSUP) {
    promiscuous_ = true;
  } else if (status != 0) {
    return refused("MAC address " + mac, status);
  }
  return {};
}

Expected<void> Port::start() {
  if (const int status = rte_eth_dev_start(device_id_); status != 0) return refused("does not start", status);
  started_ = true;
  const int status = promiscuous_ ? rte_eth_promiscuous_enable(device_id_) : rte_eth_promiscuous_disable(device_id_);
  if (status != 0 && status != -ENOTSUP) return refused("promiscuous mode", status);
  // Neighbour solicitations come to multicast addresses (RFC 4861 section 7.2.2).
  const int multicast = rte_eth_allmulticast_enable(device_id_);
  if (multicast != 0 && multicast != -ENOTSUP) return refused("multicast reception", multicast);
  return {};
}

void Port::stop() noexcept {
  if (!std::exchange(started_, false)) return;
  rte_eth_dev_stop(device_id_);
}

PortStatistics Port::statistics() const {
  PortStatistics statistics{};
  statistics.name = name_;
  statistics.device = device_;
  statistics.mac = mac_;
  statistics.mtu_bytes = mtu_bytes_;
  rte_eth_link link{};
  statistics.link_up = rte_eth_link_get_nowait(device_id_, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
  rte_eth_stats stats{};
  if (rte_eth_stats_get(device_id_, &stats) != 0) return statistics;
  statistics.received_packets = stats.ipackets;
  statistics.received_bytes = stats.ibytes;
  statistics.sent_packets = stats.opackets;
  statistics.sent_bytes = stats.obytes;
  statistics.missed_packets = stats.imissed;
  statistics.receive_errors = stats.ierrors;
  statistics.no_buffer = stats.rx_nombuf;
  return statistics;
}

}  // namespace spigrp
