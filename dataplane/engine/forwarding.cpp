// See forwarding.h. What policy refuses is dropped, both ways: a packet that arrived in the clear although an eroute
// protects the traffic it belongs to, and one that would leave in the clear although an eroute protects it.
#include "engine/forwarding.h"

#include <cstring>
#include <optional>
#include <span>

#include <rte_mbuf.h>

#include "packet/checksum.h"

namespace spigrp {
namespace {

// RFC 1122 section 3.2.1.3: "this network", loopback, multicast and reserved.
bool is_martian_source(const std::array<uint8_t, 4>& source) noexcept {
  return source[0] == 0 || source[0] == 127 || source[0] >= 224;
}

AddressKind address_kind_ipv4(const PlainPacket& plain) noexcept {
  const auto& header = *rte_pktmbuf_mtod(plain.packet, const Ipv4Header*);
  if (is_martian_source(header.source)) return AddressKind::kMartian;
  const uint8_t destination = header.destination[0];
  if (destination == 0 || destination == 127) return AddressKind::kMartian;
  return destination >= 224 ? AddressKind::kMulticast : AddressKind::kUnicast;
}

bool is_unspecified_or_loopback(const std::array<uint8_t, 16>& address) noexcept {
  uint64_t upper;
  be64 lower;
  std::memcpy(&upper, address.data(), sizeof(upper));
  std::memcpy(&lower, address.data() + sizeof(upper), sizeof(lower));
  return upper == 0 && lower.host() <= 1;
}

bool is_martian_source(const std::array<uint8_t, 16>& source) noexcept {
  return source[0] == 0xff || is_unspecified_or_loopback(source);
}

AddressKind address_kind_ipv6(const PlainPacket& plain) noexcept {
  const auto& header = *rte_pktmbuf_mtod(plain.packet, const Ipv6Header*);
  const bool to_multicast = header.destination[0] == 0xff;
  if (header.source[0] == 0xff || is_unspecified_or_loopback(header.destination)) return AddressKind::kMartian;
  if (is_unspecified_or_loopback(header.source)) {
    // Duplicate address detection solicits from the unspecified address (RFC 4862 section 5.4.2).
    const bool solicits = to_multicast && header.source[15] == 0 && plain.origin == Origin::kWire;
    return solicits ? AddressKind::kMulticast : AddressKind::kMartian;
  }
  return to_multicast ? AddressKind::kMulticast : AddressKind::kUnicast;
}

// fe80::/10 stays on its link (RFC 4291 section 2.5.6), and so does what came to everyone there.
bool stays_on_link(const PlainPacket& plain) noexcept {
  if (plain.to_everyone) return true;
  if (plain.ip.family == Family::kIpv4) return false;
  const auto& header = *rte_pktmbuf_mtod(plain.packet, const Ipv6Header*);
  const auto is_link_local = [](const std::array<uint8_t, 16>& address) {
    return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
  };
  return is_link_local(header.source) || is_link_local(header.destination);
}

// RFC 4301 section 5.2: traffic that an eroute protects with a peer comes back from that peer, under its keys, and is
// nobody else's to send. The groups of the two directions need not be alike.
bool suits(const SaGroup& removed, const Eroute& reverse, const ErouteVerdict& verdict) noexcept {
  const auto* target = std::get_if<SaId>(&reverse.target);
  if (target == nullptr) return true;
  // Traffic of a dissolved group still demands all that can be demanded.
  const bool has_group = verdict.action == ErouteAction::kProtect;
  const IpAddress& peer = has_group ? verdict.group->outermost().id.destination : target->destination;
  if (removed.outermost().source != peer) return false;
  if (!has_group || verdict.group->authenticates()) return removed.authenticates();
  return !verdict.group->protects() || removed.protects();
}

// What is compressed and nothing else comes as it is where it does not shrink (RFC 3173 section 2.2), and nothing tells
// it from what others send; a group of comp alone protects nothing that it could be held to.
bool may_come_plain(const ErouteVerdict& reverse) noexcept {
  return reverse.action == ErouteAction::kProtect && reverse.group->only_compresses();
}

// Why a packet is refused that came without the protection that the traffic it belongs to has.
std::optional<DropReason> objection(const Network& network, Generation g, const PlainPacket& plain,
                                    const FlowPolicy& policy) noexcept {
  if (policy.unclear) return DropReason::fragment;
  if (plain.origin == Origin::kSelf || plain.origin == Origin::kHeld) return std::nullopt;
  if (!demands_protection(policy.reverse)) return std::nullopt;
  const ErouteVerdict reverse = network.sas.resolve(*policy.reverse, g);
  if (plain.origin == Origin::kWire) {
    return may_come_plain(reverse) ? std::nullopt : std::optional(DropReason::unprotected);
  }
  return suits(*plain.group, *policy.reverse, reverse) ? std::nullopt : std::optional(DropReason::inbound_policy);
}

// The gateway's own answer to a protected packet quotes it, so it leaves protected too.
bool must_be_protected(const PlainPacket& plain) noexcept {
  return plain.origin == Origin::kSelf && plain.was_protected;
}

bool leads_to_protection(const Network& network, Generation g, const Eroute* eroute) noexcept {
  if (eroute == nullptr) return false;
  const ErouteVerdict verdict = network.sas.resolve(*eroute, g);
  return verdict.action == ErouteAction::kProtect && verdict.group->protects();
}

// Of its flow, going where others of it go.
bool is_usual(const PlainPacket& plain) noexcept {
  return (plain.origin == Origin::kWire || plain.origin == Origin::kGroup) && !plain.to_everyone;
}

Ruling dropped(DropReason reason) noexcept {
  return {Ruling::Way::kDrop, reason};
}

Ruling rule_on_local(const Network& network, Generation g, const PlainPacket& plain,
                     const FlowPolicy& policy) noexcept {
  if (is_for_inbound(network, plain)) {
    return plain.to_everyone ? dropped(DropReason::martian_address) : Ruling{Ruling::Way::kInbound, {}};
  }
  if (!is_exempt_from_policy(plain)) {
    if (const auto reason = objection(network, g, plain, policy)) return dropped(*reason);
  }
  return {Ruling::Way::kLocal, {}};
}

Ruling rule_on_onward(const Network& network, Generation g, const PlainPacket& plain, const NextHop& hop,
                      const FlowPolicy& policy) noexcept {
  if (stays_on_link(plain)) return dropped(DropReason::martian_address);
  if (const auto reason = objection(network, g, plain, policy)) return dropped(*reason);
  const bool in_the_clear = hop.kind == NextHopKind::kPort;
  if ((in_the_clear && demands_protection(policy.eroute)) ||
      (must_be_protected(plain) && (in_the_clear || !leads_to_protection(network, g, policy.eroute)))) {
    return dropped(DropReason::bypasses_eroute);
  }
  return {Ruling::Way::kOnward, {}};
}

}  // namespace

AddressKind address_kind(const PlainPacket& plain) noexcept {
  return plain.ip.family == Family::kIpv4 ? address_kind_ipv4(plain) : address_kind_ipv6(plain);
}

bool needs_policy(const Network& network, const PlainPacket& plain, const NextHop& hop) noexcept {
  if (hop.kind == NextHopKind::kLocal) return !is_for_inbound(network, plain);
  return hop.kind == NextHopKind::kPort || hop.kind == NextHopKind::kInterface;
}

Ruling rule(const Network& network, Generation g, const PlainPacket& plain, const NextHop& hop,
            const FlowPolicy& policy) noexcept {
  switch (hop.kind) {
    case NextHopKind::kLocal:
      return rule_on_local(network, g, plain, policy);
    case NextHopKind::kPort:
    case NextHopKind::kInterface:
      return rule_on_onward(network, g, plain, hop, policy);
    case NextHopKind::kBlackhole:
      return dropped(DropReason::blackhole_route);
    case NextHopKind::kNone:
      break;
  }
  return dropped(DropReason::no_route);
}

bool is_too_big_for(const PlainPacket& plain, uint16_t mtu_bytes) noexcept {
  return plain.ip.total_bytes > mtu_bytes && must_stay_whole(plain);
}

bool use_up_hop(const PlainPacket& plain) noexcept {
  if (plain.ip.family == Family::kIpv4) {
    auto& header = *rte_pktmbuf_mtod(plain.packet, Ipv4Header*);
    if (header.ttl <= 1) return false;
    decrement_ttl(header);
  } else {
    auto& header = *rte_pktmbuf_mtod(plain.packet, Ipv6Header*);
    if (header.hop_limit <= 1) return false;
    --header.hop_limit;
  }
  return true;
}

// In rounds, so that each finds in the cache what the one before has asked for. What is decided anew is so in
// its place among the others: packets of a flow stay in order.
void Forwarding::route(PlainBurst& burst, PlainBurst& answers) noexcept {
  if (stamps_.at != context_.generation) look_at_stamps();
  HashedFlow flows[kBurstCapacity];
  const PlainPacket* packets[kBurstCapacity];  // the flows'
  uint16_t count = 0;
  for (const PlainPacket& plain : burst) {
    if (carries_protection(plain.ip) && goes_inbound(plain)) {
      ways_.inbound.take(plain);
      continue;
    }
    HashedFlow& flow = flows[count];
    packets[count++] = &plain;
    hash_flow(plain.packet, plain.ip, flow);
    flows_.prefetch(flow.hash);
  }
  if (context_.is_cold) {
    for (uint16_t i = 0; i < count; ++i) {
      const bool is_of_the_same = i > 0 && flows[i].hash == flows[i - 1].hash;
      if (!is_of_the_same) flows_.prefetch_ways(flows[i], network_.sas, stamps_.at);
    }
  }
  bool is_learned = false;  // what the tables say of all flows that are not known
  for (uint16_t i = 0; i < count; ++i) {
    const PlainPacket& plain = *packets[i];
    if (follow(plain, flows[i])) [[likely]]
      continue;
    if (!is_learned && !flows_.has_policy(flows[i], stamps_)) {
      is_learned = true;
      flows_.learn_policies(std::span(flows).first(count).subspan(i), network_.sas, stamps_);
    }
    decide(plain, flows[i], answers);
  }
  burst.clear();
}

void Forwarding::look_at_stamps() noexcept {
  const Generation g = context_.generation;
  stamps_ = {.at = g, .eroutes = network_.sas.eroutes_changed_at(g), .ways = network_.ways_changed_at(g)};
}

// Of a packet that carries protection: to an address to which others went inbound before, by the same routes. Of its
// addresses then only the source may be martian.
inline bool Forwarding::goes_inbound(const PlainPacket& plain) const noexcept {
  if (plain.to_everyone) return false;
  if (plain.ip.family == Family::kIpv4) [[likely]] {
    const auto& header = *rte_pktmbuf_mtod(plain.packet, const Ipv4Header*);
    const bool is_there = std::memcmp(header.destination.data(), inbound_ipv4_.bytes.data(), 4) == 0;
    return is_there && inbound_ipv4_.ways == stamps_.ways && !is_martian_source(header.source);
  }
  const auto& header = *rte_pktmbuf_mtod(plain.packet, const Ipv6Header*);
  return header.destination == inbound_ipv6_.bytes && inbound_ipv6_.ways == stamps_.ways &&
         !is_martian_source(header.source);
}

// By what was decided for its flow; false: nothing was, or not for this packet.
inline bool Forwarding::follow(const PlainPacket& plain, const HashedFlow& flow) noexcept {
  if (!is_usual(plain)) return false;
  const Decision* decision = flows_.decision(flow, plain.group, context_.generation);
  if (decision == nullptr) [[unlikely]]
    decision = earlier_decision(plain, flow);
  if (decision == nullptr || plain.ip.total_bytes > decision->most_bytes) return false;
  // Before anything is written into the packet, of which the compiler must think that it could be one of these.
  rte_mbuf* const packet = plain.packet;
  const SaGroup* const group = decision->group;
  const Slot counted_in = decision->counted_in;
  const Origin origin = plain.origin;
  if (group != nullptr ? group->expired_member(context_.now_tsc) != nullptr : !departs(packet, decision->departure)) {
    return false;
  }
  if (!use_up_hop(plain)) return false;
  if (counted_in != kNoSlot) ways_.outbound.count_packet(counted_in);
  if (group != nullptr) {
    ways_.outbound.begin(packet, *group, origin, decision->departure);
  } else {
    ways_.transmitter.send_along(packet, decision->departure, passage_of(origin));
  }
  return true;
}

// That of an earlier generation counts where what policy demands is there still, and the group is the very same.
const Decision* Forwarding::earlier_decision(const PlainPacket& plain, const HashedFlow& flow) noexcept {
  const Generation g = context_.generation;
  const auto [decision, policy, decided_at] = flows_.earlier_decision(flow, plain.group, stamps_);
  if (decision == nullptr || objection(network_, g, plain, policy)) return nullptr;
  if (decision->group != nullptr && network_.sas.has_changed(decision->head, *decided_at, g)) return nullptr;
  *decided_at = g;
  return decision;
}

void Forwarding::decide(const PlainPacket& plain, const HashedFlow& flow, PlainBurst& answers) noexcept {
  switch (address_kind(plain)) {
    case AddressKind::kUnicast:
      return decide_unicast(plain, flow, answers);
    case AddressKind::kMulticast:
      return ways_.local.deliver_multicast(plain, answers);
    case AddressKind::kMartian:
      return context_.drop(plain.packet, DropReason::martian_address);
  }
}

void Forwarding::decide_unicast(const PlainPacket& plain, const HashedFlow& flow, PlainBurst& answers) noexcept {
  const Generation g = context_.generation;
  const IpAddress destination = destination_of(plain.packet, plain.ip.family);
  const NextHop& hop = network_.routes.lookup(destination, g);
  FlowPolicy policy{};
  if (needs_policy(network_, plain, hop)) {
    policy = flows_.policy(flow, network_.sas, stamps_);
  }
  const Ruling ruling = rule(network_, g, plain, hop, policy);
  switch (ruling.way) {
    case Ruling::Way::kDrop:
      return context_.drop(plain.packet, ruling.reason);
    case Ruling::Way::kInbound:
      (plain.ip.family == Family::kIpv4 ? inbound_ipv4_ : inbound_ipv6_) = {stamps_.ways, destination.bytes};
      return ways_.inbound.take(plain);
    case Ruling::Way::kLocal:
      return ways_.local.deliver(plain, answers);
    case Ruling::Way::kOnward:
      if (remember(plain, flow, hop, policy) && follow(plain, flow)) return;
      return forward(plain, hop, policy, answers);
  }
}

// What rule() and rule_outbound() said follows from the flow, where the packet came from, and the tables, if the packet
// is a usual one; so the next one need not ask. False: nothing follows from it.
bool Forwarding::remember(const PlainPacket& plain, const HashedFlow& flow, const NextHop& hop,
                          const FlowPolicy& policy) noexcept {
  if (!is_usual(plain) || policy.unclear || key_of(flow.words).unknown != UnknownFields::kNone) return false;
  Decision decision{};
  const IpAddress destination = destination_of(plain.packet, plain.ip.family);
  if (hop.kind == NextHopKind::kInterface) {
    const ErouteRuling ruling = rule_outbound(network_, context_.generation, hop, policy.eroute);
    const bool is_lasting = ruling.way == ErouteRuling::Way::kProtect || ruling.way == ErouteRuling::Way::kPass;
    if (!is_lasting) return false;
    decision.group = ruling.group;
    decision.counted_in = policy.eroute->slot;
    decision.head = policy.eroute->head;
  }
  if (decision.group == nullptr) {
    decision.departure = ways_.transmitter.departure(hop, destination, passage_of(plain.origin));
    decision.most_bytes = decision.departure.whole_bytes;
  } else {
    decision.departure = outer_departure(plain, *decision.group, hop);
    decision.most_bytes = most_bytes_into(network_, context_.generation, hop, *decision.group);
  }
  flows_.remember(flow, plain.group, context_.generation, decision);
  return true;
}

// Of what comes out of the group: its outermost header is made there, or is the packet's own.
Departure Forwarding::outer_departure(const PlainPacket& plain, const SaGroup& group,
                                      const NextHop& hop) const noexcept {
  const Sa* tunnel = group.header_maker();
  if (tunnel == nullptr) {
    return ways_.transmitter.departure(hop, destination_of(plain.packet, plain.ip.family), Passage::kProtected);
  }
  const NextHop& outer_hop = network_.routes.lookup(tunnel->id.destination, context_.generation);
  if (outer_objection(outer_hop)) return {};
  return ways_.transmitter.departure(outer_hop, tunnel->id.destination, Passage::kProtected);
}

void Forwarding::forward(const PlainPacket& plain, const NextHop& hop, const FlowPolicy& policy,
                         PlainBurst& answers) noexcept {
  const bool has_hop_to_use_up = plain.origin != Origin::kSelf && plain.origin != Origin::kHeld;
  if (has_hop_to_use_up && !use_up_hop(plain)) {
    return ways_.local.refuse(plain, DropReason::ttl_expired, time_exceeded(plain.ip.family), answers);
  }
  if (hop.kind == NextHopKind::kInterface) {
    if (ways_.outbound.take(plain, policy.eroute, hop, answers) == Outbound::Fate::kTaken) return;
  }
  send_plain(plain, hop, answers);
}

void Forwarding::send_plain(const PlainPacket& plain, const NextHop& hop, PlainBurst& answers) noexcept {
  const uint16_t mtu_bytes = network_.ports[hop.port].mtu_bytes();
  if (is_too_big_for(plain, mtu_bytes)) [[unlikely]] {
    return ways_.local.refuse(plain, DropReason::too_big, packet_too_big(plain.ip.family, mtu_bytes), answers);
  }
  note_arrival(plain);  // should it wait and be routed anew
  ways_.transmitter.send(plain.packet, hop, passage_of(plain.origin), header_from(plain.origin));
}

}  // namespace spigrp
