// The way of an outbound packet (docs/architecture.md):
//   1. receive a burst; validate Ethernet and IP lengths                        receive.cpp
//   2. route the destination: to ipsecN, or to a port (plain forwarding)        forwarding.cpp
//   3. on ipsecN: the eroute of the flow → group, pass, drop, reject, hold      take()
//   4. for each step of the group: that transform over all packets of the
//      burst that are at it, across SAs                                         apply_step()
//   5. compare with the port's MTU                                              transmit.cpp
//   6. route the outer header, resolve the neighbour, send                      send_done(), transmit.cpp
// A packet gets to step 6 only with every transform of its group on it; one that fails a transform is dropped by it.
#include "engine/outbound.h"

#include <rte_mbuf.h>

#include "engine/next_hops.h"
#include "packet/buffer.h"

namespace spigrp {

void Outbound::take(const PlainPacket& plain, const Eroute* eroute, const NextHop& interface,
                    Passage passage) noexcept {
  if (eroute == nullptr) return context_.drop(plain.packet, DropReason::no_eroute);
  count_packet(*eroute);
  const ErouteVerdict verdict = network_.sas.resolve(*eroute, context_.generation);
  switch (verdict.action) {
    case ErouteAction::kProtect:
      return protect(plain.packet, *verdict.group);
    case ErouteAction::kPass:
      return transmitter_.send(plain.packet, interface, passage);
    case ErouteAction::kDrop:
      return context_.drop(plain.packet, DropReason::eroute_drop);
    case ErouteAction::kReject:
      return context_.drop(plain.packet, DropReason::eroute_reject);
    case ErouteAction::kTrap:
    case ErouteAction::kHold:
      return context_.drop(plain.packet, DropReason::eroute_hold);
    case ErouteAction::kDissolved:
    case ErouteAction::kNone:
      break;
  }
  context_.drop(plain.packet, DropReason::group_dissolved);
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

void Outbound::protect(rte_mbuf* packet, const SaGroup& group) noexcept {
  const auto head_bytes = static_cast<uint16_t>(group.overhead().head_bytes + sizeof(EthernetHeader));
  rte_mbuf* writable = make_writable(packet, head_bytes, group.overhead().tail_bytes, context_.packet_buffers);
  if (writable == nullptr) return context_.drop(packet, DropReason::no_room);
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
