// What tests of transforms begin with: a worker, SAs made from words, bursts made from bytes, and what came out.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "packet/buffer.h"
#include "support/packets.h"
#include "transform/transform.h"

namespace spigrp::test {

inline CryptoEngine& engine() {
  static std::unique_ptr<CryptoEngine> made = [] {
    auto created = CryptoEngine::create();
    if (!created) throw std::runtime_error(created.error().text());
    return std::move(*created);
  }();
  return *made;
}

inline IpAddress address(std::string_view text) {
  return parse_ip_address(text).value();
}

// Key bytes that differ from each other, so that 3DES and byte orders are in earnest.
inline Key test_key(size_t bytes, uint8_t first = 0x11) {
  Bytes key(bytes);
  for (size_t i = 0; i < bytes; ++i) key[i] = static_cast<uint8_t>(first + i * 37 + i / 8);
  return Key(key);
}

inline std::unique_ptr<Sa> made(const SaSpec& spec) {
  auto created = Sa::create(spec);
  if (!created) throw std::runtime_error(created.error().text());
  return std::move(*created);
}

// "esp.1000@192.0.2.2", with keys of the algorithm's sizes.
inline SaSpec keyed_spec(std::string_view sa_id, std::string_view source, std::string_view algorithm) {
  SaSpec spec;
  spec.id = parse_sa_id(sa_id).value();
  spec.source = address(source);
  spec.algorithm = algorithm;
  const Algorithm found =
      (spec.id.protocol == SaProtocol::kAh ? find_ah_algorithm(algorithm) : find_esp_algorithm(algorithm, 0)).value();
  spec.encryption_key = test_key(found.encryption_key_bytes());
  spec.authentication_key = test_key(found.authentication_key_bytes(), 0x80);
  return spec;
}

inline std::unique_ptr<Sa> keyed_sa(std::string_view sa_id, std::string_view source, std::string_view algorithm) {
  return made(keyed_spec(sa_id, source, algorithm));
}

inline std::unique_ptr<Sa> tunnel_sa(std::string_view sa_id, std::string_view source, const OuterHeader& outer = {}) {
  SaSpec spec;
  spec.id = parse_sa_id(sa_id).value();
  spec.source = address(source);
  spec.tunnel_destination = spec.id.destination;
  spec.outer = outer;
  return made(spec);
}

inline Deflate& deflate() {
  static Deflate made;
  return made;
}

using Step = void (*)(WorkerContext&, Burst&) noexcept;

inline const Transform& transform_of(const Sa& sa) {
  return kTransforms[static_cast<size_t>(sa.id.protocol)];
}

class StepFixture : public BuffersAreGivenBack {
 public:
  PacketCounters counters;
  WorkerContext context{0, &engine(), packet_pool(), &counters, 0, 1000, &deflate()};
  Burst burst;

  ~StepFixture() { free_burst(); }

  // Room as outbound makes it for a group of one.
  void push(Sa& sa, const Bytes& bytes) {
    rte_mbuf* packet = make_writable(packet_from(bytes), sa.overhead.head_bytes, sa.overhead.tail_bytes, packet_pool());
    burst.push({packet, &sa, nullptr, 0, 0});
  }

  std::vector<Bytes> take() {
    std::vector<Bytes> packets;
    for (const BurstEntry& entry : burst) {
      BOOST_TEST(rte_pktmbuf_pkt_len(entry.packet) == rte_pktmbuf_data_len(entry.packet));
      packets.push_back(bytes_of(entry.packet));
    }
    free_burst();
    return packets;
  }

  void free_burst() {
    for (const BurstEntry& entry : burst) rte_pktmbuf_free(entry.packet);
    burst.clear();
  }

  uint64_t drops(DropReason reason) const { return counters.dropped[static_cast<size_t>(reason)].value(); }
  uint64_t all_drops() const {
    uint64_t sum = 0;
    for (const Counter& counter : counters.dropped) sum += counter.value();
    return sum;
  }

  // One packet through one step, alone in its burst: its bytes afterwards, or none when it was dropped.
  Bytes through(Step step, Sa& sa, const Bytes& bytes) {
    push(sa, bytes);
    step(context, burst);
    const std::vector<Bytes> packets = take();
    return packets.empty() ? Bytes{} : packets[0];
  }
  Bytes encapped(Sa& sa, const Bytes& bytes) { return through(transform_of(sa).encap, sa, bytes); }
  Bytes decapped(Sa& sa, const Bytes& bytes) { return through(transform_of(sa).decap, sa, bytes); }

  // The name of the reason for which a packet is dropped, which must be exactly one; "kept" when it is not.
  std::string_view outcome(Step step, Sa& sa, const Bytes& bytes) {
    std::array<uint64_t, kDropReasonCount> before;
    for (size_t i = 0; i < kDropReasonCount; ++i) before[i] = counters.dropped[i].value();
    const uint64_t all_before = all_drops();
    const bool kept = !through(step, sa, bytes).empty();
    BOOST_TEST(all_drops() == all_before + (kept ? 0 : 1));
    for (size_t i = 0; i < kDropReasonCount; ++i) {
      if (counters.dropped[i].value() != before[i]) return drop_reason_name(static_cast<DropReason>(i));
    }
    return "kept";
  }
  std::string_view decap_outcome(Sa& sa, const Bytes& bytes) { return outcome(transform_of(sa).decap, sa, bytes); }
  std::string_view encap_outcome(Sa& sa, const Bytes& bytes) { return outcome(transform_of(sa).encap, sa, bytes); }
};

// A packet's IP length (and checksum) made to agree with the bytes there are.
inline Bytes with_true_length(Bytes packet) {
  if (packet[0] >> 4 == 4) {
    put16(packet, 2, static_cast<unsigned>(packet.size()));
    set_ipv4_checksum(packet);
  } else {
    put16(packet, 4, static_cast<unsigned>(packet.size() - 40));
  }
  return packet;
}

// Addresses of the gateways' packets.
inline constexpr std::string_view kHere = "192.0.2.1", kThere = "198.51.100.2";
inline constexpr std::string_view kHere6 = "2001:db8:f::1", kThere6 = "2001:db8:f::2";

inline Bytes gateway_packet(Family family, const Bytes& payload, uint8_t protocol = kProtocolUdp) {
  if (family == Family::kIpv4) {
    return ipv4_packet({.protocol = protocol, .source = {192, 0, 2, 1}, .destination = {198, 51, 100, 2}}, payload);
  }
  return ipv6_packet({.next_header = protocol, .source = address(kHere6).bytes, .destination = address(kThere6).bytes},
                     payload);
}

// Of a packet without options; an IPv4 checksum holds then, whatever else has been changed.
inline void put_traffic_class(Bytes& packet, uint8_t traffic_class) {
  if (packet[0] >> 4 == 4) {
    packet[1] = traffic_class;
    set_ipv4_checksum(packet);
  } else {
    packet[0] = static_cast<uint8_t>(0x60 | traffic_class >> 4);
    packet[1] = static_cast<uint8_t>(traffic_class << 4);
  }
}

}  // namespace spigrp::test
