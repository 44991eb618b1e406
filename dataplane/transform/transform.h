// A transform applies one SA's protection to packets or takes it off (RFC 4301 section 5). One constexpr row a
// protocol; outbound and inbound find the row by the SA's protocol and hand it all packets of the burst that are at it,
// whichever SA they use. Packets begin at their IP header and still do afterwards.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "packet/burst.h"
#include "sa/sa.h"
#include "transform/worker_context.h"

namespace spigrp {

class Verdict;

// Of an SA, by packets that a rehearsal has seen before this one.
struct Uses {
  uint64_t packets = 0;
  uint64_t bytes = 0;
};

struct Transform {
  std::string_view name;
  uint8_t ip_protocol;  // that an inbound packet is recognised by; tun: 4, and 41 for an IPv6 inner packet
  // Both work on entries whose `sa` is set, of this protocol. encap reserves the sequence numbers itself, one
  // reservation a run of equal SAs. decap expects the SA's own header at the front (found by inbound); only that of
  // comp may be absent. Survivors keep their order; a packet that fails is dropped under its reason and counted in the
  // SA. entry.packet may become another buffer.
  void (*encap)(WorkerContext& context, Burst& burst) noexcept;
  void (*decap)(WorkerContext& context, Burst& burst) noexcept;
  // For predictions: what encap would do to one packet, without its cryptography and without leaving a trace in the SA.
  // The packet gets the IP header and the size that encap would give it; comp leaves it as it is, the longest that it
  // can become. A verdict other than keep is the reason for which encap would drop it.
  Verdict (*rehearse)(const Sa& sa, rte_mbuf* packet, const Uses& before) noexcept;
};

void encap_tunnel(WorkerContext& context, Burst& burst) noexcept;
void decap_tunnel(WorkerContext& context, Burst& burst) noexcept;
Verdict rehearse_tunnel(const Sa& sa, rte_mbuf* packet, const Uses& before) noexcept;
void encap_esp(WorkerContext& context, Burst& burst) noexcept;
void decap_esp(WorkerContext& context, Burst& burst) noexcept;
Verdict rehearse_esp(const Sa& sa, rte_mbuf* packet, const Uses& before) noexcept;
void encap_ah(WorkerContext& context, Burst& burst) noexcept;
void decap_ah(WorkerContext& context, Burst& burst) noexcept;
Verdict rehearse_ah(const Sa& sa, rte_mbuf* packet, const Uses& before) noexcept;
void encap_ipcomp(WorkerContext& context, Burst& burst) noexcept;
void decap_ipcomp(WorkerContext& context, Burst& burst) noexcept;
Verdict rehearse_ipcomp(const Sa& sa, rte_mbuf* packet, const Uses& before) noexcept;

// Indexed by SaProtocol.
inline constexpr std::array<Transform, kSaProtocolCount> kTransforms{{
    {"tun", kProtocolIpip, encap_tunnel, decap_tunnel, rehearse_tunnel},
    {"comp", kProtocolIpcomp, encap_ipcomp, decap_ipcomp, rehearse_ipcomp},
    {"esp", kProtocolEsp, encap_esp, decap_esp, rehearse_esp},
    {"ah", kProtocolAh, encap_ah, decap_ah, rehearse_ah},
}};

}  // namespace spigrp
