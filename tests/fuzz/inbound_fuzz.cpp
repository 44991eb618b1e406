// Hostile packets all the way through a gateway: as they come from the wire, or inside of ESP or AH whose ICV is right,
// so that what only a peer with the keys can send is tried too. The first byte says which; whatever comes, every packet
// must end in exactly one counter (invariant 4) and every buffer back in the pool.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "engine/engine_parts.h"
#include "packet/buffer.h"
#include "route/route_edit.h"
#include "sa/sa_edit.h"

namespace spigrp {
namespace {

constexpr uint16_t kLan = 0, kWan = 1;
constexpr uint64_t kPollEvery = 64;  // packets

template <class T>
T must(Expected<T> expected) {
  if (expected) {
    if constexpr (!std::is_void_v<T>) return std::move(*expected);
    return T();
  }
  std::fprintf(stderr, "%s\n", expected.error().text().c_str());
  abort();
}

IpPrefix prefix(std::string_view text) {
  return must(parse_ip_prefix(text, HostBits::kAllowed));
}

SaSpec spec_of(std::string_view id, std::string_view source) {
  SaSpec spec;
  spec.id = must(parse_sa_id(id));
  spec.source = must(parse_ip_address(source));
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

class Target {
 public:
  Target() : parts_(must(EngineParts::create(options_of_two_ports()))) {
    for (Port& port : parts_->ports()) must(port.start());
    RouteEdit routes(parts_->routes(), parts_->versions());
    must(routes.create_interface("ipsec0"));
    must(routes.attach_interface("ipsec0", "wan"));
    must(routes.add_route({prefix("10.2.0.0/16"), must(parse_ip_address("192.0.2.2")), "ipsec0"}));
    must(routes.set_neighbour({must(parse_ip_address("192.0.2.2")), "wan", MacAddress{2, 0, 0, 0, 9, 2}}));
    must(routes.set_neighbour({must(parse_ip_address("10.1.0.2")), "lan", MacAddress{2, 0, 0, 0, 9, 1}}));
    routes.link();
    parts_->versions().publish();
    make_groups();
    in_use_ = rte_mempool_in_use_count(parts_->buffers());
  }

  void take(uint8_t way, const uint8_t* data, size_t size) {
    rte_mbuf* frame = way % 8 < outer_.size() ? protected_frame(*outer_[way % 8], way / 8, data, size)
                                              : frame_of(data, size, (way & 1) == 0 ? 0x0800 : 0x86dd);
    if (frame == nullptr) return;
    parts_->worker(0).process(kWan, &frame, 1);
    if (++packets_ % kPollEvery == 0) settle();
  }

 private:
  // Each outermost SA with what is inside of it, and the same SA once more, as its peer has it.
  void make_groups() {
    SaEdit sas(parts_->sas(), parts_->versions());
    const std::vector<std::vector<std::string>> groups = {
        {"tun.101@192.0.2.1", "esp.102@192.0.2.1"},
        {"tun.111@192.0.2.1", "comp.112@192.0.2.1", "ah.113@192.0.2.1"},
        {"esp.121@192.0.2.1"},
        {"tun.131@192.0.2.1", "ah.132@192.0.2.1", "esp.133@192.0.2.1"}};
    for (const auto& group : groups) {
      std::vector<SaId> ids;
      for (const std::string& id : group) {
        must(sas.add_sa(spec_of(id, "192.0.2.2")));
        ids.push_back(must(parse_sa_id(id)));
      }
      if (ids.size() > 1) must(sas.group(ids));
      outer_.push_back(must(Sa::create(spec_of(group.back(), "192.0.2.2"))));
    }
    must(sas.add_sa(spec_of("tun.201@192.0.2.2", "192.0.2.1")));
    must(sas.add_sa(spec_of("esp.202@192.0.2.2", "192.0.2.1")));
    must(sas.group(std::vector<SaId>{must(parse_sa_id("tun.201@192.0.2.2")), must(parse_sa_id("esp.202@192.0.2.2"))}));
    must(sas.set_eroute({prefix("10.1.0.0/24"), prefix("10.2.0.0/24")}, must(parse_sa_id("tun.201@192.0.2.2")),
                        ErouteMode::kAdd));
    sas.link();
    parts_->versions().publish();
  }

  // In front: an Ethernet header to the gateway.
  rte_mbuf* frame_of(const uint8_t* data, size_t size, uint16_t ether_type) {
    rte_mbuf* packet = rte_pktmbuf_alloc(parts_->buffers());
    if (packet == nullptr) abort();
    const size_t room = rte_pktmbuf_tailroom(packet) - sizeof(EthernetHeader);
    auto* ethernet = reinterpret_cast<EthernetHeader*>(rte_pktmbuf_append(packet, sizeof(EthernetHeader)));
    *ethernet = {parts_->ports()[kWan].mac(), {2, 0, 0, 0, 9, 2}, be16::from_host(ether_type)};
    const auto bytes = static_cast<uint16_t>(std::min(size, room));
    std::copy_n(data, bytes, rte_pktmbuf_append(packet, bytes));
    return packet;
  }

  // The data as what the SA protects, announced as this protocol.
  rte_mbuf* protected_frame(Sa& sa, uint8_t kind, const uint8_t* data, size_t size) {
    constexpr uint8_t kProtocols[] = {
        kProtocolIpip, kProtocolIpv6, kProtocolEsp, kProtocolAh, kProtocolIpcomp, kProtocolUdp, 0, 59};
    std::vector<uint8_t> bytes(sizeof(Ipv4Header));
    bytes.insert(bytes.end(), data, data + std::min<size_t>(size, 1400));
    auto& header = *reinterpret_cast<Ipv4Header*>(bytes.data());
    header.version_ihl = 0x45;
    header.total_length = be16::from_host(static_cast<uint16_t>(bytes.size()));
    header.ttl = 64;
    header.protocol = kProtocols[kind % std::size(kProtocols)];
    header.source = {192, 0, 2, 2};
    header.destination = {192, 0, 2, 1};
    header.checksum = ipv4_header_checksum(header);
    rte_mbuf* packet = frame_of(bytes.data(), bytes.size(), 0x0800);
    rte_pktmbuf_adj(packet, sizeof(EthernetHeader));
    Burst burst;
    rte_mbuf* writable = make_writable(packet, sa.overhead.head_bytes, sa.overhead.tail_bytes, parts_->buffers());
    burst.push({.packet = writable, .sa = &sa, .group = nullptr, .sequence = 0, .step = 0, .tag = 0});
    kTransforms[static_cast<size_t>(sa.id.protocol)].encap(peer_, burst);
    if (burst.empty()) return nullptr;
    rte_mbuf* made = burst.entries[0].packet;
    auto* ethernet = reinterpret_cast<EthernetHeader*>(rte_pktmbuf_prepend(made, sizeof(EthernetHeader)));
    *ethernet = {parts_->ports()[kWan].mac(), {2, 0, 0, 0, 9, 2}, be16::from_host(0x0800)};
    return made;
  }

  void settle() {
    parts_->control_plane().poll(packets_ * 1'000'000);
    parts_->versions().reclaim();
    parts_->events().poll(rte_rdtsc());
    parts_->events().take();
    parts_->worker(0).send_frames_of_others();
    const PacketCounters& counters = parts_->worker(0).counters();
    uint64_t out = counters.sent.value() + counters.delivered.value() + counters.punted.value() +
                   counters.joined.value() + counters.held.value();
    for (const Counter& dropped : counters.dropped) out += dropped.value();
    if (counters.received.value() + counters.originated.value() + counters.injected.value() != out) abort();
    // Some wait for a neighbour or for the rest of their packet; those are bounded.
    if (rte_mempool_in_use_count(parts_->buffers()) > in_use_ + 3000) abort();
  }

  std::unique_ptr<EngineParts> parts_;
  std::unique_ptr<CryptoEngine> crypto_ = must(CryptoEngine::create());
  Deflate deflate_;
  PacketCounters peer_counters_;
  WorkerContext peer_{.crypto = crypto_.get(),
                      .packet_buffers = parts_->buffers(),
                      .counters = &peer_counters_,
                      .now_tsc = 1,
                      .deflate = &deflate_};
  std::vector<std::unique_ptr<Sa>> outer_;
  unsigned in_use_ = 0;
  uint64_t packets_ = 0;
};

void start_eal() {
  std::vector<std::string> words{"fuzz", "--no-huge", "--no-shconf",       "--no-pci",      "-m",
                                 "512",  "-l0",       "--log-level=error", "--no-telemetry"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0) abort();
}

}  // namespace
}  // namespace spigrp

extern "C" int LLVMFuzzerInitialize(int* /*count*/, char*** /*words*/) {
  spigrp::start_eal();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto* target = new spigrp::Target;  // never ends: EAL ends with the process
  if (size > 0) target->take(data[0], data + 1, size - 1);
  return 0;
}
