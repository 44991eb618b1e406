// What `tncfg` shows as an interface's effective MTU: the largest inner packet that all groups make fit the port,
// whole. Eroutes belong to no interface, so all groups that eroutes lead to count. One look at up to a million eroutes
// would hold up the control thread, so only the first of them are looked at; groups differ little in what they add.
#include <algorithm>

#include "control/handlers/handlers.h"

namespace spigrp {
namespace {

constexpr uint32_t kMostEroutes = 65536;  // a few milliseconds

// What esp and ah without a tunnel go behind.
IpPacket plain_packet(Family family) noexcept {
  const bool is_ipv4 = family == Family::kIpv4;
  IpPacket packet{};
  packet.family = family;
  packet.header_bytes = static_cast<uint16_t>(is_ipv4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header));
  return packet;
}

}  // namespace

uint16_t effective_mtu_bytes(Engine& engine, uint16_t port_mtu_bytes) {
  SaTables& sas = engine.sas();
  const Generation g = engine.versions().published();
  uint32_t smallest = port_mtu_bytes;
  uint32_t left = std::min(sas.eroutes().eroute_count(), kMostEroutes);
  for (Slot slot = 0; left > 0 && slot < sas.eroutes().slot_count(); ++slot) {
    const Eroute* eroute = sas.eroutes().at(slot, g);
    if (eroute == nullptr) continue;
    --left;
    const ErouteVerdict verdict = sas.resolve(*eroute, g);
    if (verdict.action != ErouteAction::kProtect) continue;
    const IpPacket packet = plain_packet(eroute->selector.source.address.family);
    smallest = std::min(smallest, verdict.group->largest_within(packet, port_mtu_bytes));
  }
  return static_cast<uint16_t>(smallest);
}

}  // namespace spigrp
