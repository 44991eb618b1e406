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
constexpr std::string_view kNearWan = "192.0.2.1", kFarWan = "192.0.2.2";

// How a gateway stands in the network.
struct Plan {
  std::string_view name, lan, wan, lan_mac, wan_mac;
  std::string_view lan_host, lan_host_mac;  // where packets for the LAN side go
  std::string_view peer, peer_mac;
};
constexpr Plan kPlans[] = {{"near", "10.1.0.1/24", "192.0.2.1/24", "02:00:00:00:01:01", "02:00:00:00:01:02", "10.1.0.2",
                            "02:00:00:00:09:01", kFarWan, "02:00:00:00:02:02"},
                           {"far", "10.9.0.1/24", "192.0.2.2/24", "02:00:00:00:02:01", "02:00:00:00:02:02", "10.9.0.2",
                            "02:00:00:00:09:02", kNearWan, "02:00:00:00:01:02"}};

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

Options options_of(const Plan& plan) {
  Options options;
  options.memory.packet_buffers = 4096;
  for (const bool is_lan : {true, false}) {
    PortOptions port;
    port.name = is_lan ? "lan" : "wan";
    port.device = "net_ring_" + std::string(plan.name) + "_" + port.name;
    port.mac = is_lan ? plan.lan_mac : plan.wan_mac;
    port.mtu_bytes = 1600;  // the largest inner packet with all that goes around it
    port.addresses.push_back(prefix(is_lan ? plan.lan : plan.wan));
    options.ports.push_back(std::move(port));
  }
  return options;
}

Place other(Place place) {
  return place == Place::kNear ? Place::kFar : Place::kNear;
}

SaSpec spec_of(const PacketCase& packet_case, SaProtocol protocol, Place towards, size_t number) {
  SaSpec spec;
  spec.id = sa_id(protocol, towards, number);
  spec.source = address(towards == Place::kFar ? kNearWan : kFarWan);
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

}  // namespace

std::vector<SaProtocol> members_of(Group group) {
  if (group == Group::kTunEsp) return {SaProtocol::kTunnel, SaProtocol::kEsp};
  return {SaProtocol::kTunnel, SaProtocol::kEsp, SaProtocol::kAh};
}

IpAddress flow_destination(uint8_t network, size_t flow) noexcept {
  return IpAddress::ipv4(10u << 24 | uint32_t{network} << 16 | static_cast<uint32_t>(flow + 1));
}

SaId sa_id(SaProtocol protocol, Place towards, size_t number) noexcept {
  return {protocol, kFirstSpi + static_cast<uint32_t>(number), address(towards == Place::kFar ? kFarWan : kNearWan)};
}

Expected<std::unique_ptr<Gateway>> Gateway::create(Place place) {
  auto parts = EngineParts::create(options_of(plan_of(place)));
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
  if (place_ == Place::kNear) {
    routes = {{prefix("10.2.0.0/16"), address(plan.peer), "ipsec0"},
              {prefix("10.3.0.0/16"), address(plan.peer), "wan"},
              {prefix("10.4.0.0/16"), address(plan.peer), "ipsec0"}};
  } else {
    routes = {{prefix("10.2.0.0/16"), address(plan.lan_host), "lan"},
              {prefix("10.1.0.0/24"), address(plan.peer), "ipsec0"}};
  }
  Expected<void> done = edit.create_interface("ipsec0");
  if (done) done = edit.attach_interface("ipsec0", "wan");
  for (const RouteSpec& route : routes) {
    if (done) done = edit.add_route(route);
  }
  if (done) done = edit.set_neighbour({address(plan.lan_host), "lan", parse_mac_address(plan.lan_host_mac).value()});
  if (done) done = edit.set_neighbour({address(plan.peer), "wan", parse_mac_address(plan.peer_mac).value()});
  if (!done) return done;
  edit.link();
  publish();
  return {};
}

void Gateway::publish() {
  parts_->versions().publish();
  parts_->versions().reclaim();
}

Expected<void> Gateway::set_groups(const PacketCase& packet_case) {
  {
    SaEdit edit(parts_->sas(), parts_->versions());
    edit.clear_eroutes();
    edit.clear_sas();
    edit.link();
    publish();
  }
  if (auto added = add_sas(packet_case); !added) return added;
  return add_groups_and_eroutes(packet_case);
}

Expected<void> Gateway::add_sas(const PacketCase& packet_case) {
  SaEdit edit(parts_->sas(), parts_->versions());
  for (size_t number = 0; number < packet_case.sas; ++number) {
    for (const SaProtocol protocol : members_of(packet_case.group)) {
      for (const Place towards : {Place::kNear, Place::kFar}) {
        if (auto added = edit.add_sa(spec_of(packet_case, protocol, towards, number)); !added) return added;
      }
    }
  }
  edit.link();
  publish();
  return {};
}

Expected<void> Gateway::add_groups_and_eroutes(const PacketCase& packet_case) {
  SaEdit edit(parts_->sas(), parts_->versions());
  const IpPrefix here = prefix("10.1.0.0/24");
  for (size_t number = 0; number < packet_case.sas; ++number) {
    for (const Place towards : {Place::kNear, Place::kFar}) {
      std::vector<SaId> members;
      for (const SaProtocol protocol : members_of(packet_case.group))
        members.push_back(sa_id(protocol, towards, number));
      if (auto grouped = edit.group(members); !grouped) return grouped;
    }
    const IpPrefix there{flow_destination(kProtectedNetwork, number), 32};
    const Selector selector =
        place_ == Place::kNear ? Selector{.source = here, .destination = there} : Selector{there, here};
    const SaId target = sa_id(SaProtocol::kTunnel, other(place_), number);
    if (auto set = edit.set_eroute(selector, target, ErouteMode::kAdd); !set) return set;
  }
  const Selector passing{.source = here, .destination = prefix("10.4.0.0/16")};
  if (auto set = edit.set_eroute(passing, MagicTarget::kPass, ErouteMode::kAdd); !set) return set;
  edit.link();
  publish();
  return {};
}

size_t Gateway::take_sent(uint16_t port, std::span<rte_mbuf*> room) noexcept {
  const uint16_t device = parts_->ports()[port].device_id();
  size_t count = 0;
  while (count < room.size()) {
    // A ring device receives what was sent by it.
    const uint16_t taken = rte_eth_rx_burst(device, 0, room.data() + count, static_cast<uint16_t>(room.size() - count));
    if (taken == 0) break;
    count += taken;
  }
  return count;
}

Sa* Gateway::sa(SaProtocol protocol, Place towards, size_t number) {
  const SaEntry* entry = parts_->sas().newest(sa_id(protocol, towards, number));
  return entry == nullptr ? nullptr : entry->sa;
}

Expected<void> Gateway::check_nothing_lost() const {
  const std::string name(plan_of(place_).name);
  const PacketCounters& counters = parts_->worker(0).counters();
  if (auto good = check_no_drops(name, counters); !good) return good;
  if (counters.received.value() == counters.sent.value()) return {};
  return failure(name, std::to_string(counters.received.value()) + " packets received, " +
                           std::to_string(counters.sent.value()) + " sent");
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
