// TunnelInEsp: a tun SA and the esp SA around it, as the two are applied and taken off in one go
// (transform/tunnel_esp.h): what every packet needs of how they were made, worked out once, in one cache line. Without
// it a packet among many SAs would wait for four.
#pragma once

#include <cstdint>

#include "crypto/key_schedule.h"
#include "packet/headers.h"
#include "state/prefetch.h"

namespace spigrp {

struct Sa;

struct alignas(kCacheLineBytes) TunnelInEsp {
  TunnelInEsp() = default;  // there is none
  // An esp SA that is not in UDP, of the family of the tunnel's outer header.
  TunnelInEsp(Sa& tun, Sa& around) noexcept;

  // worker: into the cache what is written while packets pass, and the keys' first line
  void prefetch_outbound() const noexcept;
  void prefetch_inbound() const noexcept;

  Sa* tunnel = nullptr;
  Sa* esp = nullptr;
  const KeySchedule::Expanded* keys = nullptr;
  uint64_t iv_offset = 0;  // Sa::counted_iv()
  // The outer header's first eight bytes, as they lie on the wire, what changes from packet to packet being zero; which
  // bits of them are copied, too, from the header inside as this family would have it; IPv4's source and destination.
  uint64_t outer_front = 0, copied_front = 0, outer_ipv4_addresses = 0;
  be32 spi{};
  uint8_t outer_ttl = 0;  // IPv4's
  uint8_t icv_bytes = 0;
  bool expires = false;  // one of the two has a lifetime
  // What kinds of SAs they are. kIpv4, kIpv6: the outer header has a TTL of its own, and ESP has a combined mode with a
  // counted IV of 8 bytes, an ICV of 8 at least and blocks of 4 (RFC 4106, 4309, 7634), the usual, of which all of the
  // above is there; the others have extended sequence numbers. kAny: everything else; the rest is asked of the SAs.
  enum class Form : uint8_t { kAny, kIpv4, kIpv6, kIpv4Extended, kIpv6Extended };
  Form form = Form::kAny;

  bool is_usual() const noexcept { return form != Form::kAny; }
  bool is_extended() const noexcept { return form >= Form::kIpv4Extended; }
  bool outer_is_ipv6() const noexcept { return form == Form::kIpv6 || form == Form::kIpv6Extended; }
};
static_assert(sizeof(TunnelInEsp) == kCacheLineBytes);

}  // namespace spigrp
