// See waiting_packets.h.
#include "engine/waiting_packets.h"

namespace spigrp {

WaitingPackets::Added WaitingPackets::add(const NextHopAddress& next_hop, const WaitingPacket& packet,
                                          uint64_t now_ns) {
  if (const auto known = neighbours_.find(next_hop); known != neighbours_.end()) {
    if (known->second.packets.size() == kMaxWaitingPerNeighbour) return Added::kNoRoom;
    known->second.packets.push_back(packet);
    return Added::kBehindOthers;
  }
  if (neighbours_.size() == kMaxWaitingNeighbours) return Added::kNoRoom;
  Waiting waiting;
  waiting.packets.push_back(packet);
  waiting.due_ns = now_ns + kRequestIntervalNs;
  neighbours_.emplace(next_hop, std::move(waiting));
  return Added::kFirst;
}

std::vector<WaitingPacket> WaitingPackets::take(const NextHopAddress& next_hop) {
  const auto neighbour = neighbours_.find(next_hop);
  if (neighbour == neighbours_.end()) return {};
  std::vector<WaitingPacket> packets = std::move(neighbour->second.packets);
  neighbours_.erase(neighbour);
  return packets;
}

}  // namespace spigrp
