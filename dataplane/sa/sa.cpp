// See sa.h. Everything about an SA that can be decided once is decided here.
#include "sa/sa.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <sys/random.h>

#include <rte_cycles.h>

#include "packet/ip_packet.h"
#include "state/unix_time.h"

namespace spigrp {
namespace {

constexpr uint8_t kDscpBits = 0xfc, kEcnBits = 0x03;  // of the traffic class

// Taken from the kernel some at a time: a million SAs want two million.
uint64_t random_64() {
  static thread_local std::array<uint64_t, 32> values;
  static thread_local size_t left = 0;
  if (left == 0) {
    // Cannot fail for up to 256 bytes once the kernel's generator is seeded (getrandom(2)).
    while (getrandom(values.data(), sizeof(values), 0) != sizeof(values)) {
    }
    left = values.size();
  }
  return std::exchange(values[--left], 0);
}

Expected<Algorithm> algorithm_of(const SaSpec& spec) {
  return spec.id.protocol == SaProtocol::kAh ? find_ah_algorithm(spec.algorithm)
                                             : find_esp_algorithm(spec.algorithm, spec.encryption_key.size());
}

// The error of a room that does not know the SA, told about this SA.
tl::unexpected<Error> about(const SaId& id, const Error& error) {
  const std::string problem = error.object.empty() ? error.problem : error.object + ": " + error.problem;
  return failure(id.text(), problem, error.remedy);
}

}  // namespace

Sa::Sa(const SaSpec& spec)
    : overhead{},
      extended_sequence(spec.extended_sequence),
      spi(be32::from_host(spec.id.spi)),
      tunnel{},
      id(spec.id),
      source(spec.source),
      outer(spec.outer),
      created_at_s(spec.made_at_s == 0 ? unix_seconds() : std::min(spec.made_at_s, unix_seconds())),
      saved_encryption_key(spec.encryption_key),
      saved_authentication_key(spec.authentication_key),
      sequence(spec.extended_sequence ? Sequence::kLast64 : Sequence::kLast32, spec.sent),
      replay(spec.replay_window, spec.received) {
  marks.began_sent = spec.sent;
  marks.received_seen = marks.received_mark = spec.received;
  if (spec.lifetime != LifetimeSpec()) {
    const uint64_t now_s = unix_seconds(), first_used_at_s = spec.lifetime_used.first_used_at_s;
    const uint64_t used_for_s = first_used_at_s == 0 ? 0 : now_s - std::min(now_s, first_used_at_s);
    lifetime = std::make_unique<Lifetime>(spec.lifetime, now_s - std::min(now_s, created_at_s), spec.lifetime_used,
                                          used_for_s);
    if (first_used_at_s != 0) counters.first_used_tsc.store(std::max<uint64_t>(rte_rdtsc(), 1));
  }
}

Expected<std::unique_ptr<Sa>> Sa::create(const SaSpec& spec) {
  if (const auto valid = validate(spec); !valid) return tl::unexpected(valid.error());
  if (spec.id.protocol == SaProtocol::kComp && spec.algorithm != kCompressionAlgorithm) {
    return failure(spec.id.text(), "no such compression algorithm: " + as_typed(spec.algorithm),
                   "give --comp " + std::string(kCompressionAlgorithm));
  }
  std::unique_ptr<Sa> sa(new Sa(spec));
  if (spec.id.protocol == SaProtocol::kTunnel) {
    sa->set_up_tunnel(spec);
  } else if (spec.id.protocol != SaProtocol::kComp) {
    if (const auto done = sa->set_up_keys(spec); !done) return tl::unexpected(done.error());
    if (spec.udp_encapsulation) sa->set_up_udp(spec);
  }
  sa->work_out_overhead();
  return sa;
}

Expected<void> Sa::set_up_keys(const SaSpec& spec) {
  const auto algorithm = algorithm_of(spec);
  if (!algorithm) return about(id, algorithm.error());
  auto schedule = KeySchedule::create(*algorithm, spec.encryption_key, spec.authentication_key);
  if (!schedule) return about(id, schedule.error());
  keys.emplace(std::move(*schedule));
  iv_bytes = algorithm->iv_bytes();
  block_bytes = std::max<uint8_t>(algorithm->block_bytes(), 4);
  icv_bytes = algorithm->icv_bytes();
  if (extended_sequence && icv_bytes == 0) {
    // Nothing would tell a wrong upper half (RFC 4303 section 2.2.1).
    return failure(id.text(), "extended sequence numbers need authentication",
                   "name an authenticator or leave --esn out");
  }
  iv_offset = random_64();
  if (id.protocol == SaProtocol::kAh) {
    const unsigned unit = id.destination.family == Family::kIpv4 ? 4 : 8;
    ah_header_bytes = static_cast<uint16_t>((sizeof(AhHeader) + iv_bytes + icv_bytes + unit - 1) / unit * unit);
  } else {
    set_up_esp_job(*algorithm->cipher);
  }
  return {};
}

void Sa::set_up_esp_job(const Cipher& cipher) noexcept {
  const uint8_t head_bytes = sizeof(EspHeader);
  const bool is_gmac = cipher.mode == CipherMode::kAesGmac;  // RFC 4543 section 3.3: the IV is authenticated too
  const bool is_combined = cipher.is_combined();
  esp_job = {.cipher_offset = static_cast<uint8_t>(head_bytes + (is_gmac ? 0 : iv_bytes)),
             .cipher_more = is_gmac ? iv_bytes : uint8_t{0},
             .ciphers = cipher.mode != CipherMode::kNull,
             .auth_bytes = static_cast<uint8_t>(head_bytes + (is_combined ? 0 : iv_bytes)),
             .auth_has_text = !is_combined,
             .is_combined = is_combined,
             .takes_random_iv = cipher.takes_random_iv()};
}

SaSpec spec_of(const Sa& sa) {
  SaSpec spec{.id = sa.id, .source = sa.source};
  if (sa.id.protocol == SaProtocol::kTunnel) {
    spec.tunnel_destination = sa.id.destination;
    spec.outer = sa.outer;
  } else if (sa.id.protocol == SaProtocol::kComp) {
    spec.algorithm = kCompressionAlgorithm;
  } else {
    spec.algorithm = sa.keys->algorithm().name();
    spec.encryption_key = sa.saved_encryption_key;
    spec.authentication_key = sa.saved_authentication_key;
    spec.replay_window = sa.replay.packets();
    spec.extended_sequence = sa.extended_sequence;
    spec.sent = sa.sequence.sent();
    spec.received = sa.replay.highest();
    if (sa.udp) spec.udp_encapsulation = sa.udp->ports;
  }
  if (sa.lifetime != nullptr) spec.lifetime = sa.lifetime->spec();
  spec.made_at_s = sa.created_at_s;
  return spec;
}

void Sa::set_up_tunnel(const SaSpec& spec) {
  tunnel.family = id.destination.family;
  tunnel.traffic_class = static_cast<uint8_t>(outer.dscp.fixed.value_or(0) << 2);
  tunnel.copied_traffic_class_bits =
      static_cast<uint8_t>((outer.dscp.fixed ? 0 : kDscpBits) | (outer.ecn == EcnChoice::kCopy ? kEcnBits : 0));
  tunnel.copied_flags = outer.df == DfChoice::kCopy ? kIpv4DontFragment : 0;
  tunnel.copies_ttl = !outer.ttl.fixed;
  // Fragments of tunnels between the same two gateways are told apart by it.
  identification.store(static_cast<uint16_t>(random_64()), std::memory_order_relaxed);
  if (tunnel.family == Family::kIpv4) {
    tunnel.ipv4 = Ipv4Header{};
    tunnel.ipv4.version_ihl = 0x45;
    tunnel.ipv4.flags_fragment = be16::from_host(outer.df == DfChoice::kSet ? kIpv4DontFragment : 0);
    tunnel.ipv4.ttl = outer.ttl.fixed.value_or(0);
    std::copy_n(spec.source.bytes.begin(), 4, tunnel.ipv4.source.begin());
    std::copy_n(id.destination.bytes.begin(), 4, tunnel.ipv4.destination.begin());
    return;
  }
  tunnel.ipv6 = Ipv6Header{};
  tunnel.ipv6.version_class_flow = be32::from_host(0x60000000);
  tunnel.ipv6.hop_limit = outer.ttl.fixed.value_or(0);
  tunnel.ipv6.source = spec.source.bytes;
  tunnel.ipv6.destination = id.destination.bytes;
}

// The peer's ports are this SA's alone until UdpPorts has others that share them.
void Sa::set_up_udp(const SaSpec& spec) {
  const UdpEncapsulation& ports = *spec.udp_encapsulation;
  udp_bytes = sizeof(UdpHeader);
  udp = SaUdp{ports, std::make_shared<PeerPort>(ports.destination_port), std::make_shared<PeerPort>(ports.source_port),
              icv_bytes != 0 && spec.replay_window != 0};
}

void Sa::work_out_overhead() {
  switch (id.protocol) {
    case SaProtocol::kTunnel:
      overhead = {fixed_header_bytes(tunnel.family), 0};
      break;
    case SaProtocol::kEsp:
      overhead = {static_cast<uint16_t>(udp_bytes + sizeof(EspHeader) + iv_bytes),
                  static_cast<uint16_t>(block_bytes - 1 + sizeof(EspTrailer) + icv_bytes)};
      break;
    case SaProtocol::kAh:
      overhead = {ah_header_bytes, extended_sequence ? kUpperSequenceBytes : uint16_t{0}};
      break;
    case SaProtocol::kComp:  // what would grow is sent as it is
      break;
  }
}

}  // namespace spigrp
