// A whole gateway without threads and NICs: two ports that are DPDK ring devices, real tables, one or more workers
// that the test steps by hand. What a worker sends is read from the rings. When the test ends, every packet must be in
// exactly one counter and every buffer back in the pool.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "engine/engine_parts.h"
#include "route/route_edit.h"
#include "sa/sa_edit.h"
#include "support/packets.h"

namespace spigrp::test {

inline constexpr uint16_t kLan = 0, kWan = 1;

using Packets = std::vector<Bytes>;

inline IpAddress address(std::string_view text) {
  return parse_ip_address(text).value();
}

template <size_t N>
std::array<uint8_t, N> raw(std::string_view text) {
  const IpAddress parsed = address(text);
  std::array<uint8_t, N> bytes{};
  std::copy_n(parsed.bytes.begin(), N, bytes.begin());
  return bytes;
}

// An IP packet of either family.
struct Words {
  std::string_view source, destination;
  uint8_t ttl = 64;
  uint8_t protocol = kProtocolUdp;
};
inline Bytes ip_packet(const Words& words, const Bytes& payload) {
  if (words.source.find(':') == std::string_view::npos) {
    return ipv4_packet({.protocol = words.protocol,
                        .ttl = words.ttl,
                        .source = raw<4>(words.source),
                        .destination = raw<4>(words.destination)},
                       payload);
  }
  return ipv6_packet({.next_header = words.protocol,
                      .hop_limit = words.ttl,
                      .source = raw<16>(words.source),
                      .destination = raw<16>(words.destination)},
                     payload);
}
inline Bytes udp(std::string_view source, std::string_view destination, size_t payload_bytes = 32, uint8_t ttl = 64) {
  return ip_packet({source, destination, ttl}, udp_datagram(4000, 5000, counted_bytes(payload_bytes)));
}

// The same packet one hop further.
inline Bytes one_hop_on(Bytes packet) {
  if (packet[0] >> 4 == 4) {
    --packet[8];
    set_ipv4_checksum(packet);
  } else {
    --packet[7];
  }
  return packet;
}

inline Bytes two_hops_on(const Bytes& packet) {
  return one_hop_on(one_hop_on(packet));
}

inline Bytes with_df(Bytes packet) {
  packet[6] |= 0x40;
  set_ipv4_checksum(packet);
  return packet;
}

inline uint16_t icmpv6_sum(const Bytes& packet) {
  Bytes pseudo(packet.begin() + 8, packet.begin() + 40);
  Bytes message(packet.begin() + 40, packet.end());
  Bytes length(8);
  put16(length, 2, static_cast<unsigned>(message.size()));
  length[7] = kProtocolIcmpv6;
  return plain_checksum(pseudo + length + message);
}

inline Bytes icmp_packet(const Words& words, uint8_t type, uint8_t code, const Bytes& rest) {
  const bool is_ipv4 = words.source.find(':') == std::string_view::npos;
  Words with_protocol = words;
  with_protocol.protocol = is_ipv4 ? kProtocolIcmp : kProtocolIcmpv6;
  Bytes message = Bytes{type, code, 0, 0} + rest;
  if (is_ipv4) put16(message, 2, plain_checksum(message));
  Bytes packet = ip_packet(with_protocol, message);
  if (!is_ipv4) put16(packet, 42, icmpv6_sum(packet));
  return packet;
}

struct GatewayPlan {
  std::string_view lan, lan6, wan, wan6;       // own addresses with prefix
  std::string_view lan_host, lan_host6;        // static neighbours
  std::string_view far_gateway, far_gateway6;  // static neighbours too
  std::string_view far_network, far_network6;  // behind them, routed to ipsec0
  uint16_t wan_mtu_bytes = 1500;
  uint16_t lan_mtu_bytes = 1500;
};
inline constexpr GatewayPlan kNear{"10.1.0.1/24", "fd00:1::1/64", "192.0.2.1/24", "2001:db8::1/64", "10.1.0.2",
                                   "fd00:1::2",   "192.0.2.2",    "2001:db8::2",  "10.2.0.0/16",    "fd00:2::/32"};
inline constexpr GatewayPlan kFar{"10.2.0.1/24", "fd00:2::1/64", "192.0.2.2/24", "2001:db8::2/64", "10.2.0.2",
                                  "fd00:2::2",   "192.0.2.1",    "2001:db8::1",  "10.1.0.0/16",    "fd00:1::/32"};

inline constexpr MacAddress kHostMac{2, 0, 0, 0, 9, 1}, kPeerMac{2, 0, 0, 0, 9, 2};

class Gateway {
 public:
  explicit Gateway(const GatewayPlan& plan = kNear, uint16_t workers = 1) : parts_(make(plan, workers)) {
    for (Port& port : parts_->ports()) BOOST_REQUIRE(port.start().has_value());
    buffers_in_use_ = rte_mempool_in_use_count(parts_->buffers());
    edit_routes([&](RouteEdit& edit) {
      require(edit.create_interface("ipsec0"));
      require(edit.attach_interface("ipsec0", "wan"));
      require(edit.add_route({prefix(plan.far_network), address(plan.far_gateway), "ipsec0"}));
      require(edit.add_route({prefix(plan.far_network6), address(plan.far_gateway6), "ipsec0"}));
      for (const std::string_view host : {plan.lan_host, plan.lan_host6}) {
        require(edit.set_neighbour({address(host), "lan", kHostMac}));
      }
      for (const std::string_view peer : {plan.far_gateway, plan.far_gateway6}) {
        require(edit.set_neighbour({address(peer), "wan", kPeerMac}));
      }
    });
    poll_control(0);
  }

  ~Gateway() {
    for (uint16_t port = 0; port < parts_->ports().size(); ++port) frames(port);
    parts_->close();
    check_accounting();
    BOOST_TEST(rte_mempool_in_use_count(parts_->buffers()) == buffers_in_use_);
    BOOST_TEST(rte_mempool_in_use_count(parts_->large_buffers()) == 0u);
    parts_.reset();
    free_rings();
  }

  EngineParts& parts() { return *parts_; }
  Worker& worker(uint16_t id = 0) { return parts_->worker(id); }

  static IpPrefix prefix(std::string_view text) { return parse_ip_prefix(text, HostBits::kAllowed).value(); }
  static void require(const Expected<void>& done) {
    BOOST_REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().text()));
  }

  template <class F>
  void edit_routes(F&& change) {
    RouteEdit edit(parts_->routes(), parts_->versions());
    change(edit);
    edit.link();
    publish();
  }
  template <class F>
  void edit_sas(F&& change) {
    SaEdit edit(parts_->sas(), parts_->versions());
    change(edit);
    edit.link();
    publish();
  }

  void add_sa(std::string_view id, std::string_view source, const OuterHeader& outer = {},
              std::string_view lifetime = {}) {
    SaSpec spec;
    if (!lifetime.empty()) spec.lifetime = parse_lifetime(lifetime).value();
    spec.id = parse_sa_id(id).value();
    spec.source = address(source);
    if (spec.id.protocol == SaProtocol::kTunnel) {
      spec.tunnel_destination = spec.id.destination;
      spec.outer = outer;
    }
    if (spec.id.protocol == SaProtocol::kComp) spec.algorithm = kCompressionAlgorithm;
    if (spec.id.protocol == SaProtocol::kEsp) {
      spec.algorithm = "aes128gcm16";
      spec.encryption_key = Key(Bytes(20, static_cast<uint8_t>(spec.id.spi)));
    }
    if (spec.id.protocol == SaProtocol::kAh) {
      spec.algorithm = "hmac-sha1-96";
      spec.authentication_key = Key(Bytes(20, static_cast<uint8_t>(spec.id.spi)));
    }
    edit_sas([&](SaEdit& edit) { require(edit.add_sa(spec)); });
  }
  static std::vector<SaId> ids(std::initializer_list<std::string_view> texts) {
    std::vector<SaId> ids;
    for (const std::string_view text : texts) ids.push_back(parse_sa_id(text).value());
    return ids;
  }
  void group(std::initializer_list<std::string_view> members) {
    edit_sas([&](SaEdit& edit) { require(edit.group(ids(members))); });
  }
  void replace_group(std::initializer_list<std::string_view> members) {
    edit_sas([&](SaEdit& edit) { require(edit.replace_group(ids(members))); });
  }
  void ungroup(std::string_view member) {
    edit_sas([&](SaEdit& edit) { require(edit.ungroup(parse_sa_id(member).value())); });
  }
  void eroute(std::string_view source, std::string_view destination, const ErouteTarget& target,
              ErouteMode mode = ErouteMode::kAdd) {
    const Selector selector{.source = prefix(source), .destination = prefix(destination)};
    edit_sas([&](SaEdit& edit) { require(edit.set_eroute(selector, target, mode)); });
  }
  void eroute(std::string_view source, std::string_view destination, std::string_view said) {
    eroute(source, destination, parse_sa_id(said).value());
  }

  // A frame as it would come in at a port, to its own MAC address unless said otherwise.
  Bytes frame(uint16_t port, const Bytes& packet, std::optional<MacAddress> destination = {}) {
    const MacAddress to = destination.value_or(parts_->ports()[port].mac());
    Bytes frame(to.begin(), to.end());
    const MacAddress& from = port == kLan ? kHostMac : kPeerMac;
    frame.insert(frame.end(), from.begin(), from.end());
    const bool is_ipv4 = packet.empty() || packet[0] >> 4 == 4;
    return frame + (is_ipv4 ? Bytes{0x08, 0x00} : Bytes{0x86, 0xdd}) + packet;
  }
  // As a device would receive it: what one buffer does not hold is in a chain of them, of at most so many bytes each.
  rte_mbuf* buffer(const Bytes& bytes, size_t most_bytes = SIZE_MAX) {
    rte_mbuf* whole = nullptr;
    for (size_t at = 0; at < bytes.size() || whole == nullptr;) {
      rte_mbuf* piece = rte_pktmbuf_alloc(parts_->buffers());
      BOOST_REQUIRE(piece != nullptr);
      const size_t count = std::min({bytes.size() - at, most_bytes, size_t{rte_pktmbuf_tailroom(piece)}});
      std::copy_n(bytes.begin() + static_cast<long>(at), count, append(piece, count));
      at += count;
      if (whole == nullptr) {
        whole = piece;
      } else {
        BOOST_REQUIRE(rte_pktmbuf_chain(whole, piece) == 0);
      }
    }
    return whole;
  }
  // IP packets, all in one burst as far as it holds them.
  void receive(uint16_t port, const std::vector<Bytes>& packets, uint16_t worker_id = 0) {
    std::vector<rte_mbuf*> buffers;
    for (const Bytes& packet : packets) buffers.push_back(buffer(frame(port, packet)));
    worker(worker_id).process(port, buffers.data(), static_cast<uint16_t>(buffers.size()));
  }
  // Where a worker that polls finds them.
  void put_on_wire(uint16_t port, const std::vector<Bytes>& packets, uint16_t queue = 0) {
    for (const Bytes& packet : packets) {
      BOOST_REQUIRE(rte_ring_enqueue(ring_of(port, queue), buffer(frame(port, packet))) == 0);
    }
  }
  void receive_frame(uint16_t port, const Bytes& bytes) {
    rte_mbuf* one = buffer(bytes);
    worker().process(port, &one, 1);
  }

  // What has left by a port, and takes it.
  std::vector<Bytes> frames(uint16_t port) {
    std::vector<Bytes> frames;
    for (uint16_t queue = 0; queue < parts_->ports()[port].tx_queues(); ++queue) {
      for (void* sent; rte_ring_dequeue(ring_of(port, queue), &sent) == 0;) {
        frames.push_back(bytes_of(static_cast<rte_mbuf*>(sent)));
        rte_pktmbuf_free(static_cast<rte_mbuf*>(sent));
      }
    }
    return frames;
  }
  std::vector<Bytes> packets(uint16_t port) {
    std::vector<Bytes> packets = frames(port);
    for (Bytes& packet : packets) packet.erase(packet.begin(), packet.begin() + sizeof(EthernetHeader));
    return packets;
  }

  // The control thread's turn, and then that of whoever sends for it. (poll() would take what was sent for received:
  // the rings are both.)
  void poll_control(uint64_t now_ns) {
    parts_->control_plane().poll(now_ns);
    parts_->versions().reclaim();
    serve_control();
  }
  // The same, of a turn in the midst of a transaction.
  void poll_aside(uint64_t now_ns) {
    {
      const Versions::Interlude interlude(parts_->versions());
      parts_->control_plane().poll_aside(now_ns);
      parts_->versions().reclaim();
    }
    serve_control();
  }

  std::vector<const PacketCounters*> all_counters() {
    std::vector<const PacketCounters*> all;
    for (const auto& worker : parts_->workers()) all.push_back(&worker->counters());
    all.push_back(&parts_->control_plane().counters());
    return all;
  }
  uint64_t sum(Counter PacketCounters::*counter) {
    uint64_t sum = 0;
    for (const PacketCounters* counters : all_counters()) sum += (counters->*counter).value();
    return sum;
  }
  uint64_t dropped(DropReason reason) {
    uint64_t sum = 0;
    for (const PacketCounters* counters : all_counters()) sum += counters->dropped[static_cast<size_t>(reason)].value();
    return sum;
  }
  uint64_t all_dropped() {
    uint64_t sum = 0;
    for (size_t reason = 0; reason < kDropReasonCount; ++reason) sum += dropped(static_cast<DropReason>(reason));
    return sum;
  }

  // Invariant 4, for each thread that handles packets. `waiting` are those that the control thread holds.
  void check_accounting(uint64_t waiting = 0) {
    for (const PacketCounters* counters : all_counters()) {
      uint64_t dropped = 0;
      for (const Counter& counter : counters->dropped) dropped += counter.value();
      const uint64_t in = counters->received.value() + counters->originated.value() + counters->injected.value();
      const uint64_t out = counters->sent.value() + counters->delivered.value() + counters->punted.value() + dropped +
                           counters->joined.value() + counters->held.value();
      const bool is_control = counters == &parts_->control_plane().counters();
      BOOST_TEST(in == out + (is_control ? waiting : 0));
    }
  }

 private:
  rte_ring* ring_of(uint16_t port, uint16_t queue) {
    rte_ring* ring = rte_ring_lookup(("ETH_RXTX" + std::to_string(queue) + "_" + devices_[port]).c_str());
    BOOST_REQUIRE(ring != nullptr);
    return ring;
  }
  std::unique_ptr<EngineParts> make(const GatewayPlan& plan, uint16_t workers) {
    static unsigned number = 0;
    Options options;
    options.memory.packet_buffers = 4095u + 640u * workers;
    options.tables = {.sas = 1024, .eroutes = 1024, .neighbours = 256, .routes = 256, .flow_cache_entries = 256};
    options.workers.count = workers;
    for (const std::string_view name : {"lan", "wan"}) {
      devices_.push_back("net_ring_" + std::string(name) + std::to_string(number));
      PortOptions port;
      port.name = name;
      port.device = devices_.back();
      port.mac = name == "lan" ? "02:00:00:00:00:01" : "02:00:00:00:00:02";
      port.mtu_bytes = name == "wan" ? plan.wan_mtu_bytes : plan.lan_mtu_bytes;
      port.rx_queue_packets = port.tx_queue_packets = 128;
      for (const std::string_view own :
           name == "lan" ? std::array{plan.lan, plan.lan6} : std::array{plan.wan, plan.wan6}) {
        port.addresses.push_back(prefix(own));
      }
      options.ports.push_back(port);
    }
    ++number;
    auto parts = EngineParts::create(options);
    BOOST_REQUIRE_MESSAGE(parts.has_value(), (parts ? "" : parts.error().text()));
    return std::move(*parts);
  }
  void serve_control() {
    for (const auto& worker : parts_->workers()) {
      worker->send_frames_of_others();
      worker->resume_held();
      worker->process(0, nullptr, 0);  // tells SAs of their use
    }
  }
  void publish() {
    parts_->versions().publish();
    parts_->versions().reclaim();
  }
  // A ring device makes 16 rings and frees those of the queues in use; what it leaves would use up DPDK's memory zones.
  void free_rings() {
    for (const std::string& device : devices_) {
      for (int queue = 0; queue < 16; ++queue) {
        rte_ring_free(rte_ring_lookup(("ETH_RXTX" + std::to_string(queue) + "_" + device).c_str()));
      }
    }
  }

  std::vector<std::string> devices_;
  std::unique_ptr<EngineParts> parts_;
  unsigned buffers_in_use_ = 0;
};

}  // namespace spigrp::test
