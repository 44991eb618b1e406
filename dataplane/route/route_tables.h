// RouteTables: where packets go: own addresses, routes (rte_fib, rte_fib6), protected interfaces and neighbours.
// Versioned like the SA tables; the route edit is the only writer. The two FIBs that DPDK can change only in place are
// kept twice: one is read while the other is brought up to date, and the generation says which.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/ip_address.h"
#include "config/options.h"
#include "packet/headers.h"
#include "state/versioned_map.h"

namespace spigrp {

inline constexpr uint16_t kMaxPorts = 32;
inline constexpr uint16_t kMaxInterfaces = 64;  // ipsec0 … ipsec63
inline constexpr uint16_t kNoPort = UINT16_MAX;

enum class NextHopKind : uint8_t { kNone, kLocal, kPort, kInterface, kBlackhole };

// Where a route leads. kPort and kInterface: `gateway`, or the destination itself when on_link.
struct NextHop {
  NextHopKind kind = NextHopKind::kNone;
  bool on_link = true;
  uint16_t port = kNoPort;  // index of the port to leave by; kInterface: of the port attached, or kNoPort
  uint16_t interface = 0;   // kInterface: number of the ipsec interface
  IpAddress gateway;
};

struct NeighbourKey {
  std::array<uint8_t, 16> address;
  be16 port;
  Family family;
  uint8_t zero = 0;
};

struct Neighbour {
  MacAddress mac;
  bool is_static;
};

class RouteTables {
 public:
  static Expected<std::unique_ptr<RouteTables>> create(const TableOptions& sizes);
  ~RouteTables();

  // worker: next hops for `count` ≤ 64 destinations of one family at one generation; addresses in network byte order.
  void lookup_ipv4(const uint32_t* destinations, uint16_t count, Generation g, const NextHop** out) const noexcept;
  void lookup_ipv6(const std::array<uint8_t, 16>* destinations, uint16_t count, Generation g,
                   const NextHop** out) const noexcept;
  // worker: the same for one address
  const NextHop& lookup(const IpAddress& destination, Generation g) const noexcept;

  // worker: the neighbour's MAC address, or null
  const Neighbour* neighbour(const NeighbourKey& key, Generation g) const noexcept;
  // worker: the generation that last changed anything of these tables
  Generation changed_at(Generation g) const noexcept;

  // control: for the other files of this room (route_state.h)
  struct State;
  State& state() noexcept { return *state_; }
  const State& state() const noexcept { return *state_; }

 private:
  RouteTables();
  std::unique_ptr<State> state_;
};

}  // namespace spigrp
