// Every reason why a packet can end here, in one list: a line gives the counter, its name in `stats` and what it means.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace spigrp {

// X(name, meaning)
#define SPIGRP_DROP_REASONS(X)                                                                          \
  X(runt, "shorter than the headers it announces")                                                      \
  X(malformed, "a header field contradicts another: version, header length, options, checksum")         \
  X(not_for_us, "Ethernet destination is another host's")                                               \
  X(unknown_ether_type, "neither IPv4, IPv6 nor ARP")                                                   \
  X(too_many_headers, "more IPv6 extension headers or nested tunnels than are followed")                \
  X(fragment, "a fragment, where a whole packet is needed")                                             \
  X(fragment_overlap, "fragments of one packet overlap, or contradict each other")                      \
  X(reassembly_timeout, "a fragment, and the rest of its packet did not come in time")                  \
  X(reassembly_full, "a fragment, and as many as can be held are held already")                         \
  X(martian_address, "source or destination that must not be on the wire")                              \
  X(ttl_expired, "TTL or hop limit used up")                                                            \
  X(no_route, "no route to the destination")                                                            \
  X(blackhole_route, "the route says drop")                                                             \
  X(neighbour_unresolved, "next hop did not answer ARP or neighbour solicitation")                      \
  X(neighbour_queue_full, "too many packets wait for the same next hop")                                \
  X(eroutes_changed, "waited for its next hop in the clear, and there is an eroute for it now")         \
  X(interface_detached, "routed to an ipsec interface that has no port")                                \
  X(port_down, "the port is not running")                                                               \
  X(transmit_full, "the port's transmit queue did not take it")                                         \
  X(punt_full, "the queue to the control thread is full")                                               \
  X(too_big, "larger than the port's MTU")                                                              \
  X(no_eroute, "on a protected interface, but no eroute matches")                                       \
  X(eroute_drop, "an eroute to %drop")                                                                  \
  X(eroute_reject, "an eroute to %reject")                                                              \
  X(eroute_hold, "an eroute to %hold kept a later packet of the flow, or nothing replaced it")          \
  X(trap_limited, "an eroute to %trap, and a worker tells of no more in this second")                   \
  X(holds_full, "an eroute to %trap, and no more flows can be held")                                    \
  X(group_dissolved, "its eroute led to a group that is no more, or to an SA that is deleted")          \
  X(bypasses_eroute, "an eroute would protect it, but its route leaves by an unprotected port")         \
  X(unprotected, "received in the clear, though an eroute protects this traffic")                       \
  X(no_sa, "no SA with this destination, SPI and protocol")                                             \
  X(group_mismatch, "the SAs removed are not exactly a group, in reverse")                              \
  X(encapsulation_mismatch, "ESP in UDP though its SA is not, or at another port, or bare")             \
  X(tunnel_mismatch, "outer addresses or inner family are not those of the tunnel SA")                  \
  X(inbound_policy, "came out of a group that its traffic's eroute would not accept")                   \
  X(congested, "congestion marked on the outer header of a packet that knows no ECN (RFC 6040)")        \
  X(replayed, "sequence number seen before")                                                            \
  X(outside_window, "sequence number before the replay window, or zero")                                \
  X(sequence_exhausted, "the SA has used its last sequence number")                                     \
  X(sequence_unreserved, "the SA's next sequence numbers could not be reserved in the state directory") \
  X(sa_expired, "the lifetime of one of the group's SAs is over")                                       \
  X(authentication_failed, "the ICV does not match")                                                    \
  X(bad_length, "encrypted part is no whole number of blocks, or the ICV length is wrong")              \
  X(bad_padding, "ESP pad length or padding bytes are wrong")                                           \
  X(bad_next_header, "a next header that cannot follow here")                                           \
  X(bad_compression, "IPComp: not exactly one whole DEFLATE stream, or IPComp within IPComp")           \
  X(inflated_too_big, "IPComp: would become longer than an IP packet or a buffer may be")               \
  X(dummy, "an ESP dummy packet (RFC 4303 section 2.6), meant to be thrown away")                       \
  X(no_room, "no buffer, or no room in it for the headers and trailers")                                \
  X(no_memory, "was for the control thread, which had no memory to keep it or what it says")            \
  X(nat_keepalive, "a NAT keepalive (RFC 3948 section 2.3), meant to be thrown away")                   \
  X(ike_unhandled, "an IKE message in UDP (RFC 3948 section 2.2), and nobody listens")                  \
  X(local_unhandled, "addressed to the gateway itself, which has nothing that takes it")                \
  X(icmp_limited, "an ICMP message that the rate limit held back")                                      \
  X(icmp_unproven, "an ICMP size error that quotes no ESP or AH packet sent lately")                    \
  X(icmp_bad_mtu, "an ICMP size error whose MTU helps nobody, or is below IPv6's least")                \
  X(path_mtus_full, "an ICMP size error, and no more path MTUs can be remembered")                      \
  X(crypto_failed, "the crypto library refused the job")                                                \
  X(unsupported, "needs something that this version does not do")                                       \
  X(shutting_down, "the daemon is ending")

enum class DropReason : uint8_t {
#define SPIGRP_X(name, meaning) name,
  SPIGRP_DROP_REASONS(SPIGRP_X)
#undef SPIGRP_X
};

#define SPIGRP_X(name, meaning) DropReason::name,
inline constexpr size_t kDropReasonCount = std::initializer_list<DropReason>{SPIGRP_DROP_REASONS(SPIGRP_X)}.size();
#undef SPIGRP_X

std::string_view drop_reason_name(DropReason reason) noexcept;     // "runt"
std::string_view drop_reason_meaning(DropReason reason) noexcept;  // "shorter than …"

}  // namespace spigrp
