// The UDP ports of ESP in UDP (RFC 3948). PeerPort: at which port a peer is now; the SAs between two gateways share it,
// so that what an inbound SA has authenticated tells the outbound ones where to send. UdpPorts: which PeerPorts there
// are, and at which ports of its own the gateway looks for ESP. Own addresses and ports belong to a PeerPort's key,
// because a translator may show a peer at another port to each of them.
#pragma once

#include <array>
#include <atomic>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "config/ip_address.h"
#include "config/udp_encapsulation.h"

namespace spigrp {

struct Sa;

class PeerPort {
 public:
  explicit PeerPort(uint16_t port) noexcept : port_(port) {}

  uint16_t port() const noexcept { return port_.load(std::memory_order_relaxed); }
  // worker: inbound, after authentication and replay check
  void follow(uint16_t port) noexcept { port_.store(port, std::memory_order_relaxed); }

 private:
  std::atomic<uint16_t> port_;  // worker: rw, control: ro
};

// What an esp SA in UDP has. An SA does not know which way it is used: outbound the peer is its destination, inbound
// its source.
struct SaUdp {
  UdpEncapsulation ports;
  std::shared_ptr<PeerPort> to_peer;    // outbound: of the destination, as seen from source and source port
  std::shared_ptr<PeerPort> from_peer;  // inbound: of the source, as seen from destination and destination port
  bool follows;                         // its packets tell where the peer is: what has no ICV or no window does not
};

class UdpPorts : public std::enable_shared_from_this<UdpPorts> {
 public:
  UdpPorts();

  // worker: whether UDP to this port of the gateway may be ESP: port 4500, or one that an SA names as the gateway's.
  // Not versioned: what is found behind it is.
  bool has(uint16_t port) const noexcept {
    return (words_[port / 64].load(std::memory_order_relaxed) >> port % 64 & 1) != 0;
  }

  // control: gives a new SA the PeerPorts that other SAs between the same ports have, or new ones. An entry lasts as
  // long as an SA has it.
  void share(Sa& sa);
  size_t peer_count() const noexcept { return peers_.size(); }

 private:
  struct Key {
    IpAddress peer, own;
    uint16_t peer_port, own_port;  // as the SAs name them

    friend auto operator<=>(const Key&, const Key&) = default;
  };

  std::shared_ptr<PeerPort> shared(const Key& key);
  void use(uint16_t own_port) noexcept;
  void release(uint16_t own_port) noexcept;

  std::array<std::atomic<uint64_t>, 65536 / 64> words_{};  // control: rw, worker: ro
  std::vector<uint32_t> uses_;                             // control: by port
  std::map<Key, std::weak_ptr<PeerPort>> peers_;           // control
};

}  // namespace spigrp
