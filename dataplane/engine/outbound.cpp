// The way of an outbound packet (docs/architecture.md):
//   1. receive a burst; validate Ethernet and IP lengths                        receive.cpp
//   2. route the destination: to ipsecN, or to a port (plain forwarding)        forwarding.cpp
//   3. on ipsecN: the eroute of the flow → group, pass, drop, reject, trap,
//      hold                                                                     take()
//   4. for each step of the group: that transform over all packets of the
//      burst that are at it, across SAs                                         apply_step()
//   5. compare with the port's MTU and the path's: tell the sender of what must stay whole
//      what would fit; fragment the rest, before step 4 or after                protect(), transmit.cpp
//   6. route the outer header, resolve the neighbour, send                      send_done(), transmit.cpp
// A packet gets to step 6 only with every transform of its group on it; one that fails a transform is dropped by it.
#include "engine/outbound.h"

#include <algorithm>

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "engine/next_hops.h"
#include "packet/buffer.h"
#include "packet/fragments.h"

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

Fitting fit(const PlainPacket& plain, const SaGroup& group, uint16_t mtu_bytes) noexcept {
  const Overhead overhead = group.overhead();
  const bool may_outgrow = plain.ip.total_bytes + overhead.head_bytes + overhead.tail_bytes > mtu_bytes;
  if (may_outgrow && group.bytes_after(plain.ip) > mtu_bytes) [[unlikely]] {
    return fit_outgrowing(plain, group, mtu_bytes);
  }
  return {Fitting::Way::kAsItIs, 0};
}

rte_mbuf* with_room_for(rte_mbuf* packet, const SaGroup& group, BufferPools buffers) noexcept {
  const Overhead overhead = group.overhead();
  const auto head_bytes = static_cast<uint16_t>(overhead.head_bytes + sizeof(EthernetHeader));
  return make_writable(packet, head_bytes, overhead.tail_bytes, buffers);
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
      traps_(kTrapsPerSecond, rte_get_tsc_hz()) {}

Outbound::Fate Outbound::take(const PlainPacket& plain, const Eroute* eroute, const NextHop& interface,
                              PlainBurst& answers) noexcept {
  const ErouteRuling ruling = rule_outbound(network_, context_.generation, interface, eroute);
  if (interface.port != kNoPort && eroute != nullptr) count_packet(*eroute);
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

// One atomic add for each run of packets of one eroute.
void Outbound::count_packet(const Eroute& eroute) noexcept {
  if (&eroute != counted_ && counted_ != nullptr) {
    network_.sas.eroutes().count(*counted_, counted_packets_);
    counted_packets_ = 0;
  }
  counted_ = &eroute;
  ++counted_packets_;
}

// A packet takes the number of its port along in its buffer, where a driver writes DPDK's own number of the port.
void Outbound::trap(const PlainPacket& plain) noexcept {
  if (!traps_.take(context_.now_tsc)) return context_.drop(plain.packet, DropReason::trap_limited);
  plain.packet->port = plain.port;
  transmitter_.punt({plain.packet, {}, plain.port, PuntKind::kTrap, passage_of(plain.origin), 0});
}

// It counts as punted here, and as injected where it is taken out.
void Outbound::hold(const PlainPacket& plain, HeldPacket& held) noexcept {
  plain.packet->port = plain.port;
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
    return begin(plain.packet, group, plain.origin);
  }
  if (fitting.way == Fitting::Way::kRefused) {
    const IcmpError error = packet_too_big(plain.ip.family, fitting.bytes);
    return local_.refuse(plain, DropReason::too_big, error, answers);
  }
  const Fragments fragments = fragment_packet(plain.packet, plain.ip, fitting.bytes, context_.packet_buffers);
  if (fragments.count == 0) return context_.drop(plain.packet, fragments.reason);
  context_.counters->originated.add(fragments.count - 1u);
  for (uint16_t i = 0; i < fragments.count; ++i) begin(fragments.packets[i], group, plain.origin);
}

// Fragments can be more than a burst holds; then those before them go first. The tag says whose header it leaves with.
void Outbound::begin(rte_mbuf* packet, const SaGroup& group, Origin origin) noexcept {
  rte_mbuf* writable = with_room_for(packet, group, context_.buffers());
  if (writable == nullptr) return context_.drop(packet, DropReason::no_room);
  if (taken_ == kBurstCapacity) apply_steps();
  ++taken_;
  Sa* first = group.at(0);
  waiting_[static_cast<size_t>(first->id.protocol)].push({.packet = writable,
                                                          .sa = first,
                                                          .group = &group,
                                                          .sequence = 0,
                                                          .step = 0,
                                                          .tag = static_cast<uint16_t>(header_from(group, origin))});
}

void Outbound::run() noexcept {
  if (counted_ != nullptr) network_.sas.eroutes().count(*counted_, counted_packets_);
  counted_ = nullptr;
  counted_packets_ = 0;
  apply_steps();
}

void Outbound::apply_steps() noexcept {
  // Every pass takes each packet at least one step further, and groups are short.
  for (bool some_left = true; some_left;) {
    some_left = false;
    for (const SaProtocol protocol : {SaProtocol::kTunnel, SaProtocol::kComp, SaProtocol::kEsp, SaProtocol::kAh}) {
      if (waiting_[static_cast<size_t>(protocol)].empty()) continue;
      apply_step(protocol);
      some_left = true;
    }
  }
  if (!done_.empty()) send_done();
  taken_ = 0;
}

void Outbound::apply_step(SaProtocol protocol) noexcept {
  Burst& burst = waiting_[static_cast<size_t>(protocol)];
  kTransforms[static_cast<size_t>(protocol)].encap(context_, burst);
  const uint16_t survivors = burst.count;
  burst.clear();  // and filled from the front again with those whose next step is of the same protocol
  for (uint16_t i = 0; i < survivors; ++i) {
    BurstEntry entry = burst.entries[i];
    if (++entry.step == entry.group->size()) {
      done_.push(entry);
    } else {
      entry.sa = entry.group->at(entry.step);
      waiting_[static_cast<size_t>(entry.sa->id.protocol)].push(entry);
    }
  }
}

void Outbound::send_done() noexcept {
  context_.counters->encapsulated.add(done_.count);
  NextHops hops;
  for (const BurstEntry& entry : done_) hops.add(entry.packet, family_of(entry.packet));
  hops.look_up(network_.routes, context_.generation);
  for (uint16_t i = 0; i < done_.count; ++i) {
    rte_mbuf* packet = done_.entries[i].packet;
    if (const auto reason = outer_objection(hops[i])) {
      context_.drop(packet, *reason);
    } else {
      transmitter_.send(packet, hops[i], Passage::kProtected, static_cast<HeaderFrom>(done_.entries[i].tag));
    }
  }
  done_.clear();
}

}  // namespace spigrp
