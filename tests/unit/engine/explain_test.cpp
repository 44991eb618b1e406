// explain and the dataplane held together: random packets through random configurations, each explained first and then
// really received. What was said must be what happens: which frames leave by which port and how long they are, which
// drop reason counts, what the sender is told. The seeds are fixed; a failure names its own.
#include "engine/explain.h"

#include <map>
#include <random>

#include <nlohmann/json.hpp>

#include "gateway_fixture.h"

namespace spigrp::test {
namespace {

constexpr unsigned kConfigurations = 60, kPacketsOfEach = 70;

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  unsigned below(unsigned end) { return static_cast<unsigned>(engine_() % end); }
  unsigned between(unsigned low, unsigned high) { return low + below(high - low + 1); }
  bool once_in(unsigned n) { return below(n) == 0; }
  template <class T>
  const T& of(const std::vector<T>& choices) {
    return choices[below(static_cast<unsigned>(choices.size()))];
  }
  uint8_t byte() { return static_cast<uint8_t>(engine_()); }

 private:
  std::mt19937 engine_;
};

using Texts = std::vector<std::string_view>;
// Of one family: who sends mostly, who is sent to mostly, and all that can happen.
struct Places {
  Texts near, far, any, near_networks, far_networks, any_networks;
};
const Places kPlaces4{{"10.1.0.2", "10.1.0.2", "10.1.0.9"},
                      {"10.2.0.2", "10.3.0.2", "10.4.0.2"},
                      {"10.1.0.1", "192.0.2.1", "192.0.2.2", "198.51.100.1", "10.5.0.2", "127.0.0.1", "224.0.0.5"},
                      {"10.1.0.0/16", "10.1.0.2/32"},
                      {"10.2.0.0/16", "10.3.0.0/16", "10.4.0.0/16", "10.0.0.0/8"},
                      {"0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/24"}};
const Places kPlaces6{
    {"fd00:1::2", "fd00:1::2", "fd00:1::9"},
    {"fd00:2::2", "fd00:3::2", "fd00:4::2"},
    {"fd00:1::1", "2001:db8::1", "2001:db8::2", "2001:db8:9::1", "fd00:5::2", "fe80::5", "ff02::5", "::1"},
    {"fd00:1::/32", "fd00:1::2/128"},
    {"fd00:2::/32", "fd00:3::/32", "fd00:4::/32", "fd00::/16"},
    {"::/0", "fd00::/16", "fd00:1::/32", "2001:db8::/32"}};

const std::vector<uint16_t> kPortNumbers{0, 4000, 5000};

// A gateway that chance has set up. What an edit refuses is left out.
class RandomGateway {
 public:
  RandomGateway(Random& random, const GatewayPlan& plan) : random_(random), gateway(plan) {
    add_routes();
    const unsigned groups = random_.between(1, 5);
    for (unsigned i = 0; i < groups; ++i) add_group(0x200 + 16 * i);
    for (unsigned i = random_.between(3, 10); i > 0; --i) add_eroute();
    if (random_.once_in(3)) dissolve();
    for (unsigned i = random_.below(3); i > 0; --i) add_group(0x300 + 16 * i);
    if (random_.once_in(8)) gateway.edit_routes([](RouteEdit& edit) { (void)edit.detach_interface("ipsec0"); });
    gateway.poll_control(0);
  }

 private:
  Random& random_;
  std::vector<std::vector<SaId>> groups_;

 public:
  Gateway gateway;

 private:
  void add_routes() {
    const struct {
      std::string_view network, lan_host, wan_host;
    } kRoutes[] = {{"10.3.0.0/16", "10.1.0.2", "192.0.2.2"},     {"10.4.0.0/16", "10.1.0.9", "192.0.2.77"},
                   {"198.51.100.0/24", "10.1.0.2", "192.0.2.2"}, {"fd00:3::/32", "fd00:1::2", "2001:db8::2"},
                   {"fd00:4::/32", "fd00:1::9", "2001:db8::77"}, {"2001:db8:9::/48", "fd00:1::2", "2001:db8::2"}};
    gateway.edit_routes([](RouteEdit& edit) { (void)edit.create_interface("ipsec1"); });
    for (const auto& route : kRoutes) {
      RouteSpec spec{.destination = Gateway::prefix(route.network)};
      switch (random_.below(8)) {
        case 0:
          continue;  // none
        case 1:
          break;  // a blackhole
        case 2:
          spec.device = "ipsec1";
          break;
        case 3:
          spec.via = address(route.lan_host);
          spec.device = "lan";
          break;
        case 4:
        case 5:
          spec.via = address(route.wan_host);
          spec.device = "ipsec0";
          break;
        default:
          spec.via = address(route.wan_host);
          spec.device = "wan";
      }
      gateway.edit_routes([&](RouteEdit& edit) { (void)edit.add_route(spec); });
    }
  }

  SaSpec random_sa(unsigned spi, bool is_ipv4, bool is_first) {
    static const Texts kPeers4{"192.0.2.2", "192.0.2.2", "192.0.2.2", "198.51.100.1", "10.2.0.2"};
    static const Texts kPeers6{"2001:db8::2", "2001:db8::2", "2001:db8::2", "2001:db8:9::1", "fd00:2::2"};
    static const std::vector<SaProtocol> kProtocols{SaProtocol::kTunnel, SaProtocol::kComp, SaProtocol::kEsp,
                                                    SaProtocol::kEsp, SaProtocol::kAh};
    SaSpec spec;
    spec.id = {is_first && !random_.once_in(4) ? SaProtocol::kTunnel : random_.of(kProtocols), spi,
               address(random_.of(is_ipv4 ? kPeers4 : kPeers6))};
    spec.source = address(is_ipv4 ? "192.0.2.1" : "2001:db8::1");
    if (random_.once_in(12)) spec.lifetime.hard.packets = random_.between(1, 6);
    if (random_.once_in(12)) spec.lifetime.hard.bytes = random_.between(500, 9000);
    switch (spec.id.protocol) {
      case SaProtocol::kTunnel:
        spec.tunnel_destination = spec.id.destination;
        spec.outer.df = static_cast<DfChoice>(random_.below(3));
        spec.outer.fragment = static_cast<Fragmentation>(random_.below(2));
        if (random_.once_in(3)) spec.outer.ttl.fixed.reset();
        break;
      case SaProtocol::kComp:
        spec.algorithm = kCompressionAlgorithm;
        break;
      case SaProtocol::kEsp: {
        static const Texts kAlgorithms{"aes128gcm16", "aes128-sha1-96",    "aes256-sha2_256-128",
                                       "3des-md5-96", "null-sha2_256-128", "chacha20poly1305"};
        spec.algorithm = random_.of(kAlgorithms);
        const Algorithm found = find_esp_algorithm(spec.algorithm, 0).value();
        spec.encryption_key = Key(counted_bytes(found.encryption_key_bytes(), 0x11));
        spec.authentication_key = Key(counted_bytes(found.authentication_key_bytes(), 0x81));
        spec.extended_sequence = random_.once_in(4);
        if (random_.once_in(4)) spec.udp_encapsulation = UdpEncapsulation{4500, 4500};
        break;
      }
      case SaProtocol::kAh: {
        static const Texts kAlgorithms{"hmac-sha1-96", "hmac-sha2_512-256", "hmac-md5-96"};
        spec.algorithm = random_.of(kAlgorithms);
        spec.authentication_key =
            Key(counted_bytes(find_ah_algorithm(spec.algorithm).value().authentication_key_bytes()));
        spec.extended_sequence = random_.once_in(4);
        break;
      }
    }
    return spec;
  }

  void add_group(unsigned spi) {
    std::vector<SaId> members;
    const unsigned size = random_.between(1, 4);
    bool is_ipv4 = random_.once_in(2);
    for (unsigned i = 0; i < size; ++i) {
      if (random_.once_in(6)) is_ipv4 = !is_ipv4;
      const SaSpec spec = random_sa(spi + i, is_ipv4, i == 0);
      gateway.edit_sas([&](SaEdit& edit) {
        if (const auto added = edit.add_sa(spec)) members.push_back(spec.id);
      });
    }
    if (members.size() > 1) gateway.edit_sas([&](SaEdit& edit) { (void)edit.group(members); });
    if (!members.empty()) groups_.push_back(members);
  }

  void add_eroute() {
    const Places& places = random_.once_in(2) ? kPlaces4 : kPlaces6;
    const auto network = [&](const Texts& usual) {
      return Gateway::prefix(random_.of(random_.once_in(8) ? places.any_networks : usual));
    };
    Selector selector{.source = network(places.near_networks), .destination = network(places.far_networks)};
    if (random_.once_in(4)) selector.protocol = random_.of(std::vector<uint8_t>{6, 17, 17, 1, 58});
    if (selector.protocol == 17) selector.source_port = random_.of(kPortNumbers);
    if (selector.protocol == 17) selector.destination_port = random_.of(kPortNumbers);
    if (selector.protocol == (selector.family() == Family::kIpv4 ? kProtocolIcmp : kProtocolIcmpv6) &&
        random_.once_in(2)) {
      selector.icmp_type = selector.family() == Family::kIpv4 ? kIcmpEchoRequest : kIcmpv6EchoRequest;
    }
    ErouteTarget target = MagicTarget(random_.below(6));
    if (!groups_.empty() && !random_.once_in(3)) target = random_.of(groups_).front();
    gateway.edit_sas([&](SaEdit& edit) { (void)edit.set_eroute(selector, target, ErouteMode::kReplace); });
  }

  void dissolve() {
    if (groups_.empty()) return;
    const SaId id = random_.of(groups_).back();
    const bool whole = random_.once_in(2);
    gateway.edit_sas([&](SaEdit& edit) { (void)(whole ? edit.delete_sa(id) : edit.ungroup(id)); });
  }
};

std::string_view random_host(Random& random, const Places& places, const Texts& usual) {
  if (!random.once_in(8)) return random.of(usual);
  return random.of(random.once_in(2) ? places.any : random.once_in(2) ? places.near : places.far);
}

Bytes random_payload(Random& random, uint8_t protocol, size_t bytes) {
  Bytes payload(bytes);
  const bool is_compressible = random.once_in(4);
  for (uint8_t& one : payload) one = is_compressible ? 7 : random.byte();
  if ((protocol == kProtocolUdp || protocol == kProtocolTcp) && bytes >= 4) {
    put16(payload, 0, random.of(kPortNumbers));
    put16(payload, 2, random.of(kPortNumbers));
  }
  if (protocol == kProtocolIcmp && bytes > 0) payload[0] = random.of(std::vector<uint8_t>{8, 8, 0, 3, 11});
  if (protocol == kProtocolIcmpv6 && bytes > 0) payload[0] = random.of(std::vector<uint8_t>{128, 128, 129, 1, 2});
  if (protocol == kProtocolIcmp && bytes > 1) payload[1] = 0;
  if (protocol == kProtocolIcmpv6 && bytes > 1) payload[1] = 0;
  return payload;
}

Bytes random_ipv4(Random& random, size_t bytes) {
  static const std::vector<Bytes> kOptions{
      {}, {}, {}, {}, {}, {0x94, 4, 0, 0}, {1, 1, 1, 0}, {131, 7, 4, 10, 9, 9, 9, 0}};
  Ipv4Fields fields{.protocol = random.of(std::vector<uint8_t>{17, 17, 6, 1, 1, 47, 59, 132}),
                    .tos = random.byte(),
                    .flags_fragment = random.once_in(2) ? uint16_t{0x4000} : uint16_t{0},
                    .ttl = random.once_in(10) ? static_cast<uint8_t>(random.below(3)) : uint8_t{64},
                    .source = raw<4>(random_host(random, kPlaces4, kPlaces4.near)),
                    .destination = raw<4>(random_host(random, kPlaces4, kPlaces4.far)),
                    .options = random.of(kOptions)};
  if (random.once_in(8)) fields.flags_fragment = random.of(std::vector<uint16_t>{0x2000, 0x2003, 0x0003});
  const size_t header_bytes = 20 + fields.options.size();
  return ipv4_packet(fields, random_payload(random, fields.protocol, bytes - std::min(bytes, header_bytes)));
}

Bytes random_ipv6(Random& random, size_t bytes) {
  Ipv6Fields fields{.next_header = random.of(std::vector<uint8_t>{17, 17, 6, 58, 58, 47, 59, 132}),
                    .traffic_class = random.byte(),
                    .hop_limit = random.once_in(10) ? static_cast<uint8_t>(random.below(3)) : uint8_t{64},
                    .source = raw<16>(random_host(random, kPlaces6, kPlaces6.near)),
                    .destination = raw<16>(random_host(random, kPlaces6, kPlaces6.far))};
  Bytes payload = random_payload(random, fields.next_header, bytes - std::min<size_t>(bytes, 40));
  switch (random.below(12)) {
    case 0:
      payload = extension_header(fields.next_header, 16) + payload;
      fields.next_header = kProtocolHopByHop;
      break;
    case 1:
      payload = extension_header(fields.next_header) + payload;
      fields.next_header = kProtocolDestinationOptions;
      break;
    case 2:
      payload = Bytes{fields.next_header, 0, 0, random.of(std::vector<uint8_t>{0, 1, 8, 9}), 0, 0, 0, 9} + payload;
      fields.next_header = kProtocolFragment;
      break;
    default:
      break;
  }
  return ipv6_packet(fields, payload);
}

Bytes random_packet(Random& random) {
  static const std::vector<size_t> kLimits{576, 1280, 1400, 1500, 1500};
  const size_t near_limit = random.of(kLimits) + random.below(30) - std::min<size_t>(random.below(120), 100);
  const size_t bytes = random.once_in(3)   ? near_limit
                       : random.once_in(3) ? random.between(20, 9000)
                                           : random.between(20, 600);
  return random.once_in(2) ? random_ipv4(random, bytes) : random_ipv6(random, bytes);
}

// Counted once, by a worker.
struct Outcome {
  std::map<std::string, std::vector<size_t>> sent;  // bytes of the IP packets that left, by port
  std::map<std::string, unsigned> dropped;          // by reason
  unsigned delivered = 0, punted = 0;

  friend bool operator==(const Outcome&, const Outcome&) = default;
  std::string text() const {
    nlohmann::json json{{"sent", sent}, {"dropped", dropped}, {"delivered", delivered}, {"punted", punted}};
    return json.dump();
  }
};

Outcome outcome_of(const Explanation& explanation) {
  Outcome outcome = explanation.answer.empty() ? Outcome{} : outcome_of(explanation.answer.front());
  if (explanation.fate == "delivered") ++outcome.delivered;
  if (explanation.fate == "held" || explanation.fate == "trapped") ++outcome.punted;
  if (explanation.packets.empty() && explanation.fate == "dropped") ++outcome.dropped[explanation.reason];
  for (const ExplainedPacket& packet : explanation.packets) {
    if (!packet.reason.empty()) {
      ++outcome.dropped[packet.reason];
    } else if (!explanation.next_hop->mac) {
      outcome.punted += static_cast<unsigned>(packet.sent_bytes.size());
    } else {
      auto& sent = outcome.sent[explanation.next_hop->port];
      sent.insert(sent.end(), packet.sent_bytes.begin(), packet.sent_bytes.end());
    }
  }
  return outcome;
}

bool is_at_most(const Explanation& explanation) {
  return std::any_of(explanation.packets.begin(), explanation.packets.end(),
                     [](const ExplainedPacket& packet) { return packet.at_most; }) ||
         (!explanation.answer.empty() && is_at_most(explanation.answer.front()));
}

class Observer {
 public:
  explicit Observer(Gateway& gateway) : gateway_(gateway), explainer_(made(gateway)) {}

  Explanation explain(const Bytes& packet, uint16_t port) {
    const auto explained = explainer_->explain(packet, {.port = port});
    BOOST_REQUIRE_MESSAGE(explained.has_value(), (explained ? "" : explained.error().text()));
    return *explained;
  }

  // As a port hands it over: what is larger than a buffer comes in a chain of them.
  void receive(const Bytes& packet, uint16_t port) {
    const Bytes bytes = gateway_.frame(port, packet);
    const size_t room = rte_pktmbuf_data_room_size(gateway_.parts().buffers()) - RTE_PKTMBUF_HEADROOM;
    rte_mbuf* frame =
        gateway_.buffer(Bytes(bytes.begin(), bytes.begin() + static_cast<long>(std::min(room, bytes.size()))));
    for (size_t at = room; at < bytes.size(); at += room) {
      const auto from = bytes.begin() + static_cast<long>(at);
      rte_pktmbuf_chain(frame,
                        gateway_.buffer(Bytes(from, from + static_cast<long>(std::min(room, bytes.size() - at)))));
    }
    gateway_.worker().process(port, &frame, 1);
  }

  // What a packet comes to, by the worker's counters and the ports. Frames stay in frames().
  Outcome outcome(const Bytes& packet, uint16_t port) {
    const PacketCounters& counters = gateway_.worker().counters();
    std::array<uint64_t, kDropReasonCount> dropped;
    for (size_t i = 0; i < kDropReasonCount; ++i) dropped[i] = counters.dropped[i].value();
    const uint64_t delivered = counters.delivered.value(), punted = counters.punted.value();
    receive(packet, port);
    Outcome outcome;
    for (size_t i = 0; i < kDropReasonCount; ++i) {
      const auto now = static_cast<unsigned>(counters.dropped[i].value() - dropped[i]);
      if (now != 0) outcome.dropped[std::string(drop_reason_name(static_cast<DropReason>(i)))] = now;
    }
    outcome.delivered = static_cast<unsigned>(counters.delivered.value() - delivered);
    outcome.punted = static_cast<unsigned>(counters.punted.value() - punted);
    for (const uint16_t out : {kLan, kWan}) {
      frames[out] = gateway_.frames(out);
      for (const Bytes& frame : frames[out]) {
        outcome.sent[gateway_.parts().ports()[out].name()].push_back(frame.size() - sizeof(EthernetHeader));
      }
    }
    // What waits for a next hop is given up.
    for (unsigned i = 0; outcome.punted > 0 && i < 20; ++i) gateway_.poll_control(now_ns_ += 1'000'000'000);
    for (const uint16_t out : {kLan, kWan}) gateway_.frames(out);
    return outcome;
  }

  // Everything that explaining must leave alone.
  std::vector<uint64_t> trace() {
    std::vector<uint64_t> trace;
    for (const PacketCounters* counters : gateway_.all_counters()) {
      for (const Counter* counter : {&counters->received, &counters->originated, &counters->sent, &counters->delivered,
                                     &counters->punted, &counters->encapsulated, &counters->forwarded_plain}) {
        trace.push_back(counter->value());
      }
      for (const Counter& counter : counters->dropped) trace.push_back(counter.value());
    }
    SaTables& sas = gateway_.parts().sas();
    for (Slot slot = 0; slot < sas.sas().slot_count(); ++slot) {
      const SaEntry* entry = sas.sas().newest(slot);
      if (entry == nullptr || entry->sa == nullptr) continue;
      for (const uint64_t value : {entry->sa->sequence.sent(), entry->sa->counters.packets.load(),
                                   entry->sa->counters.last_used_tsc.load(), uint64_t{entry->sa->identification}}) {
        trace.push_back(value);
      }
    }
    for (Slot slot = 0; slot < sas.eroutes().slot_count(); ++slot) trace.push_back(sas.eroutes().packets(slot));
    trace.push_back(rte_mempool_in_use_count(gateway_.parts().buffers()));
    trace.push_back(gateway_.parts().versions().published());
    return trace;
  }

  std::array<Packets, 2> frames;

 private:
  static std::unique_ptr<Explainer> made(Gateway& gateway) {
    auto explainer =
        Explainer::create(gateway.parts().network(), {gateway.parts().buffers(), gateway.parts().large_buffers()});
    BOOST_REQUIRE_MESSAGE(explainer.has_value(), (explainer ? "" : explainer.error().text()));
    return std::move(*explainer);
  }

  Gateway& gateway_;
  std::unique_ptr<Explainer> explainer_;
  uint64_t now_ns_ = 1'000'000'000;
};

size_t sum(const std::vector<size_t>& sizes) {
  size_t sum = 0;
  for (const size_t size : sizes) sum += size;
  return sum;
}

// A compressing group sends less, perhaps in fewer fragments, and what was too large may fit.
bool is_within(Outcome happened, const Outcome& said) {
  for (const auto& [port, sizes] : happened.sent) {
    const auto most = said.sent.find(port);
    const bool was_dropped = !said.dropped.empty() && happened.dropped.size() < said.dropped.size();
    if (most == said.sent.end() ? !was_dropped : sizes.size() > most->second.size() || sum(sizes) > sum(most->second)) {
      return false;
    }
  }
  for (const auto& [reason, count] : happened.dropped) {
    const auto there = said.dropped.find(reason);
    if (there == said.dropped.end() || there->second != count) return false;
  }
  return happened.punted <= said.punted && happened.delivered == said.delivered;
}

// The ICMP error that left in the clear says what was foretold. True if there is one to look at.
bool check_icmp(const Explanation& explanation, const std::array<Packets, 2>& frames) {
  if (!explanation.icmp || explanation.answer.front().fate != "sent" || !explanation.answer.front().group.empty()) {
    return false;
  }
  const Explanation& answer = explanation.answer.front();
  if (answer.packets.front().sent_bytes.size() != 1) return false;
  const Packets& out = frames[answer.next_hop->port == "lan" ? kLan : kWan];
  BOOST_REQUIRE(!out.empty());
  const Bytes& frame = out.back();
  const size_t icmp = sizeof(EthernetHeader) + (frame[14] >> 4 == 4 ? 20 : 40);
  BOOST_TEST(frame[icmp] == explanation.icmp->type);
  BOOST_TEST(frame[icmp + 1] == explanation.icmp->code);
  const uint32_t rest =
      static_cast<uint32_t>(frame[icmp + 4] << 24 | frame[icmp + 5] << 16 | frame[icmp + 6] << 8 | frame[icmp + 7]);
  BOOST_TEST(rest == explanation.icmp->mtu_bytes);
  BOOST_TEST(std::equal(frame.begin(), frame.begin() + 6, answer.next_hop->mac->begin()));
  return true;
}

struct Tally {
  unsigned fragmented = 0, transformed = 0, icmp = 0;
  std::map<std::string, unsigned> ends;
};

void check_packet(Observer& observer, const Bytes& packet, uint16_t port, const Explanation& explanation,
                  Tally& tally) {
  ++tally.ends[explanation.fate == "dropped" ? explanation.reason : explanation.fate];
  if (explanation.fate == "unwrapped") {
    observer.outcome(packet, port);
    return;
  }
  const Outcome said = outcome_of(explanation);
  Outcome happened = observer.outcome(packet, port);
  // The one before it of its flow.
  if (said.punted > 0) happened.dropped.erase("eroute_hold");
  if (happened.dropped.erase("icmp_limited") != 0) return;
  BOOST_TEST_CONTEXT(
      "received on port "
      << port << ", " << packet.size() << " bytes, first "
      << nlohmann::json(Bytes(packet.begin(), packet.begin() + static_cast<long>(std::min<size_t>(packet.size(), 60))))
             .dump()
      << "\n"
      << to_json(explanation).dump(1) << "\nsaid " << said.text() << "\nhappened " << happened.text()) {
    BOOST_TEST((is_at_most(explanation) ? is_within(happened, said) : happened == said));
    tally.icmp += check_icmp(explanation, observer.frames);
  }
  for (const ExplainedPacket& one : explanation.packets) {
    tally.fragmented += one.sent_bytes.size() > 1 || explanation.packets.size() > 1;
    tally.transformed += !one.steps.empty();
  }
}

void check_configuration(unsigned seed, Tally& tally) {
  static const std::vector<uint16_t> kMtus{576, 1280, 1400, 1500, 1500};
  Random random(seed);
  GatewayPlan plan = kNear;
  plan.wan_mtu_bytes = random.of(kMtus);
  RandomGateway set_up(random, plan);
  Observer observer(set_up.gateway);
  std::vector<std::pair<uint16_t, Bytes>> packets;
  for (unsigned i = 0; i < kPacketsOfEach; ++i) {
    packets.emplace_back(random.once_in(6) ? kWan : kLan, random_packet(random));
  }
  const std::vector<uint64_t> before = observer.trace();
  for (const auto& [port, packet] : packets) observer.explain(packet, port);
  BOOST_TEST((observer.trace() == before));
  for (size_t i = 0; i < packets.size(); ++i) {
    BOOST_TEST_CONTEXT("seed " << seed << ", packet " << i) {
      const auto& [port, packet] = packets[i];
      check_packet(observer, packet, port, observer.explain(packet, port), tally);
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(explain)

BOOST_AUTO_TEST_CASE(what_is_foretold_is_what_happens) {
  Tally tally;
  for (unsigned seed = 1; seed <= kConfigurations; ++seed) check_configuration(seed, tally);
  for (const auto& [end, count] : tally.ends) BOOST_TEST_MESSAGE(end << ": " << count);
  BOOST_TEST_MESSAGE("fragmented " << tally.fragmented << ", transformed " << tally.transformed << ", ICMP "
                                   << tally.icmp);
  // Chance has looked into every corner.
  for (const char* end :
       {"sent",        "waits",           "delivered",       "no_route",    "blackhole_route",    "martian_address",
        "ttl_expired", "too_big",         "no_eroute",       "eroute_drop", "eroute_reject",      "held",
        "trapped",     "group_dissolved", "bypasses_eroute", "unprotected", "interface_detached", "tunnel_mismatch",
        "fragment",    "local_unhandled", "sa_expired"}) {
    BOOST_TEST(tally.ends[end] > 0u, "no packet ended as " << end);
  }
  BOOST_TEST(tally.fragmented > 50u);
  BOOST_TEST(tally.transformed > 200u);
  BOOST_TEST(tally.icmp > 30u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp::test
