// The way of an outbound packet (docs/architecture.md):
//   1. receive a burst; validate Ethernet and IP lengths                        receive.cpp
//   2. route the destination: to ipsecN, or to a port (plain forwarding)        forwarding.cpp
//   3. on ipsecN: the eroute of the flow → group, pass, drop, reject, hold      take()
//   4. for each step of the group: that transform over all packets of the
//      burst that are at it, across SAs                                         apply_step()
//   5. compare with the port's MTU; tell the sender where that can help         protect(), transmit.cpp
//   6. route the outer header, resolve the neighbour, send                      send_done(), transmit.cpp
// A packet gets to step 6 only with every transform of its group on it; one that fails a transform is dropped by it.
#include "engine/outbound.h"

#include <rte_mbuf.h>

#include "engine/next_hops.h"
#include "packet/buffer.h"

namespace spigrp {

Outbound::Fate Outbound::take(const PlainPacket& plain, const Eroute* eroute, const NextHop& interface,
                              PlainBurst& answers) noexcept {
  const auto drop = [&](DropReason reason) {
    context_.drop(plain.packet, reason);
    return Fate::kTaken;
  };
  if (interface.port == kNoPort) return drop(DropReason::interface_detached);
  if (eroute == nullptr) return drop(DropReason::no_eroute);
  count_packet(*eroute);
  const ErouteVerdict verdict = network_.sas.resolve(*eroute, context_.generation);
  switch (verdict.action) {
    case ErouteAction::kProtect:
      protect(plain, *verdict.group, network_.ports[interface.port].mtu_bytes(), answers);
      return Fate::kTaken;
    case ErouteAction::kPass:
      return Fate::kPasses;
    case ErouteAction::kDrop:
      return drop(DropReason::eroute_drop);
    case ErouteAction::kReject:
      local_.refuse(plain, DropReason::eroute_reject, prohibited(plain.ip.family), answers);
      return Fate::kTaken;
    case ErouteAction::kTrap:
    case ErouteAction::kHold:
      return drop(DropReason::eroute_hold);
    case ErouteAction::kDissolved:
    case ErouteAction::kNone:
      break;
  }
  return drop(DropReason::group_dissolved);
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

// A packet whose sender can be told what would fit is not encrypted in vain. The others meet the MTU of the port that
// they really leave by in transmit.cpp.
void Outbound::protect(const PlainPacket& plain, const SaGroup& group, uint16_t mtu_bytes,
                       PlainBurst& answers) noexcept {
  const Overhead overhead = group.overhead();
  const bool may_outgrow = plain.ip.total_bytes + overhead.head_bytes + overhead.tail_bytes > mtu_bytes;
  if (may_outgrow && must_stay_whole(plain) && group.bytes_after(plain.ip) > mtu_bytes) [[unlikely]] {
    const uint32_t fitting_bytes = group.largest_within(plain.ip, mtu_bytes);
    const IcmpError error = packet_too_big(plain.ip.family, fitting_bytes);
    return local_.refuse(plain, DropReason::too_big, error, answers);
  }
  const auto head_bytes = static_cast<uint16_t>(overhead.head_bytes + sizeof(EthernetHeader));
  rte_mbuf* writable = make_writable(plain.packet, head_bytes, overhead.tail_bytes, context_.packet_buffers);
  if (writable == nullptr) return context_.drop(plain.packet, DropReason::no_room);
  Sa* first = group.at(0);
  waiting_[static_cast<size_t>(first->id.protocol)].push(
      {.packet = writable, .sa = first, .group = &group, .sequence = 0, .step = 0, .tag = 0});
}

void Outbound::run() noexcept {
  if (counted_ != nullptr) network_.sas.eroutes().count(*counted_, counted_packets_);
  counted_ = nullptr;
  counted_packets_ = 0;
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
    switch (hops[i].kind) {
      case NextHopKind::kPort:
      case NextHopKind::kInterface:  // an outer packet does not go through the eroutes again
        transmitter_.send(packet, hops[i], Passage::kProtected);
        break;
      case NextHopKind::kBlackhole:
        context_.drop(packet, DropReason::blackhole_route);
        break;
      case NextHopKind::kNone:
      case NextHopKind::kLocal:
        context_.drop(packet, DropReason::no_route);
        break;
    }
  }
  done_.clear();
}

}  // namespace spigrp
