// SaSpec is what the operator typed for one SA: a plain value, validated once, here. What depends on an algorithm's
// table (does it exist, its key sizes) is checked where the table is, when the Sa is made from the spec.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/ip_address.h"
#include "config/key.h"
#include "config/lifetime.h"
#include "config/outer_header.h"
#include "config/sa_id.h"
#include "config/udp_encapsulation.h"

namespace spigrp {

inline constexpr uint16_t kDefaultReplayWindow = 64;  // packets
inline constexpr uint16_t kMaxReplayWindow = 4096;    // packets

struct SaSpec {
  SaId id;
  IpAddress source;       // --src: for tun the outer header's source
  std::string algorithm;  // as typed: "aes128gcm16", "3des-md5-96"; empty for tun
  Key encryption_key;     // combined-mode keys end in their salt (RFC 4106 section 8.1)
  Key authentication_key;
  uint16_t replay_window = kDefaultReplayWindow;  // packets; 0 switches replay checking off
  bool extended_sequence = false;                 // --esn: 64-bit sequence numbers (RFC 4303 section 2.2.1)
  IpAddress tunnel_destination;                   // --dst of a tun SA; must be the SA's destination
  OuterHeader outer;                              // of a tun SA
  LifetimeSpec lifetime;
  LifetimeUse lifetime_used;  // by processes before this one; nobody types it
  // Where a sequence begins that has been in use: numbers up to these count as sent and as received.
  uint64_t sent = 0;       // --sent
  uint64_t received = 0;   // --received
  uint64_t made_at_s = 0;  // Unix time from which its lifetime counts; 0: when it is made
  // --natt of an esp SA
  std::optional<UdpEncapsulation> udp_encapsulation;
};

// Checks everything that needs no algorithm table: SPI range, address families, fields that the protocol does or does
// not take, window size. Errors name the SA.
Expected<void> validate(const SaSpec& spec);

}  // namespace spigrp
