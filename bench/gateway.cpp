// See gateway.h.
#include "gateway.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "library.h"
#include "route/route_edit.h"
#include "sa/sa_edit.h"

namespace spigrp::bench {
namespace {

constexpr uint32_t kFirstSpi = 0x1000;
constexpr std::array<std::string_view, 2> kNearWan = {"192.0.2.1", "2001:db8::1"},
                                          kFarWan = {"192.0.2.2", "2001:db8::2"};

// How a gateway stands in the network.
struct Plan {
  std::string_view name;
  std::array<std::string_view, 2> lan, wan;  // IPv4, IPv6; all below too
  std::string_view lan_mac, wan_mac;
  std::array<std::string_view, 2> lan_host;  // where packets for the LAN side go
  std::string_view lan_host_mac;
  std::array<std::string_view, 2> peer;
  std::string_view peer_mac;
};
constexpr Plan kPlans[] = {{"near",
                            {"10.1.0.1/24", "fd01::1/64"},
                            {"192.0.2.1/24", "2001:db8::1/64"},
                            "02:00:00:00:01:01",
                            "02:00:00:00:01:02",
                            {"10.1.0.2", "fd01::2"},
                            "02:00:00:00:09:01",
                            kFarWan,
                            "02:00:00:00:02:02"},
                           {"far",
                            {"10.9.0.1/24", "fd09::1/64"},
                            {"192.0.2.2/24", "2001:db8::2/64"},
                            "02:00:00:00:02:01",
                            "02:00:00:00:02:02",
                            {"10.9.0.2", "fd09::2"},
                            "02:00:00:00:09:02",
                            kNearWan,
                            "02:00:00:00:01:02"}};
constexpr std::array<std::string_view, 2> kHere = {"10.1.0.0/24", "fd01::/64"};  // the flows' sources
constexpr std::array<std::string_view, 2> kSource = {"10.1.0.2", "fd01::2"};

size_t index_of(Family family) noexcept {
  return family == Family::kIpv4 ? 0 : 1;
}

const Plan& plan_of(Place place) {
  return kPlans[static_cast<size_t>(place)];
}

// Of constants only, which can be parsed.
IpAddress address(std::string_view text) {
  return parse_ip_address(text).value();
}
IpPrefix prefix(std::string_view text) {
  return parse_ip_prefix(text, HostBits::kAllowed).value();
}

Options options_of(const Plan& plan, const GatewaySizes& sizes) {
  Options options;
  options.memory.packet_buffers = 4096u * sizes.workers;
  options.tables = sizes.tables;
  options.workers.count = sizes.workers;
  for (const bool is_lan : {true, false}) {
    PortOptions port;
    port.name = is_lan ? "lan" : "wan";
    port.device = "net_ring_" + std::string(plan.name.substr(0, 1)) + sizes.tag + "_" + port.name;  // short: DPDK cuts
    port.mac = is_lan ? plan.lan_mac : plan.wan_mac;
    port.mtu_bytes = 1600;  // the largest inner packet with all that goes around it
    for (const std::string_view own : is_lan ? plan.lan : plan.wan) port.addresses.push_back(prefix(own));
    options.ports.push_back(std::move(port));
  }
  return options;
}

Place other(Place place) {
  return place == Place::kNear ? Place::kFar : Place::kNear;
}

SaSpec spec_of(const PacketCase& packet_case, SaProtocol protocol, Place towards, size_t number) {
  SaSpec spec;
  spec.id = sa_id(protocol, towards, packet_case.family, number);
  spec.source = address((towards == Place::kFar ? kNearWan : kFarWan)[index_of(packet_case.family)]);
  if (protocol == SaProtocol::kTunnel) spec.tunnel_destination = spec.id.destination;
  if (protocol == SaProtocol::kEsp) {
    spec.algorithm = esp_algorithm(packet_case.suite);
    const auto aes = aes_key(number);
    std::vector<uint8_t> key(aes.begin(), aes.end());
    if (packet_case.suite == Suite::kGcm) {
      key.resize(key.size() + 4);  // the salt
    } else {
      spec.authentication_key = Key(hmac_key(number, HmacOf::kEsp));
    }
    spec.encryption_key = Key(key);
  }
  if (protocol == SaProtocol::kAh) {
    spec.algorithm = kAhAlgorithm;
    spec.authentication_key = Key(hmac_key(number, HmacOf::kAh));
  }
  return spec;
}

// One of the flow's destination and its only source, naming more or less of it.
Selector selector_of(Place place, Family family, size_t flow, size_t shape) {
  constexpr size_t kFieldKinds = 5;  // none, protocol, and with it one port, the other, both
  const size_t fields = shape % kFieldKinds, longer = shape / kFieldKinds;
  const IpPrefix here = prefix(kHere[index_of(family)]);
  const IpAddress source = address(kSource[index_of(family)]);
  const IpAddress destination = flow_destination(FlowNetwork::kProtected, family, flow);
  Selector selector{.source = IpPrefix{source, static_cast<uint8_t>(here.bits + longer)}.masked(),
                    .destination = {destination, destination.max_bits()}};
  if (fields > 0) selector.protocol = kProtocolUdp;
  if (fields == 2 || fields == 4) selector.source_port = kSourcePort;
  if (fields >= 3) selector.destination_port = kDestinationPort;
  if (place == Place::kNear) return selector;
  std::swap(selector.source, selector.destination);
  std::swap(selector.source_port, selector.destination_port);
  return selector;
}

}  // namespace

std::vector<SaProtocol> members_of(Group group) {
  if (group == Group::kTunEsp) return {SaProtocol::kTunnel, SaProtocol::kEsp};
  return {SaProtocol::kTunnel, SaProtocol::kEsp, SaProtocol::kAh};
}

IpAddress flow_destination(FlowNetwork network, Family family, size_t flow) noexcept {
  const auto number = static_cast<uint32_t>(flow + 1);
  if (family == Family::kIpv4)
    return IpAddress::ipv4(10u << 24 | uint32_t{static_cast<uint8_t>(network)} << 16 | number);
  IpAddress destination{Family::kIpv6, {0xfd, 0x02, static_cast<uint8_t>(network)}};
  for (size_t byte = 0; byte < 4; ++byte) destination.bytes[15 - byte] = static_cast<uint8_t>(number >> 8 * byte);
  return destination;
}

SaId sa_id(SaProtocol protocol, Place towards, Family family, size_t number) noexcept {
  return {protocol, kFirstSpi + static_cast<uint32_t>(number),
          address((towards == Place::kFar ? kFarWan : kNearWan)[index_of(family)])};
}

Expected<std::unique_ptr<Gateway>> Gateway::create(Place place, const GatewaySizes& sizes) {
  auto parts = EngineParts::create(options_of(plan_of(place), sizes));
  if (!parts) return tl::unexpected(parts.error());
  std::unique_ptr<Gateway> gateway(new Gateway(place, std::move(*parts)));
  if (const auto started = gateway->start(); !started) return tl::unexpected(started.error());
  return gateway;
}

Expected<void> Gateway::start() {
  for (Port& port : parts_->ports()) {
    if (auto started = port.start(); !started) return started;
  }
  if (auto added = add_routes(); !added) return added;
  parts_->control_plane().poll(0);
  return {};
}

Expected<void> Gateway::add_routes() {
  const Plan& plan = plan_of(place_);
  RouteEdit edit(parts_->routes(), parts_->versions());
  std::vector<RouteSpec> routes;
  const std::array<std::string_view, 2> protected_net = {"10.128.0.0/9", "fd02:8000::/24"};
  for (const size_t family : {0u, 1u}) {
    const IpAddress peer = address(plan.peer[family]);
    if (place_ == Place::kNear) {
      routes.push_back({prefix(protected_net[family]), peer, "ipsec0"});
    } else {
      routes.push_back({prefix(protected_net[family]), address(plan.lan_host[family]), "lan"});
      routes.push_back({prefix(kHere[family]), peer, "ipsec0"});
    }
  }
  if (place_ == Place::kNear) {
    routes.push_back({prefix("10.3.0.0/16"), address(plan.peer[0]), "wan"});
    routes.push_back({prefix("10.4.0.0/16"), address(plan.peer[0]), "ipsec0"});
  }
  Expected<void> done = edit.create_interface("ipsec0");
  if (done) done = edit.attach_interface("ipsec0", "wan");
  for (const RouteSpec& route : routes) {
    if (done) done = edit.add_route(route);
  }
  for (const size_t family : {0u, 1u}) {
    const MacAddress host = parse_mac_address(plan.lan_host_mac).value(),
                     peer = parse_mac_address(plan.peer_mac).value();
    if (done) done = edit.set_neighbour({address(plan.lan_host[family]), "lan", host});
    if (done) done = edit.set_neighbour({address(plan.peer[family]), "wan", peer});
  }
  if (!done) return done;
  edit.link();
  publish();
  return {};
}

void Gateway::publish() {
  parts_->versions().publish();
  parts_->versions().reclaim();
}

Expected<void> Gateway::set_tables(const TableContent& content) {
  {
    SaEdit edit(parts_->sas(), parts_->versions());
    edit.clear_eroutes();
    edit.clear_sas();
    edit.link();
    publish();
  }
  if (auto added = add_sas(content); !added) return added;
  if (auto added = add_groups(content.packet_case); !added) return added;
  return add_eroutes(content);
}

Expected<void> Gateway::add_sas(const TableContent& content) {
  SaEdit edit(parts_->sas(), parts_->versions());
  PacketCase of_sa = content.packet_case;
  for (size_t number = 0; number < content.packet_case.sas; ++number) {
    if (content.mixed) of_sa.suite = number % 2 == 0 ? Suite::kGcm : Suite::kCbcSha;
    for (const SaProtocol protocol : members_of(of_sa.group)) {
      for (const Place towards : {Place::kNear, Place::kFar}) {
        SaSpec spec = spec_of(of_sa, protocol, towards, number);
        if (is_numbered(spec.id)) spec.replay_window = content.window;
        if (auto added = edit.add_sa(spec); !added) return added;
      }
    }
  }
  edit.link();
  publish();
  return {};
}

Expected<void> Gateway::add_groups(const PacketCase& packet_case) {
  SaEdit edit(parts_->sas(), parts_->versions());
  for (size_t number = 0; number < packet_case.sas; ++number) {
    for (const Place towards : {Place::kNear, Place::kFar}) {
      std::vector<SaId> members;
      for (const SaProtocol protocol : members_of(packet_case.group)) {
        members.push_back(sa_id(protocol, towards, packet_case.family, number));
      }
      if (auto grouped = edit.group(members); !grouped) return grouped;
    }
  }
  edit.link();
  publish();
  return {};
}

Expected<void> Gateway::add_eroutes(const TableContent& content) {
  SaEdit edit(parts_->sas(), parts_->versions());
  const Family family = content.packet_case.family;
  for (size_t flow = 0; flow < content.flow_count(); ++flow) {
    const Selector selector = selector_of(place_, family, flow, flow % content.shapes);
    const SaId target = sa_id(SaProtocol::kTunnel, other(place_), family, flow % content.packet_case.sas);
    if (auto set = edit.set_eroute(selector, target, ErouteMode::kAdd); !set) return set;
  }
  const Selector passing{.source = prefix(kHere[0]), .destination = prefix("10.4.0.0/16")};
  if (auto set = edit.set_eroute(passing, MagicTarget::kPass, ErouteMode::kAdd); !set) return set;
  edit.link();
  publish();
  return {};
}

size_t Gateway::take_sent(uint16_t port, std::span<rte_mbuf*> room, uint16_t worker) noexcept {
  const uint16_t device = parts_->ports()[port].device_id();
  const uint16_t queue = parts_->ports()[port].share(worker).transmit;
  size_t count = 0;
  while (count < room.size()) {
    // A ring device receives what was sent by it.
    const uint16_t taken =
        rte_eth_rx_burst(device, queue, room.data() + count, static_cast<uint16_t>(room.size() - count));
    if (taken == 0) break;
    count += taken;
  }
  return count;
}

Sa* Gateway::sa(SaProtocol protocol, Place towards, size_t number) {
  const SaEntry* entry = parts_->sas().newest(sa_id(protocol, towards, Family::kIpv4, number));
  return entry == nullptr ? nullptr : entry->sa;
}

Expected<void> Gateway::check_nothing_lost() const {
  const std::string name(plan_of(place_).name);
  for (const auto& worker : parts_->workers()) {
    const PacketCounters& counters = worker->counters();
    if (auto good = check_no_drops(name, counters); !good) return good;
    if (counters.received.value() == counters.sent.value()) continue;
    return failure(name, std::to_string(counters.received.value()) + " packets received, " +
                             std::to_string(counters.sent.value()) + " sent");
  }
  return {};
}

Expected<void> check_no_drops(const std::string& who, const PacketCounters& counters) {
  std::string reasons;
  for (size_t reason = 0; reason < kDropReasonCount; ++reason) {
    const uint64_t packets = counters.dropped[reason].value();
    if (packets == 0) continue;
    reasons += " " + std::string(drop_reason_name(static_cast<DropReason>(reason))) + " " + std::to_string(packets);
  }
  if (reasons.empty()) return {};
  return failure(who, "packets were dropped:" + reasons);
}

}  // namespace spigrp::bench
