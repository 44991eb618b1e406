// See transmit.h.
#include "engine/transmit.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "packet/buffer.h"
#include "packet/fragments.h"
#include "packet/ip_packet.h"

namespace spigrp {
namespace {

static_assert(kMaxPorts <= 32, "ports in use are bits of 32");

bool may_be_fragmented(const rte_mbuf* packet, const IpPacket& ip, HeaderFrom from) noexcept {
  if (ip.family == Family::kIpv6) return from == HeaderFrom::kHere;
  return (rte_pktmbuf_mtod(packet, const Ipv4Header*)->flags_fragment.host() & kIpv4DontFragment) == 0;
}

// Only of what went through a group: other packets' paths are their senders' to know.
bool knows_path(Passage passage) noexcept {
  return passage == Passage::kProtected || passage == Passage::kTakenOff;
}

bool may_outgrow_path(const Network& network, Generation g, const rte_mbuf* packet, Passage passage) noexcept {
  const PathMtus* known = network.path_mtus.at(g);
  return known != nullptr && knows_path(passage) && rte_pktmbuf_pkt_len(packet) > known->least_bytes();
}

EthernetHeader ethernet_header(const MacAddress& to, const Port& port, Family family) noexcept {
  return {to, port.mac(), be16::from_host(family == Family::kIpv4 ? kEtherTypeIpv4 : kEtherTypeIpv6)};
}

}  // namespace

// What a port takes and may not be fragmented goes on its way, however small the path: then routers tell its sender.
Leaving rule_leaving(const Network& network, Generation g, const rte_mbuf* packet, const NextHop& hop,
                     Sending sending) noexcept {
  if (hop.port == kNoPort) return {Leaving::Way::kDropped, DropReason::interface_detached, 0};
  const uint16_t port_mtu_bytes = network.ports[hop.port].mtu_bytes();
  const bool fits_port = rte_pktmbuf_pkt_len(packet) <= port_mtu_bytes;
  if (fits_port && !may_outgrow_path(network, g, packet, sending.passage)) [[likely]] {
    return {Leaving::Way::kWhole, {}, 0};
  }
  const ParsedIp parsed = parse_ip(packet);
  if (!parsed.ok) return {Leaving::Way::kDropped, parsed.reason, 0};
  if (!may_be_fragmented(packet, parsed.ip, sending.from)) {
    if (parsed.ip.total_bytes <= port_mtu_bytes) return {Leaving::Way::kWhole, {}, 0};
    return {Leaving::Way::kDropped, DropReason::too_big, 0};
  }
  uint16_t mtu_bytes = port_mtu_bytes;
  if (may_outgrow_path(network, g, packet, sending.passage)) {
    mtu_bytes = network.path_mtus.at(g)->towards(destination_of(packet, family_of(packet)), port_mtu_bytes);
  }
  if (parsed.ip.total_bytes <= mtu_bytes) return {Leaving::Way::kWhole, {}, 0};
  return {Leaving::Way::kInFragments, {}, mtu_bytes};
}

NeighbourKey neighbour_key(const IpAddress& destination, const NextHop& hop) noexcept {
  const IpAddress& next = hop.on_link ? destination : hop.gateway;
  return {next.bytes, be16::from_host(hop.port), next.family};
}

rte_mbuf* fit_for_port(rte_mbuf* packet, const Port& port, BufferPools buffers) noexcept {
  if (packet->nb_segs > 1 && !port.takes_chains()) return make_writable(packet, sizeof(EthernetHeader), 0, buffers);
  return rte_pktmbuf_headroom(packet) < sizeof(EthernetHeader) ? nullptr : packet;
}

Departure Transmitter::departure(const NextHop& hop, const IpAddress& destination, Passage passage) const noexcept {
  if (hop.port == kNoPort) return {};
  const Port& port = network_.ports[hop.port];
  const Neighbour* neighbour = network_.routes.neighbour(neighbour_key(destination, hop), context_.generation);
  if (neighbour == nullptr || port.share(context_.id).transmit == kNoQueue) return {};
  const PathMtus* known = network_.path_mtus.at(context_.generation);
  uint16_t whole_bytes = port.mtu_bytes();
  if (known != nullptr && knows_path(passage)) whole_bytes = std::min(whole_bytes, known->least_bytes());
  return {ethernet_header(neighbour->mac, port, destination.family), hop.port, whole_bytes};
}

void Transmitter::send(rte_mbuf* packet, const NextHop& hop, Passage passage, HeaderFrom from) noexcept {
  const Leaving leaving = rule_leaving(network_, context_.generation, packet, hop, {passage, from});
  switch (leaving.way) {
    case Leaving::Way::kWhole:
      return send_fitting(packet, hop, passage);
    case Leaving::Way::kInFragments:
      return send_fragments(packet, hop, passage, leaving.mtu_bytes);
    case Leaving::Way::kDropped:
      return context_.drop(packet, leaving.reason);
  }
}

// All of them or none: a fragment alone is of no use to anybody.
void Transmitter::send_fragments(rte_mbuf* packet, const NextHop& hop, Passage passage, uint16_t mtu_bytes) noexcept {
  const Fragments fragments = fragment_packet(packet, parse_ip(packet).ip, mtu_bytes, context_.packet_buffers);
  if (fragments.count == 0) return context_.drop(packet, fragments.reason);
  context_.counters->originated.add(fragments.count - 1u);
  for (uint16_t i = 0; i < fragments.count; ++i) send_fitting(fragments.packets[i], hop, passage);
}

void Transmitter::send_fitting(rte_mbuf* packet, const NextHop& hop, Passage passage) noexcept {
  const Port& port = network_.ports[hop.port];
  const Family family = family_of(packet);
  const NeighbourKey key = neighbour_key(destination_of(packet, family), hop);
  const Neighbour* neighbour = network_.routes.neighbour(key, context_.generation);
  if (neighbour == nullptr) {
    return punt({packet, IpAddress{key.family, key.address}, hop.port, PuntKind::kUnresolved, passage,
                 network_.sas.eroutes_changed_at(context_.generation)});
  }
  rte_mbuf* fitting = fit_for_port(packet, port, context_.buffers());
  if (fitting == nullptr) return context_.drop(packet, DropReason::no_room);
  auto* ethernet = reinterpret_cast<EthernetHeader*>(rte_pktmbuf_prepend(fitting, sizeof(EthernetHeader)));
  *ethernet = ethernet_header(neighbour->mac, port, family);
  leave({fitting, hop.port, passage});
}

void Transmitter::leave(const Frame& frame) noexcept {
  const QueueShare& share = network_.ports[frame.port].share(context_.id);
  if (share.transmit != kNoQueue) return send_frame(frame);
  if (!queues_[share.hand_over_to].handed_over.push(frame)) {
    return context_.drop(frame.packet, DropReason::transmit_full);
  }
  context_.counters->punted.add(1);
}

void Transmitter::punt(const Punt& punt) noexcept {
  if (!queues_[context_.id].punts.push(punt)) return context_.drop(punt.packet, DropReason::punt_full);
  context_.counters->punted.add(1);
}

void Transmitter::flush() noexcept {
  for (uint32_t ports = ports_in_use_; ports != 0; ports &= ports - 1) {
    flush_port(static_cast<uint16_t>(std::countr_zero(ports)));
  }
}

void Transmitter::flush_port(uint16_t index) noexcept {
  const Port& port = network_.ports[index];
  Collected& collected = collected_[index];
  ports_in_use_ &= ~(1u << index);
  const uint16_t sent =
      rte_eth_tx_burst(port.device_id(), port.share(context_.id).transmit, collected.frames.data(), collected.count);
  uint16_t plain = 0;
  for (uint16_t i = 0; i < sent; ++i) plain = static_cast<uint16_t>(plain + (collected.passages[i] == Passage::kPlain));
  context_.counters->sent.add(sent);
  context_.counters->forwarded_plain.add(plain);
  for (uint16_t i = sent; i < collected.count; ++i) context_.drop(collected.frames[i], DropReason::transmit_full);
  collected.count = 0;
}

}  // namespace spigrp
