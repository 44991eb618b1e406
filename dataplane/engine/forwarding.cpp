// See forwarding.h. What policy refuses is dropped, both ways: a packet that arrived in the clear although an eroute
// protects the traffic it belongs to, and one that would leave in the clear although an eroute protects it.
#include "engine/forwarding.h"

#include <optional>

#include <rte_mbuf.h>

#include "engine/next_hops.h"
#include "packet/checksum.h"

namespace spigrp {
namespace {

AddressKind address_kind_ipv4(const PlainPacket& plain) noexcept {
  const auto& header = *rte_pktmbuf_mtod(plain.packet, const Ipv4Header*);
  const uint8_t source = header.source[0], destination = header.destination[0];
  // RFC 1122 section 3.2.1.3: "this network", loopback, multicast and reserved.
  if (source == 0 || source == 127 || source >= 224) return AddressKind::kMartian;
  if (destination == 0 || destination == 127) return AddressKind::kMartian;
  return destination >= 224 ? AddressKind::kMulticast : AddressKind::kUnicast;
}

bool is_unspecified_or_loopback(const std::array<uint8_t, 16>& address) noexcept {
  uint8_t any = 0;
  for (size_t i = 0; i < 15; ++i) any |= address[i];
  return any == 0 && address[15] <= 1;
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
  return plain.origin == Origin::kSelf && plain.group != nullptr && plain.group->protects();
}

bool leads_to_protection(const Network& network, Generation g, const Eroute* eroute) noexcept {
  if (eroute == nullptr) return false;
  const ErouteVerdict verdict = network.sas.resolve(*eroute, g);
  return verdict.action == ErouteAction::kProtect && verdict.group->protects();
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

void Forwarding::route(PlainBurst& burst, PlainBurst& answers) noexcept {
  keep_unicast(burst, answers);
  NextHops hops;
  for (const PlainPacket& plain : burst) hops.add(plain.packet, plain.ip.family);
  hops.look_up(network_.routes, context_.generation);

  FlowKey flows[kBurstCapacity];
  uint32_t hashes[kBurstCapacity];
  for (uint16_t i = 0; i < burst.count; ++i) {
    const PlainPacket& plain = burst.packets[i];
    if (!needs_policy(network_, plain, hops[i])) continue;
    flows[i] = flow_key(plain.packet, plain.ip);
    hashes[i] = flows_.hash(flows[i]);
    flows_.prefetch(hashes[i]);
  }
  const Generation stamp = network_.sas.eroutes_changed_at(context_.generation);
  for (uint16_t i = 0; i < burst.count; ++i) {
    const PlainPacket& plain = burst.packets[i];
    FlowPolicy policy{};
    if (needs_policy(network_, plain, hops[i])) {
      policy = flows_.find(flows[i], hashes[i], network_.sas, stamp, context_.generation);
    }
    decide(plain, hops[i], policy, answers);
  }
  burst.clear();
}

void Forwarding::keep_unicast(PlainBurst& burst, PlainBurst& answers) noexcept {
  uint16_t kept = 0;
  for (uint16_t i = 0; i < burst.count; ++i) {
    const PlainPacket& plain = burst.packets[i];
    switch (address_kind(plain)) {
      case AddressKind::kUnicast:
        burst.packets[kept++] = plain;
        break;
      case AddressKind::kMulticast:
        ways_.local.deliver_multicast(plain, answers);
        break;
      case AddressKind::kMartian:
        context_.drop(plain.packet, DropReason::martian_address);
        break;
    }
  }
  burst.count = kept;
}

void Forwarding::decide(const PlainPacket& plain, const NextHop& hop, const FlowPolicy& policy,
                        PlainBurst& answers) noexcept {
  const Ruling ruling = rule(network_, context_.generation, plain, hop, policy);
  switch (ruling.way) {
    case Ruling::Way::kDrop:
      return context_.drop(plain.packet, ruling.reason);
    case Ruling::Way::kInbound:
      return ways_.inbound.take(plain);
    case Ruling::Way::kLocal:
      return ways_.local.deliver(plain, answers);
    case Ruling::Way::kOnward:
      return forward(plain, hop, policy, answers);
  }
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
  ways_.transmitter.send(plain.packet, hop, passage_of(plain.origin), header_from(plain.origin));
}

}  // namespace spigrp
