// See gateway.h.
#include "gateway.h"

#include <algorithm>
#include <tuple>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "route/route_edit.h"
#include "sa/sa_edit.h"

namespace spigrp::fuzz {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr unsigned kHolds = 1;  // eroutes that keep a packet for good

IpPrefix prefix(std::string_view text) {
  return must(parse_ip_prefix(text, HostBits::kAllowed));
}

IpAddress address(std::string_view text) {
  return must(parse_ip_address(text));
}

SaSpec spec_of(std::string_view id, std::string_view source) {
  SaSpec spec;
  spec.id = must(parse_sa_id(id));
  spec.source = address(source);
  switch (spec.id.protocol) {
    case SaProtocol::kTunnel:
      spec.tunnel_destination = spec.id.destination;
      break;
    case SaProtocol::kComp:
      spec.algorithm = kCompressionAlgorithm;
      break;
    case SaProtocol::kEsp:
      spec.algorithm = "aes128gcm16";
      spec.encryption_key = Key(std::vector<uint8_t>(20, 1));
      break;
    case SaProtocol::kAh:
      spec.algorithm = "hmac-sha1-96";
      spec.authentication_key = Key(std::vector<uint8_t>(20, 1));
      break;
  }
  return spec;
}

std::vector<SaId> add_group(SaEdit& sas, const std::vector<std::string>& group, std::string_view source) {
  std::vector<SaId> ids;
  for (const std::string& id : group) {
    must(sas.add_sa(spec_of(id, source)));
    ids.push_back(must(parse_sa_id(id)));
  }
  if (ids.size() > 1) must(sas.group(ids));
  return ids;
}

Options options_of_two_ports() {
  Options options;
  options.memory.packet_buffers = 4096;
  options.tables = {.sas = 256, .eroutes = 256, .neighbours = 256, .routes = 256, .flow_cache_entries = 256};
  for (const auto& [name, ipv4, ipv6] :
       {std::tuple("lan", "10.1.0.1/24", "fd00:1::1/64"), {"wan", "192.0.2.1/24", "2001:db8::1/64"}}) {
    PortOptions port;
    port.name = name;
    port.device = "net_null_" + port.name;
    port.mac = port.name == "lan" ? "02:00:00:00:00:01" : "02:00:00:00:00:02";
    port.addresses = {prefix(ipv4), prefix(ipv6)};
    options.ports.push_back(port);
  }
  return options;
}

}  // namespace

void start_eal() {
  std::vector<std::string> words{"fuzz", "--no-huge", "--no-shconf",       "--no-pci",      "-m",
                                 "512",  "-l0",       "--log-level=error", "--no-telemetry"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0) abort();
}

Gateway::Gateway() : parts_(must(EngineParts::create(options_of_two_ports()))) {
  for (Port& port : parts_->ports()) must(port.start());
  make_routes();
  make_groups_in();
  make_groups_out();
  in_use_ = rte_mempool_in_use_count(parts_->buffers());
}

void Gateway::make_routes() {
  RouteEdit routes(parts_->routes(), parts_->versions());
  must(routes.create_interface("ipsec0"));
  must(routes.attach_interface("ipsec0", "wan"));
  must(routes.add_route({prefix("10.2.0.0/16"), address("192.0.2.2"), "ipsec0"}));
  must(routes.add_route({prefix("fd00:2::/32"), address("2001:db8::2"), "ipsec0"}));
  must(routes.set_neighbour({address("192.0.2.2"), "wan", kPeerMac}));
  must(routes.set_neighbour({address("2001:db8::2"), "wan", kPeerMac}));
  must(routes.set_neighbour({address("10.1.0.2"), "lan", kHostMac}));
  must(routes.set_neighbour({address("fd00:1::2"), "lan", kHostMac}));
  routes.link();
  parts_->versions().publish();
}

void Gateway::make_groups_in() {
  SaEdit sas(parts_->sas(), parts_->versions());
  const std::vector<std::vector<std::string>> groups = {{"tun.101@192.0.2.1", "esp.102@192.0.2.1"},
                                                        {"tun.111@192.0.2.1", "comp.112@192.0.2.1", "ah.113@192.0.2.1"},
                                                        {"esp.121@192.0.2.1"},
                                                        {"tun.131@192.0.2.1", "ah.132@192.0.2.1", "esp.133@192.0.2.1"}};
  for (const auto& group : groups) {
    add_group(sas, group, "192.0.2.2");
    outer_.push_back(must(Sa::create(spec_of(group.back(), "192.0.2.2"))));
  }
  sas.link();
  parts_->versions().publish();
}

void Gateway::make_groups_out() {
  SaEdit sas(parts_->sas(), parts_->versions());
  const Selector whole{prefix("10.1.0.0/24"), prefix("10.2.0.0/24")};
  const Selector whole6{prefix("fd00:1::/64"), prefix("fd00:2::/64")};
  must(sas.set_eroute(whole, add_group(sas, {"tun.201@192.0.2.2", "esp.202@192.0.2.2"}, "192.0.2.1").front(),
                      ErouteMode::kAdd));
  const auto group6 =
      add_group(sas, {"tun:211@2001:db8::2", "comp:212@2001:db8::2", "ah:213@2001:db8::2"}, "2001:db8::1");
  must(sas.set_eroute(whole6, group6.front(), ErouteMode::kAdd));
  for (const auto& [destination, target] : {std::pair("10.2.1.0/24", MagicTarget::kPass),
                                            {"10.2.2.0/24", MagicTarget::kReject},
                                            {"10.2.3.0/24", MagicTarget::kTrap},
                                            {"10.2.4.0/24", MagicTarget::kHold}}) {
    must(sas.set_eroute({whole.source, prefix(destination)}, target, ErouteMode::kAdd));
  }
  sas.link();
  parts_->versions().publish();
}

rte_mbuf* Gateway::buffer_with(const uint8_t* data, size_t size) {
  rte_mbuf* buffer = rte_pktmbuf_alloc(parts_->buffers());
  if (buffer == nullptr) abort();
  const auto bytes = static_cast<uint16_t>(std::min<size_t>(size, rte_pktmbuf_tailroom(buffer)));
  std::copy_n(data, bytes, rte_pktmbuf_append(buffer, bytes));
  return buffer;
}

void Gateway::receive(uint16_t port, rte_mbuf* frame) {
  frame->port = parts_->ports()[port].device_id();
  parts_->worker(0).process(port, &frame, 1);
}

void Gateway::settle() {
  parts_->control_plane().poll(now_ns_);
  parts_->versions().reclaim();
  parts_->events().poll(rte_rdtsc());
  parts_->events().take();
  while (parts_->worker(0).send_frames_of_others() + parts_->worker(0).resume_held() > 0) {
  }
  check_counters();
}

void Gateway::let_all_expire() {
  settle();
  parts_->worker(0).end();
  for (unsigned request = 0; request <= kMaxRequests; ++request) {
    now_ns_ += kRequestIntervalNs;
    settle();
  }
  now_ns_ += kTrapHoldNs;
  // What a hold had is released when nobody reaches it any more, and sent or dropped the next time.
  for (unsigned round = 0; round < 3; ++round, now_ns_ += kSecond) settle();
  if (rte_mempool_in_use_count(parts_->buffers()) > in_use_ + kHolds) abort();
}

void Gateway::check_counters() {
  const PacketCounters& counters = parts_->worker(0).counters();
  uint64_t out = counters.sent.value() + counters.delivered.value() + counters.punted.value() +
                 counters.joined.value() + counters.held.value();
  for (const Counter& dropped : counters.dropped) out += dropped.value();
  if (counters.received.value() + counters.originated.value() + counters.injected.value() != out) abort();
}

}  // namespace spigrp::fuzz
