// See sa_spec.h.
#include "config/sa_spec.h"

namespace spigrp {
namespace {

Expected<void> check_tunnel(const SaSpec& spec) {
  const auto object = [&] { return spec.id.text(); };
  if (!spec.algorithm.empty() || !spec.encryption_key.empty() || !spec.authentication_key.empty()) {
    return failure(object(), "a tun SA takes no algorithm and no keys");
  }
  if (const auto valid = validate(spec.outer); !valid) {
    return failure(object(), valid.error().object + ' ' + valid.error().problem, valid.error().remedy);
  }
  if (spec.source.is_unspecified()) return failure(object(), "has no outer source address", "give --src ADDRESS");
  if (spec.tunnel_destination != spec.id.destination) {
    return failure(object(), "its --dst is not the SA's destination", "give --dst " + spec.id.destination.text());
  }
  return {};
}

Expected<void> check_udp_encapsulation(const SaSpec& spec) {
  if (!spec.udp_encapsulation) return {};
  const auto object = [&] { return spec.id.text(); };
  if (spec.id.protocol != SaProtocol::kEsp) {
    return failure(object(), "only esp SAs can be encapsulated in UDP (RFC 3948)", "leave --natt out");
  }
  if (const auto valid = validate(*spec.udp_encapsulation); !valid) {
    return failure(object(), valid.error().object + ' ' + valid.error().problem, valid.error().remedy);
  }
  return {};
}

Expected<void> check_sequence(const SaSpec& spec) {
  const auto object = [&] { return spec.id.text(); };
  const bool is_numbered = spec.id.protocol == SaProtocol::kEsp || spec.id.protocol == SaProtocol::kAh;
  if (!is_numbered && (spec.sent != 0 || spec.received != 0)) {
    return failure(object(), "only esp and ah SAs have sequence numbers", "leave --sent and --received out");
  }
  if (!spec.extended_sequence && (spec.sent > UINT32_MAX || spec.received > UINT32_MAX)) {
    return failure(object(), "its sequence numbers have 32 bits", "give --esn, or numbers up to 4294967295");
  }
  return {};
}

Expected<void> check_keys(const SaSpec& spec) {
  const auto object = [&] { return spec.id.text(); };
  if (!spec.tunnel_destination.is_unspecified()) {
    return failure(object(), "only a tun SA has an outer destination", "leave --dst out");
  }
  if (spec.outer != OuterHeader()) {
    return failure(object(), "only a tun SA makes an outer header", "leave its options out");
  }
  if (spec.algorithm.empty()) return failure(object(), "has no algorithm", "spi --algorithms lists them");
  if (spec.id.protocol == SaProtocol::kAh && !spec.encryption_key.empty()) {
    return failure(object(), "an ah SA takes no encryption key", "give --authkey alone");
  }
  const bool keyless = spec.encryption_key.empty() && spec.authentication_key.empty();
  if (spec.id.protocol == SaProtocol::kComp && !keyless) return failure(object(), "a comp SA takes no keys");
  if (spec.id.protocol != SaProtocol::kComp && keyless) {
    return failure(object(), "has no key", "give --enckey or --authkey");
  }
  return {};
}

}  // namespace

Expected<void> validate(const SaSpec& spec) {
  const auto object = [&] { return spec.id.text(); };
  if (const auto valid = validate_spi(spec.id.spi, spec.id.protocol); !valid) {
    return failure(object(), valid.error().object + ": " + valid.error().problem, valid.error().remedy);
  }
  if (spec.id.destination.is_unspecified()) return failure(object(), "its destination is the unspecified address");
  if (spec.source.family != spec.id.destination.family) {
    return failure(object(), "its --src is of another address family than its destination");
  }
  if (spec.replay_window > kMaxReplayWindow) {
    return failure(object(), "a replay window of " + std::to_string(spec.replay_window) + " packets is too large",
                   "use 0 … 4096");
  }
  if (spec.algorithm.size() > 64) return failure(object(), "its algorithm's name is too long");
  if (spec.encryption_key.size() > kMaxKeyBytes || spec.authentication_key.size() > kMaxKeyBytes) {
    return failure(object(), "a key is longer than 256 bytes");
  }
  if (spec.extended_sequence && spec.id.protocol != SaProtocol::kEsp && spec.id.protocol != SaProtocol::kAh) {
    return failure(object(), "only esp and ah SAs have sequence numbers", "leave --esn out");
  }
  if (spec.extended_sequence && spec.replay_window == 0) {
    // The window tells the upper half, which is not sent.
    return failure(object(), "extended sequence numbers need a replay window", "give --replay_window 64");
  }
  if (const auto valid = validate(spec.lifetime); !valid) {
    return failure(object(), valid.error().object + ' ' + valid.error().problem, valid.error().remedy);
  }
  if (auto valid = check_sequence(spec); !valid) return valid;
  if (auto valid = check_udp_encapsulation(spec); !valid) return valid;
  return spec.id.protocol == SaProtocol::kTunnel ? check_tunnel(spec) : check_keys(spec);
}

}  // namespace spigrp
