// WaitingPackets: packets whose next hop's MAC address is not known yet, by next hop, with the requests that are out
// for it. Control thread only. It owns the packets in it.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "config/ip_address.h"
#include "engine/punt.h"

namespace spigrp {

inline constexpr size_t kMaxWaitingPerNeighbour = 16;
inline constexpr size_t kMaxWaitingNeighbours = 1024;
inline constexpr uint8_t kMaxRequests = 3;                     // RFC 4861 section 10: MAX_MULTICAST_SOLICIT
inline constexpr uint64_t kRequestIntervalNs = 1'000'000'000;  // and RETRANS_TIMER

struct NextHopAddress {
  uint16_t port;
  IpAddress address;
  friend auto operator<=>(const NextHopAddress&, const NextHopAddress&) = default;  // NOLINT(modernize-use-nullptr)
};

struct WaitingPacket {
  rte_mbuf* packet;
  Passage passage;
  Generation eroutes_changed;  // see Punt
};

class WaitingPackets {
 public:
  enum class Added : uint8_t { kFirst, kBehindOthers, kNoRoom };

  // kFirst: a request is due at once. kNoRoom, and where memory runs out: the packet stays the caller's.
  Added add(const NextHopAddress& next_hop, const WaitingPacket& packet, uint64_t now_ns);
  bool has(const NextHopAddress& next_hop) const { return neighbours_.contains(next_hop); }
  // Those that waited for this next hop, in their order.
  std::vector<WaitingPacket> take(const NextHopAddress& next_hop);

  // Calls ask(next hop) where another request is due, and give_up(packet) for the packets of next hops that answered
  // none.
  template <class Ask, class GiveUp>
  void time_out(uint64_t now_ns, Ask&& ask, GiveUp&& give_up) {
    for (auto neighbour = neighbours_.begin(); neighbour != neighbours_.end();) {
      Waiting& waiting = neighbour->second;
      if (now_ns < waiting.due_ns) {
        ++neighbour;
      } else if (waiting.requests < kMaxRequests) {
        ++waiting.requests;
        waiting.due_ns = now_ns + kRequestIntervalNs;
        ask(neighbour->first);
        ++neighbour;
      } else {
        for (const WaitingPacket& packet : waiting.packets) give_up(packet.packet);
        neighbour = neighbours_.erase(neighbour);
      }
    }
  }
  template <class GiveUp>
  void clear(GiveUp&& give_up) {
    for (auto& [next_hop, waiting] : neighbours_) {
      for (const WaitingPacket& packet : waiting.packets) give_up(packet.packet);
    }
    neighbours_.clear();
  }

 private:
  struct Waiting {
    std::vector<WaitingPacket> packets;
    uint8_t requests = 1;
    uint64_t due_ns = 0;
  };
  std::map<NextHopAddress, Waiting> neighbours_;
};

}  // namespace spigrp
