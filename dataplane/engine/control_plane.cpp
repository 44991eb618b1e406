// See control_plane.h.
#include "engine/control_plane.h"

#include <algorithm>
#include <new>
#include <utility>

#include <rte_mbuf.h>

#include "engine/path_mtu_report.h"
#include "packet/buffer.h"
#include "packet/burst.h"
#include "packet/ip_packet.h"
#include "route/route_edit.h"

namespace spigrp {
namespace {

NeighbourKey neighbour_key(const NextHopAddress& neighbour) noexcept {
  return {neighbour.address.bytes, be16::from_host(neighbour.port), neighbour.address.family};
}

}  // namespace

ControlPlane::ControlPlane(const Network& network, Cells cells, std::vector<WorkerQueues>& queues, BufferPools buffers,
                           EventSource& events)
    : network_(network),
      cells_(cells),
      queues_(queues),
      context_{.packet_buffers = buffers.ordinary, .counters = &counters_, .large_buffers = buffers.large},
      traps_(network, queues, events, context_) {
  refresh_own_addresses();
}

ControlPlane::~ControlPlane() {
  end();
}

void ControlPlane::poll(uint64_t now_ns) {
  now_ns_ = now_ns;
  refresh_own_addresses();
  serve_punts();
  if (traps_.poll(now_ns_)) context_.generation = network_.versions.published();
  time_out();
}

void ControlPlane::poll_aside(uint64_t now_ns) {
  now_ns_ = now_ns;
  refresh_own_addresses();
  serve_punts();
  traps_.poll_aside();
  time_out();
}

void ControlPlane::serve_punts() {
  for (WorkerQueues& queue : queues_) {
    Punt punts[kBurstCapacity];
    // As much as was there at the start: workers may refill faster than this empties.
    for (uint32_t left = kPuntQueuePackets; left > 0;) {
      const uint16_t count = queue.punts.pop(punts, kBurstCapacity);
      if (count == 0) break;
      for (uint16_t i = 0; i < count; ++i) take_over(punts[i]);
      left -= std::min<uint32_t>(left, count);
    }
  }
}

void ControlPlane::time_out() {
  if (known_path_mtus_.expire(now_ns_) || path_mtus_are_old_) publish_path_mtus();
  waiting_.time_out(
      now_ns_, [this](const NextHopAddress& next_hop) { ask(next_hop); },
      [this](rte_mbuf* packet) { context_.drop(packet, DropReason::neighbour_unresolved); });
}

// Addresses change by transactions only, so a new generation is the sign to look.
void ControlPlane::refresh_own_addresses() {
  if (network_.versions.published() == own_at_ || !network_.versions.may_publish()) return;
  OwnAddresses now;
  for (const AddressSpec& spec : list_addresses(network_.routes)) {
    for (size_t port = 0; port < network_.ports.size(); ++port) {
      if (network_.ports[port].name() == spec.device) now.ports[port].prefixes.push_back(spec.address);
    }
  }
  if (now != own_) {
    cells_.own_addresses.set(now, network_.versions);
    own_ = std::move(now);
    network_.versions.publish();
  }
  own_at_ = network_.versions.published();
}

// Where memory runs out this one packet is lost, and is counted.
void ControlPlane::take_over(const Punt& punt) {
  counters_.injected.add(1);
  try {
    take(punt);
  } catch (const std::bad_alloc&) {
    context_.drop(punt.packet, DropReason::no_memory);
  }
}

void ControlPlane::take(const Punt& punt) {
  context_.generation = network_.versions.published();
  switch (punt.kind) {
    case PuntKind::kArp:
      return take_arp(punt);
    case PuntKind::kNeighbourDiscovery:
      return take_neighbour_message(punt);
    case PuntKind::kPathMtu:
      return take_path_mtu(punt);
    case PuntKind::kTrap:
      return traps_.take(punt.packet);
    case PuntKind::kUnresolved:
      return send_or_wait({punt.port, punt.next_hop}, {punt.packet, punt.passage, punt.eroutes_changed});
  }
}

void ControlPlane::take_arp(const Punt& punt) {
  const std::optional<ArpMessage> message = read_arp(punt.packet);
  if (!message) return context_.drop(punt.packet, DropReason::malformed);
  const OwnAddresses::OfPort& own = own_.ports[punt.port];
  const bool is_for_us = own.has(message->target);
  const NextHopAddress sender{punt.port, message->sender};
  // RFC 826: who asks for us will be sent to; of others only what is known already is kept up to date.
  const bool is_probe = message->sender.is_unspecified() || own.has(message->sender) || !own.reaches(message->sender);
  if (!is_probe && (is_for_us || is_known(sender) || waiting_.has(sender))) learn(sender, message->sender_mac);
  if (is_for_us && message->is_request) {
    originate(make_arp_reply({network_.ports[punt.port].mac(), message->target}, *message, context_.packet_buffers),
              punt.port);
  }
  finish(punt.packet);
}

void ControlPlane::take_neighbour_message(const Punt& punt) {
  const std::optional<NeighbourMessage> message = read_neighbour_message(punt.packet);
  if (!message) return context_.drop(punt.packet, DropReason::malformed);
  const OwnAddresses::OfPort& own = own_.ports[punt.port];
  if (!message->is_solicitation) {
    const NextHopAddress target{punt.port, message->target};
    const bool is_news = waiting_.has(target) || (message->overrides && is_known(target));
    if (message->mac && is_news && !own.has(message->target)) learn(target, *message->mac);
    return finish(punt.packet);
  }
  if (own.has(message->target)) {
    const NextHopAddress source{punt.port, message->source};
    std::optional<MacAddress> solicitor;
    if (message->mac && !own.has(message->source) && own.reaches(message->source)) {
      solicitor = learn(source, *message->mac);
    }
    const LinkSource from{network_.ports[punt.port].mac(), message->target};
    if (rte_mbuf* answer = make_advertisement(from, message->source, context_.packet_buffers)) {
      counters_.originated.add(1);
      if (message->source.is_unspecified()) {
        const IpAddress everyone = destination_of(answer, Family::kIpv6);
        send_packet({punt.port, everyone}, multicast_mac(everyone), answer, Passage::kOwn);
      } else if (solicitor) {
        send_packet(source, *solicitor, answer, Passage::kOwn);
      } else {
        send_or_wait(source, own_packet(answer));
      }
    }
  }
  finish(punt.packet);
}

// A worker has believed it; what it was believed by may have changed since.
void ControlPlane::take_path_mtu(const Punt& punt) {
  const ParsedIp parsed = parse_ip(punt.packet);
  if (!parsed.ok) return context_.drop(punt.packet, parsed.reason);
  const PathMtuReport report = read_path_mtu_report(punt.packet, parsed.ip, network_, context_.generation);
  if (!report.ok) return context_.drop(punt.packet, report.reason);
  switch (known_path_mtus_.lower(report.destination, report.mtu_bytes, now_ns_)) {
    case KnownPathMtus::Taken::kTooMany:
      return context_.drop(punt.packet, DropReason::path_mtus_full);
    case KnownPathMtus::Taken::kLowered:
      publish_path_mtus();
      break;
    case KnownPathMtus::Taken::kKnown:
      break;
  }
  counters_.mtu_reports.add(1);
  finish(punt.packet);
}

void ControlPlane::publish_path_mtus() {
  path_mtus_are_old_ = true;
  if (!network_.versions.may_publish()) return;
  cells_.path_mtus.set(known_path_mtus_.for_workers(network_.versions.next()), network_.versions);
  path_mtus_are_old_ = false;
  network_.versions.publish();
  context_.generation = network_.versions.published();
}

bool ControlPlane::is_known(const NextHopAddress& neighbour) const noexcept {
  return network_.routes.neighbour(neighbour_key(neighbour), network_.versions.published()) != nullptr;
}

MacAddress ControlPlane::learn(const NextHopAddress& neighbour, const MacAddress& mac) {
  const Neighbour* known = network_.routes.neighbour(neighbour_key(neighbour), network_.versions.published());
  const bool is_static = known != nullptr && known->is_static;
  const MacAddress right = is_static ? known->mac : mac;
  if ((known == nullptr || known->mac != right) && network_.versions.may_publish()) {
    RouteEdit edit(network_.routes, network_.versions);
    if (edit.learn_neighbour(neighbour.port, neighbour.address, mac)) {
      edit.link();
      network_.versions.publish();
      context_.generation = network_.versions.published();
    }
  }
  for (const WaitingPacket& waiting : waiting_.take(neighbour)) {
    send_waiting(neighbour, right, waiting);
  }
  return right;
}

WaitingPacket ControlPlane::own_packet(rte_mbuf* packet) const noexcept {
  return {packet, Passage::kOwn, network_.sas.eroutes_changed_at(network_.versions.published())};
}

void ControlPlane::send_or_wait(const NextHopAddress& next_hop, const WaitingPacket& packet) noexcept {
  // It may have been learned while the packet was on its way here.
  const Neighbour* known = network_.routes.neighbour(neighbour_key(next_hop), context_.generation);
  if (known != nullptr) return send_waiting(next_hop, known->mac, packet);
  try {
    let_wait(next_hop, packet);
  } catch (const std::bad_alloc&) {
    context_.drop(packet.packet, DropReason::no_memory);
  }
}

void ControlPlane::let_wait(const NextHopAddress& next_hop, const WaitingPacket& packet) {
  switch (waiting_.add(next_hop, packet, now_ns_)) {
    case WaitingPackets::Added::kFirst:
      return ask(next_hop);
    case WaitingPackets::Added::kBehindOthers:
      return;
    case WaitingPackets::Added::kNoRoom:
      return context_.drop(packet.packet, DropReason::neighbour_queue_full);
  }
}

// A packet that was to leave in the clear leaves only under the eroutes that said so: an edit may since have asked for
// its protection (invariant 2). One that was forwarded is so anew. Of one that came out of a group it is not known any
// more which, so it goes if no eroute is for it now, and so does the gateway's own.
void ControlPlane::send_waiting(const NextHopAddress& next_hop, const MacAddress& mac,
                                const WaitingPacket& packet) noexcept {
  const bool decided_anew = packet.eroutes_changed != network_.sas.eroutes_changed_at(network_.versions.published());
  if (decided_anew && packet.passage == Passage::kPlain) return traps_.route_anew(packet.packet);
  if (decided_anew && packet.passage != Passage::kProtected && !has_no_eroute(packet.packet)) {
    return context_.drop(packet.packet, DropReason::eroutes_changed);
  }
  send_packet(next_hop, mac, packet.packet, packet.passage);
}

bool ControlPlane::has_no_eroute(const rte_mbuf* packet) const noexcept {
  const ParsedIp parsed = parse_ip(packet);
  if (!parsed.ok) return false;
  const ErouteTable::Found found =
      network_.sas.eroutes().find(flow_key(packet, parsed.ip), network_.versions.published());
  return found.eroute == nullptr && !found.unclear;
}

void ControlPlane::send_packet(const NextHopAddress& next_hop, const MacAddress& mac, rte_mbuf* packet,
                               Passage passage) noexcept {
  const Port& port = network_.ports[next_hop.port];
  const Family family = family_of(packet);
  const bool must_be_whole = packet->nb_segs > 1 && !port.takes_chains();
  if (must_be_whole || rte_pktmbuf_headroom(packet) < sizeof(EthernetHeader)) {
    rte_mbuf* whole = make_writable(packet, sizeof(EthernetHeader), 0, context_.buffers());
    if (whole == nullptr) return context_.drop(packet, DropReason::no_room);
    packet = whole;
  }
  auto* ethernet = reinterpret_cast<EthernetHeader*>(rte_pktmbuf_prepend(packet, sizeof(EthernetHeader)));
  if (ethernet == nullptr) return context_.drop(packet, DropReason::no_room);
  *ethernet = {mac, port.mac(), be16::from_host(family == Family::kIpv4 ? kEtherTypeIpv4 : kEtherTypeIpv6)};
  inject({packet, next_hop.port, passage});
}

std::optional<LinkSource> ControlPlane::source_towards(const NextHopAddress& next_hop) const noexcept {
  const auto address = own_.ports[next_hop.port].towards(next_hop.address);
  if (!address) return std::nullopt;
  return LinkSource{network_.ports[next_hop.port].mac(), *address};
}

void ControlPlane::ask(const NextHopAddress& next_hop) noexcept {
  const auto from = source_towards(next_hop);
  if (!from) return;  // without an address there is nobody to answer to; what waits is given up in time
  rte_mbuf* frame = next_hop.address.family == Family::kIpv4
                        ? make_arp_request(*from, next_hop.address, context_.packet_buffers)
                        : make_solicitation(*from, next_hop.address, context_.packet_buffers);
  originate(frame, next_hop.port);
}

// Null is a frame that there was no buffer for: who asked asks again.
void ControlPlane::originate(rte_mbuf* frame, uint16_t port) noexcept {
  if (frame == nullptr) return;
  counters_.originated.add(1);
  inject({frame, port, Passage::kOwn});
}

// To a worker that owns a transmit queue of the port.
void ControlPlane::inject(const Frame& frame) noexcept {
  const QueueShare& first = network_.ports[frame.port].share(0);
  WorkerQueues& queue = queues_[first.transmit != kNoQueue ? 0 : first.hand_over_to];
  if (!queue.injected.push(frame)) return context_.drop(frame.packet, DropReason::transmit_full);
  counters_.punted.add(1);
}

void ControlPlane::finish(rte_mbuf* packet) noexcept {
  counters_.delivered.add(1);
  rte_pktmbuf_free(packet);
}

void ControlPlane::end() noexcept {
  const auto drop = [this](rte_mbuf* packet) { context_.drop(packet, DropReason::shutting_down); };
  waiting_.clear(drop);
  traps_.end();
  for (WorkerQueues& queue : queues_) {
    Punt punt;
    while (queue.punts.pop(&punt, 1) == 1) {
      counters_.injected.add(1);
      drop(punt.packet);
    }
    for (Ring<Frame>* ring : {&queue.injected, &queue.handed_over}) {
      Frame frame;
      while (ring->pop(&frame, 1) == 1) {
        counters_.injected.add(1);
        drop(frame.packet);
      }
    }
  }
}

}  // namespace spigrp
