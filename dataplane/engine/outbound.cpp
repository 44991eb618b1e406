// The way of an outbound packet (docs/architecture.md):
//   1. receive a burst; validate Ethernet and IP lengths                        receive.cpp
//   2. route the destination: to ipsecN, or to a port (plain forwarding)        forwarding.cpp
//   3. on ipsecN: the eroute of the flow → group, pass, drop, reject, trap,
//      hold                                                                     take()
//   4. for each step of the group: that transform over all packets of the
//      burst that are at it, across SAs                                         apply_step()
//   5. compare with the port's MTU and the path's: tell the sender of what must stay whole
//      what would fit; fragment the rest, before step 4 or after                protect(), transmit.cpp
//   6. route the outer header, resolve the neighbour, send                      send(), transmit.cpp
// A packet gets to step 6 only with every transform of its group on it; one that fails a transform is dropped by it.
#include "engine/outbound.h"

#include <algorithm>

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "packet/buffer.h"
#include "packet/flow_words.h"
#include "packet/fragments.h"
#include "transform/tunnel_esp.h"

namespace spigrp {
namespace {

// Nobody has to send anything smaller (RFC 8200 section 5), so this much passes, in fragments (RFC 2473 section 7.1).
constexpr uint32_t kSmallestIpv6Mtu = 1280;  // bytes

constexpr uint64_t kTrapsPerSecond = 1000;  // of one worker

ErouteRuling dropped_by_eroute(DropReason reason) noexcept {
  return {ErouteRuling::Way::kDrop, reason, nullptr};
}

// It is the packet that must be fragmented, because what would leave the group must not be.
bool goes_in_fragments(const PlainPacket& plain, const SaGroup& group) noexcept {
  if (plain.ip.family == Family::kIpv4) return group.fragments_before();
  return group.at(0)->id.protocol == SaProtocol::kTunnel && !group.header_may_be_fragmented();
}

Fitting fit_outgrowing(const PlainPacket& plain, const SaGroup& group, uint16_t mtu_bytes) noexcept {
  uint32_t fitting_bytes = group.largest_within(plain.ip, mtu_bytes);
  if (must_stay_whole(plain)) {
    if (plain.ip.family == Family::kIpv6 && group.header_may_be_fragmented()) {
      fitting_bytes = std::max(fitting_bytes, kSmallestIpv6Mtu);
      if (plain.ip.total_bytes <= fitting_bytes) return {Fitting::Way::kAsItIs, 0};
    }
    return {Fitting::Way::kRefused, fitting_bytes};
  }
  if (!goes_in_fragments(plain, group)) return {Fitting::Way::kAsItIs, 0};  // transmit.cpp fragments it
  return {Fitting::Way::kInFragments, fitting_bytes};
}

}  // namespace

ErouteRuling rule_outbound(const Network& network, Generation g, const NextHop& interface,
                           const Eroute* eroute) noexcept {
  if (interface.port == kNoPort) return dropped_by_eroute(DropReason::interface_detached);
  if (eroute == nullptr) return dropped_by_eroute(DropReason::no_eroute);
  const ErouteVerdict verdict = network.sas.resolve(*eroute, g);
  switch (verdict.action) {
    case ErouteAction::kProtect:
      return {ErouteRuling::Way::kProtect, {}, verdict.group};
    case ErouteAction::kPass:
      return {ErouteRuling::Way::kPass, {}, nullptr};
    case ErouteAction::kDrop:
      return dropped_by_eroute(DropReason::eroute_drop);
    case ErouteAction::kReject:
      return {ErouteRuling::Way::kReject, DropReason::eroute_reject, nullptr};
    case ErouteAction::kTrap:
      return {ErouteRuling::Way::kTrap, {}, nullptr};
    case ErouteAction::kHold:
      return {ErouteRuling::Way::kHold, {}, nullptr};
    case ErouteAction::kDissolved:
    case ErouteAction::kNone:
      break;
  }
  return dropped_by_eroute(DropReason::group_dissolved);
}

uint16_t outbound_mtu(const Network& network, Generation g, const NextHop& interface, const PlainPacket& packet,
                      const SaGroup& group) noexcept {
  const uint16_t port_mtu_bytes = network.ports[interface.port].mtu_bytes();
  const PathMtus* known = network.path_mtus.at(g);
  if (known == nullptr) [[likely]] {
    return port_mtu_bytes;
  }
  const Overhead overhead = group.overhead();
  if (packet.ip.total_bytes + overhead.head_bytes + overhead.tail_bytes <= known->least_bytes()) return port_mtu_bytes;
  const Sa* tunnel = group.header_maker();
  const IpAddress destination =
      tunnel != nullptr ? tunnel->id.destination : destination_of(packet.packet, packet.ip.family);
  return known->towards(destination, port_mtu_bytes);
}

uint16_t most_bytes_into(const Network& network, Generation g, const NextHop& interface,
                         const SaGroup& group) noexcept {
  const PathMtus* known = network.path_mtus.at(g);
  uint32_t limit_bytes = network.ports[interface.port].mtu_bytes();
  if (known != nullptr) limit_bytes = std::min<uint32_t>(limit_bytes, known->least_bytes());
  const uint32_t overhead_bytes = group.overhead().head_bytes + uint32_t{group.overhead().tail_bytes};
  return static_cast<uint16_t>(limit_bytes - std::min(limit_bytes, overhead_bytes));
}

Fitting fit(const PlainPacket& plain, const SaGroup& group, uint16_t mtu_bytes) noexcept {
  const Overhead overhead = group.overhead();
  const bool may_outgrow = plain.ip.total_bytes + overhead.head_bytes + overhead.tail_bytes > mtu_bytes;
  if (may_outgrow && group.bytes_after(plain.ip) > mtu_bytes) [[unlikely]] {
    return fit_outgrowing(plain, group, mtu_bytes);
  }
  return {Fitting::Way::kAsItIs, 0};
}

std::optional<DropReason> outer_objection(const NextHop& hop) noexcept {
  switch (hop.kind) {
    case NextHopKind::kPort:
    case NextHopKind::kInterface:  // an outer packet does not go through the eroutes again
      return std::nullopt;
    case NextHopKind::kBlackhole:
      return DropReason::blackhole_route;
    case NextHopKind::kNone:
    case NextHopKind::kLocal:
      break;
  }
  return DropReason::no_route;
}

Outbound::Outbound(WorkerContext& context, const Network& network, LocalDelivery& local,
                   Transmitter& transmitter) noexcept
    : context_(context),
      network_(network),
      local_(local),
      transmitter_(transmitter),
      traps_(kTrapsPerSecond, rte_get_tsc_hz()),
      trap_shares_(rte_get_tsc_hz()) {}

Outbound::Fate Outbound::take(const PlainPacket& plain, const Eroute* eroute, const NextHop& interface,
                              PlainBurst& answers) noexcept {
  const ErouteRuling ruling = rule_outbound(network_, context_.generation, interface, eroute);
  if (interface.port != kNoPort && eroute != nullptr) count_packet(eroute->slot);
  switch (ruling.way) {
    case ErouteRuling::Way::kProtect:
      if (Sa* expired = ruling.group->expired_member(context_.now_tsc)) [[unlikely]] {
        context_.drop_expired(plain.packet, *expired);
        break;
      }
      protect(plain, *ruling.group, outbound_mtu(network_, context_.generation, interface, plain, *ruling.group),
              answers);
      break;
    case ErouteRuling::Way::kPass:
      return Fate::kPasses;
    case ErouteRuling::Way::kReject:
      local_.refuse(plain, ruling.reason, prohibited(plain.ip.family), answers);
      break;
    case ErouteRuling::Way::kTrap:
      trap(plain);
      break;
    case ErouteRuling::Way::kHold:
      hold(plain, *eroute->held);
      break;
    case ErouteRuling::Way::kDrop:
      context_.drop(plain.packet, ruling.reason);
      break;
  }
  return Fate::kTaken;
}

// Once for each run of packets of one eroute.
void Outbound::write_count_down(Slot next) noexcept {
  if (counted_ != kNoSlot) context_.note_eroute_use(network_.sas.eroutes().packets_of(counted_), counted_packets_);
  counted_packets_ = 0;
  counted_ = next;
}

void Outbound::trap(const PlainPacket& plain) noexcept {
  HashedFlow flow;
  hash_flow(plain.packet, plain.ip, flow);
  if (!trap_shares_.take(flow.hash, context_.now_tsc) || !traps_.take(context_.now_tsc)) {
    return context_.drop(plain.packet, DropReason::trap_limited);
  }
  note_arrival(plain);
  transmitter_.punt({plain.packet, {}, plain.port, PuntKind::kTrap, passage_of(plain.origin), 0});
}

// It counts as punted here, and as injected where it is taken out.
void Outbound::hold(const PlainPacket& plain, HeldPacket& held) noexcept {
  note_arrival(plain);
  context_.counters->punted.add(1);
  rte_mbuf* const left = plain.origin == Origin::kHeld ? held.put_if_empty(plain.packet) : held.put(plain.packet);
  if (left == nullptr) return;
  context_.counters->injected.add(1);
  context_.drop(left, DropReason::eroute_hold);
}

// A packet whose sender can be told what would fit is not encrypted in vain.
void Outbound::protect(const PlainPacket& plain, const SaGroup& group, uint16_t mtu_bytes,
                       PlainBurst& answers) noexcept {
  const Fitting fitting = fit(plain, group, mtu_bytes);
  if (fitting.way == Fitting::Way::kAsItIs) [[likely]] {
    return begin(plain.packet, group, plain.origin, {});
  }
  if (fitting.way == Fitting::Way::kRefused) {
    const IcmpError error = packet_too_big(plain.ip.family, fitting.bytes);
    return local_.refuse(plain, DropReason::too_big, error, answers);
  }
  const Fragments fragments = fragment_packet(plain.packet, plain.ip, fitting.bytes, context_.packet_buffers);
  if (fragments.count == 0) return context_.drop(plain.packet, fragments.reason);
  context_.counters->originated.add(fragments.count - 1u);
  for (uint16_t i = 0; i < fragments.count; ++i) begin(fragments.packets[i], group, plain.origin, {});
}

void Outbound::run() noexcept {
  write_count_down(kNoSlot);
  apply_steps();
}

void Outbound::apply_steps() noexcept {
  // Every pass takes each packet at least one step further, and groups are short.
  for (bool some_left = true; some_left;) {
    some_left = apply_step(waiting_for_two_, encap_tunnel_in_esp, 2);
    for (const SaProtocol protocol : {SaProtocol::kTunnel, SaProtocol::kComp, SaProtocol::kEsp, SaProtocol::kAh}) {
      const auto index = static_cast<size_t>(protocol);
      some_left = apply_step(waiting_[index], kTransforms[index].encap, 1) || some_left;
    }
  }
  taken_ = 0;
}

// False: there was nothing to do.
bool Outbound::apply_step(Burst& burst, Encap encap, uint8_t steps) noexcept {
  if (burst.empty()) return false;
  encap(context_, burst);
  const uint16_t survivors = burst.count;
  burst.clear();  // and filled from the front again with those whose next step is of the same kind
  uint16_t done = 0;
  for (uint16_t i = 0; i < survivors; ++i) {
    const BurstEntry& entry = burst.entries[i];
    const auto step = static_cast<uint8_t>(entry.step + steps);
    if (step == entry.group->size()) {
      ++done;
      send(entry);
    } else {
      queue(entry.packet, *entry.group, step, entry.tag);
    }
  }
  context_.counters->encapsulated.add(done);
  return true;
}

inline void Outbound::send(const BurstEntry& entry) noexcept {
  rte_mbuf* packet = entry.packet;
  const Afterwards& afterwards = afterwards_[entry.tag];
  if (departs(packet, afterwards.departure)) [[likely]] {
    return transmitter_.send_along(packet, afterwards.departure, Passage::kProtected);
  }
  const NextHop& hop = network_.routes.lookup(destination_of(packet, family_of(packet)), context_.generation);
  if (const auto reason = outer_objection(hop)) return context_.drop(packet, *reason);
  transmitter_.send(packet, hop, Passage::kProtected, afterwards.from);
}

}  // namespace spigrp
