// See explain.h. The way of a packet as in worker.cpp: forwarding, then out or to the gateway itself; what the gateway
// answers goes the same way once more.
#include "engine/explain.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_mbuf.h>

#include "engine/explain_words.h"
#include "engine/forwarding.h"
#include "engine/path_mtu_report.h"
#include "engine/probe_packet.h"
#include "packet/fragments.h"
#include "transform/step_burst.h"

namespace spigrp {
namespace {

// A packet of 64 KiB in buffers of 2 KiB, cut into fragments, and an answer.
constexpr unsigned kExplainerBuffers = 255;
constexpr unsigned kExplainerLargeBuffers = 31;  // the same, where only those hold what becomes of it

// What ends an SA's lifetime ends it for the fragments behind as well.
constexpr Uses kAllUsed{UINT64_MAX / 2, UINT64_MAX / 2};

struct FreePacket {
  void operator()(rte_mbuf* packet) const noexcept { rte_pktmbuf_free(packet); }
};
using OwnedPacket = std::unique_ptr<rte_mbuf, FreePacket>;

class Rehearsal {
 public:
  Rehearsal(const Network& network, BufferPools buffers) noexcept
      : network_(network), generation_(network.versions.published()), buffers_(buffers) {}

  // The packet begins at its IP header, which has been parsed, and belongs to the rehearsal.
  void follow(OwnedPacket packet, PlainPacket plain);
  Explanation take() { return std::move(explanation_); }

 private:
  void describe(const PlainPacket& plain);
  void local(OwnedPacket packet, const PlainPacket& plain, const LocalRuling& ruling);
  void onward(OwnedPacket packet, const PlainPacket& plain, const NextHop& hop, const FlowPolicy& policy);
  void leave_plain(OwnedPacket packet, const PlainPacket& plain, const NextHop& hop);
  void protect(OwnedPacket packet, const PlainPacket& plain, const NextHop& interface, const Eroute& eroute,
               const SaGroup& group);
  void transform(OwnedPacket packet, const SaGroup& group, Origin origin);
  bool apply_steps(rte_mbuf* packet, const SaGroup& group, ExplainedPacket& said);
  void leave(OwnedPacket packet, const NextHop& hop, Sending sending, ExplainedPacket& said);
  void leave_fitting(OwnedPacket packet, const NextHop& hop, ExplainedPacket& said);

  std::vector<OwnedPacket> cut(OwnedPacket packet, const IpPacket& ip, uint32_t limit_bytes, DropReason& reason);
  void refuse(const PlainPacket& plain, DropReason reason, std::string object, const IcmpError& error);
  void answer(OwnedPacket packet, const PlainPacket& plain);
  void drop(DropReason reason, std::string object);
  static void drop(ExplainedPacket& said, DropReason reason, std::string object);
  void end();

  const Network& network_;
  Generation generation_;
  BufferPools buffers_;
  Explanation explanation_;
  std::array<Uses, kMaxGroupSas> uses_;  // of the group's SAs, by fragments that went before
};

void Rehearsal::drop(DropReason reason, std::string object) {
  explanation_.fate = "dropped";
  explanation_.reason = drop_reason_name(reason);
  explanation_.meaning = drop_reason_meaning(reason);
  explanation_.object = std::move(object);
}

void Rehearsal::drop(ExplainedPacket& said, DropReason reason, std::string object) {
  said.sent_bytes.clear();
  said.reason = drop_reason_name(reason);
  said.object = std::move(object);
}

void Rehearsal::describe(const PlainPacket& plain) {
  const FlowKey flow = flow_key(plain.packet, plain.ip);
  explanation_.source = source_of(plain.packet, plain.ip.family);
  explanation_.destination = destination_of(plain.packet, plain.ip.family);
  explanation_.protocol = flow.protocol;
  explanation_.source_port = flow.source_port.host();
  explanation_.destination_port = flow.destination_port.host();
  explanation_.bytes = plain.ip.total_bytes;
  explanation_.port = network_.ports[plain.port].name();
  if (plain.origin == Origin::kGroup) explanation_.out_of_group = ids_of(*plain.group);
}

void Rehearsal::follow(OwnedPacket packet, PlainPacket plain) {
  describe(plain);
  switch (address_kind(plain)) {
    case AddressKind::kMartian:
      return drop(DropReason::martian_address, explanation_.source.text() + " -> " + explanation_.destination.text());
    case AddressKind::kMulticast:
      return local(std::move(packet), plain, rule_multicast(plain));
    case AddressKind::kUnicast:
      break;
  }
  const NextHop& hop = network_.routes.lookup(explanation_.destination, generation_);
  explanation_.route = explained(network_, explanation_.destination, hop);
  FlowPolicy policy{};
  if (needs_policy(network_, plain, hop)) {
    policy = FlowCache::look_up(flow_key(plain.packet, plain.ip), network_.sas, generation_);
    explanation_.eroute = explained(policy.eroute);
    explanation_.reverse_eroute = explained(policy.reverse);
  }
  const Ruling ruling = rule(network_, generation_, plain, hop, policy);
  switch (ruling.way) {
    case Ruling::Way::kDrop:
      return drop(ruling.reason, objection_object(ruling.reason, explanation_, policy));
    case Ruling::Way::kInbound:
      explanation_.fate = "unwrapped";
      return;
    case Ruling::Way::kLocal:
      return local(std::move(packet), plain, rule_local(plain));
    case Ruling::Way::kOnward:
      return onward(std::move(packet), plain, hop, policy);
  }
}

void Rehearsal::local(OwnedPacket packet, const PlainPacket& plain, const LocalRuling& ruling) {
  switch (ruling.way) {
    case LocalRuling::Way::kDrop:
      return drop(ruling.reason,
                  "protocol " + std::to_string(explanation_.protocol) + " to " + explanation_.destination.text());
    case LocalRuling::Way::kEcho:
      explanation_.fate = "delivered";
      return answer(std::move(packet), as_echo_reply(plain));
    case LocalRuling::Way::kPathMtuReport: {
      const PathMtuReport report = read_path_mtu_report(packet.get(), plain.ip, network_, generation_);
      if (!report.ok) return drop(report.reason, "what the ICMP message quotes");
      explanation_.fate = "delivered";
      return;
    }
    case LocalRuling::Way::kNeighbourDiscovery:
    case LocalRuling::Way::kTaken:
      explanation_.fate = "delivered";
      return;
  }
}

void Rehearsal::onward(OwnedPacket packet, const PlainPacket& plain, const NextHop& hop, const FlowPolicy& policy) {
  if (plain.origin != Origin::kSelf && !use_up_hop(plain)) {
    return refuse(plain, DropReason::ttl_expired, "its own TTL", time_exceeded(plain.ip.family));
  }
  if (hop.kind != NextHopKind::kInterface) return leave_plain(std::move(packet), plain, hop);
  const ErouteRuling ruling = rule_outbound(network_, generation_, hop, policy.eroute);
  const std::string object = policy.eroute == nullptr || ruling.reason == DropReason::interface_detached
                                 ? explanation_.route->device
                                 : words_of(*policy.eroute);
  switch (ruling.way) {
    case ErouteRuling::Way::kProtect:
      return protect(std::move(packet), plain, hop, *policy.eroute, *ruling.group);
    case ErouteRuling::Way::kPass:
      return leave_plain(std::move(packet), plain, hop);
    case ErouteRuling::Way::kReject:
      return refuse(plain, ruling.reason, object, prohibited(plain.ip.family));
    case ErouteRuling::Way::kTrap:
      explanation_.fate = "trapped";
      return;
    case ErouteRuling::Way::kHold:
      explanation_.fate = "held";
      return;
    case ErouteRuling::Way::kDrop:
      return drop(ruling.reason, object);
  }
}

void Rehearsal::leave_plain(OwnedPacket packet, const PlainPacket& plain, const NextHop& hop) {
  const Port& port = network_.ports[hop.port];
  if (is_too_big_for(plain, port.mtu_bytes())) {
    return refuse(plain, DropReason::too_big, words_of(port), packet_too_big(plain.ip.family, port.mtu_bytes()));
  }
  ExplainedPacket& said = explanation_.packets.emplace_back();
  said.bytes = plain.ip.total_bytes;
  leave(std::move(packet), hop, {passage_of(plain.origin), header_from(plain.origin)}, said);
  end();
}

void Rehearsal::protect(OwnedPacket packet, const PlainPacket& plain, const NextHop& interface, const Eroute& eroute,
                        const SaGroup& group) {
  explanation_.group = ids_of(group);
  if (const Sa* expired = group.expired_member(rte_rdtsc())) return drop(DropReason::sa_expired, expired->id.text());
  explanation_.group_mtu_bytes = outbound_mtu(network_, generation_, interface, plain, group);
  explanation_.group_fits_bytes = group.largest_within(plain.ip, explanation_.group_mtu_bytes);
  const Fitting fitting = fit(plain, group, explanation_.group_mtu_bytes);
  const std::string object = words_of(network_.ports[interface.port]) + "; " + words_of(eroute);
  switch (fitting.way) {
    case Fitting::Way::kAsItIs:
      transform(std::move(packet), group, plain.origin);
      break;
    case Fitting::Way::kRefused:
      return refuse(plain, DropReason::too_big, object, packet_too_big(plain.ip.family, fitting.bytes));
    case Fitting::Way::kInFragments: {
      DropReason reason{};
      std::vector<OwnedPacket> fragments = cut(std::move(packet), plain.ip, fitting.bytes, reason);
      if (fragments.empty()) return drop(reason, object);
      for (OwnedPacket& fragment : fragments) transform(std::move(fragment), group, plain.origin);
      break;
    }
  }
  end();
}

void Rehearsal::transform(OwnedPacket packet, const SaGroup& group, Origin origin) {
  ExplainedPacket& said = explanation_.packets.emplace_back();
  said.bytes = rte_pktmbuf_pkt_len(packet.get());
  rte_mbuf* roomy = with_room_for(packet.get(), group, buffers_);
  if (roomy == nullptr) return drop(said, DropReason::no_room, "memory.buffer_bytes of the configuration");
  (void)packet.release();
  packet.reset(roomy);
  if (!apply_steps(roomy, group, said)) return;
  const IpAddress destination = destination_of(roomy, family_of(roomy));
  const NextHop& hop = network_.routes.lookup(destination, generation_);
  explanation_.outer_route = explained(network_, destination, hop);
  if (const auto reason = outer_objection(hop)) return drop(said, *reason, words_of(*explanation_.outer_route));
  leave(std::move(packet), hop, {Passage::kProtected, header_from(group, origin)}, said);
}

// False: dropped.
bool Rehearsal::apply_steps(rte_mbuf* packet, const SaGroup& group, ExplainedPacket& said) {
  for (uint8_t place = 0; place < group.size(); ++place) {
    const Sa* sa = group.at(place);
    ExplainedStep step{.sa = sa->id, .bytes_before = rte_pktmbuf_pkt_len(packet)};
    const Verdict verdict = kTransforms[static_cast<size_t>(sa->id.protocol)].rehearse(*sa, packet, uses_[place]);
    if (!verdict.kept()) {
      if (verdict.reason() == DropReason::sa_expired) uses_[place] = kAllUsed;
      drop(said, verdict.reason(), sa->id.text());
      return false;
    }
    said.at_most = said.at_most || sa->id.protocol == SaProtocol::kComp;
    step.bytes_after = rte_pktmbuf_pkt_len(packet);
    ++uses_[place].packets;
    uses_[place].bytes += step.bytes_before;
    step.at_most = said.at_most;
    said.steps.push_back(step);
  }
  return true;
}

void Rehearsal::leave(OwnedPacket packet, const NextHop& hop, Sending sending, ExplainedPacket& said) {
  const Leaving leaving = rule_leaving(network_, generation_, packet.get(), hop, sending);
  switch (leaving.way) {
    case Leaving::Way::kWhole:
      return leave_fitting(std::move(packet), hop, said);
    case Leaving::Way::kInFragments: {
      DropReason reason{};
      const IpPacket ip = parse_ip(packet.get()).ip;
      std::vector<OwnedPacket> fragments = cut(std::move(packet), ip, leaving.mtu_bytes, reason);
      if (fragments.empty()) return drop(said, reason, words_of(network_.ports[hop.port]));
      for (OwnedPacket& fragment : fragments) leave_fitting(std::move(fragment), hop, said);
      return;
    }
    case Leaving::Way::kDropped:
      return drop(said, leaving.reason,
                  hop.port == kNoPort ? "ipsec" + std::to_string(hop.interface) : words_of(network_.ports[hop.port]));
  }
}

void Rehearsal::leave_fitting(OwnedPacket packet, const NextHop& hop, ExplainedPacket& said) {
  const Port& port = network_.ports[hop.port];
  const NeighbourKey key = neighbour_key(destination_of(packet.get(), family_of(packet.get())), hop);
  const Neighbour* neighbour = network_.routes.neighbour(key, generation_);
  explanation_.next_hop = ExplainedNextHop{IpAddress{key.family, key.address}, port.name(), port.mtu_bytes(), {}};
  const uint32_t bytes = rte_pktmbuf_pkt_len(packet.get());
  if (neighbour != nullptr) {
    explanation_.next_hop->mac = neighbour->mac;
    rte_mbuf* fitting = fit_for_port(packet.get(), port, buffers_);
    if (fitting == nullptr) return drop(said, DropReason::no_room, "memory.buffer_bytes of the configuration");
    (void)packet.release();
    packet.reset(fitting);
  }
  said.sent_bytes.push_back(bytes);
}

// Empty: it cannot be cut, for the reason.
std::vector<OwnedPacket> Rehearsal::cut(OwnedPacket packet, const IpPacket& ip, uint32_t limit_bytes,
                                        DropReason& reason) {
  const Fragments fragments = fragment_packet(packet.get(), ip, limit_bytes, buffers_.ordinary);
  reason = fragments.reason;
  if (fragments.count > 0) (void)packet.release();
  std::vector<OwnedPacket> owned;
  for (uint16_t i = 0; i < fragments.count; ++i) owned.emplace_back(fragments.packets[i]);
  return owned;
}

void Rehearsal::refuse(const PlainPacket& plain, DropReason reason, std::string object, const IcmpError& error) {
  drop(reason, std::move(object));
  const auto speaker = error_speaker(network_, generation_, plain);
  if (!speaker) return;
  const auto message = error_about(plain, *speaker, error, buffers_.ordinary);
  if (!message) return;
  explanation_.icmp = explained(plain.ip.family, error);
  answer(OwnedPacket(message->packet), *message);
}

void Rehearsal::answer(OwnedPacket packet, const PlainPacket& plain) {
  Rehearsal rehearsal(network_, buffers_);
  rehearsal.follow(std::move(packet), plain);
  explanation_.answer.push_back(rehearsal.take());
}

// As its packets end: where some are dropped and others are not, the packet that was asked about leaves incomplete.
void Rehearsal::end() {
  const auto& packets = explanation_.packets;
  const auto dropped = std::find_if(packets.begin(), packets.end(),
                                    [](const ExplainedPacket& packet) { return !packet.reason.empty(); });
  if (dropped == packets.end()) {
    explanation_.fate = explanation_.next_hop->mac ? "sent" : "waits";
    return;
  }
  explanation_.fate = "dropped";
  explanation_.reason = dropped->reason;
  explanation_.object = dropped->object;
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    const auto reason = static_cast<DropReason>(i);
    if (drop_reason_name(reason) == dropped->reason) explanation_.meaning = drop_reason_meaning(reason);
  }
}

// As a port gives it to a worker: behind its Ethernet header, in as many buffers as it takes. Null: in too many.
OwnedPacket received(std::span<const uint8_t> bytes, rte_mempool* buffers) {
  OwnedPacket packet;
  rte_mbuf* last = nullptr;
  for (size_t done = 0; packet == nullptr || done < bytes.size();) {
    OwnedPacket segment(rte_pktmbuf_alloc(buffers));
    if (segment == nullptr) return nullptr;
    if (packet == nullptr) {
      rte_pktmbuf_append(segment.get(), sizeof(EthernetHeader));
      rte_pktmbuf_adj(segment.get(), sizeof(EthernetHeader));
    }
    const auto now = std::min<size_t>(bytes.size() - done, rte_pktmbuf_tailroom(segment.get()));
    std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(done), now,
                rte_pktmbuf_append(segment.get(), static_cast<uint16_t>(now)));
    done += now;
    rte_mbuf* const added = segment.release();
    if (packet == nullptr) {
      packet.reset(added);
    } else {
      last->next = added;
      packet->pkt_len += added->data_len;
      ++packet->nb_segs;
    }
    last = added;
  }
  return packet;
}

}  // namespace

namespace {

rte_mempool* pool_like(const rte_mempool* pool, unsigned buffers) {
  static unsigned number = 0;  // DPDK's names are the process's
  return rte_pktmbuf_pool_create(("spigrp_explain_" + std::to_string(number++)).c_str(), buffers, 0, 0,
                                 rte_pktmbuf_data_room_size(const_cast<rte_mempool*>(pool)), SOCKET_ID_ANY);
}

}  // namespace

Expected<std::unique_ptr<Explainer>> Explainer::create(const Network& network, BufferPools pools) {
  std::unique_ptr<Explainer> made(new Explainer(network));
  made->buffers_.ordinary = pool_like(pools.ordinary, kExplainerBuffers);
  if (pools.large != nullptr) made->buffers_.large = pool_like(pools.large, kExplainerLargeBuffers);
  if (made->buffers_.ordinary == nullptr || (pools.large != nullptr && made->buffers_.large == nullptr)) {
    return failure("explain", std::string("no memory for packets to look at: ") + rte_strerror(rte_errno),
                   "raise memory.megabytes in the configuration");
  }
  return made;
}

Explainer::~Explainer() {
  rte_mempool_free(buffers_.ordinary);
  rte_mempool_free(buffers_.large);
}

Expected<Explanation> Explainer::explain(const ExplainQuery& query) {
  Arrival arrival;
  const std::vector<Port>& ports = network_.ports;
  if (query.port.empty()) {
    const NextHop& back = network_.routes.lookup(query.source, network_.versions.published());
    if (back.port != kNoPort) arrival.port = back.port;
  } else {
    const auto found =
        std::find_if(ports.begin(), ports.end(), [&](const Port& port) { return port.name() == query.port; });
    if (found == ports.end()) {
      std::string names;
      for (const Port& port : ports) names += (names.empty() ? "" : ", ") + port.name();
      return failure(as_typed(query.port), "no such port", "there are " + names);
    }
    arrival.port = static_cast<uint16_t>(found - ports.begin());
  }
  if (query.out_of) {
    const SaEntry* entry = network_.sas.newest(*query.out_of);
    if (entry == nullptr) return failure(query.out_of->text(), "no such SA", "spi lists them");
    arrival.group = entry->group;
  }
  return explain(probe_packet(query), arrival);
}

Expected<Explanation> Explainer::explain(std::span<const uint8_t> bytes, const Arrival& arrival) {
  OwnedPacket packet = received(bytes, buffers_.ordinary);
  if (packet == nullptr) {
    return failure("packet", "takes more buffers than are there to look at it", "ask about a shorter one");
  }
  const ParsedIp parsed = parse_ip(packet.get());
  if (!parsed.ok) {
    return Explanation{.port = network_.ports[arrival.port].name(),
                       .fate = "dropped",
                       .reason = std::string(drop_reason_name(parsed.reason)),
                       .meaning = std::string(drop_reason_meaning(parsed.reason)),
                       .object = "its IP header"};
  }
  trim_packet(packet.get(), parsed.ip.total_bytes);
  const bool is_plain = arrival.group == nullptr;
  const PlainPacket plain{.packet = packet.get(),
                          .ip = parsed.ip,
                          .port = arrival.port,
                          .origin = is_plain ? Origin::kWire : Origin::kGroup,
                          .removed = is_plain ? uint8_t{0} : arrival.group->size(),
                          .group = arrival.group,
                          .to_everyone = false,
                          .was_protected = false};
  Rehearsal rehearsal(network_, buffers_);
  rehearsal.follow(std::move(packet), plain);
  return rehearsal.take();
}

}  // namespace spigrp
