// What AH does not protect: the fields of an IP header that change on the way (RFC 4302 section 3.3.3.1, appendix A).
#pragma once

#include <cstdint>

#include "packet/ip_packet.h"
#include "transform/step_burst.h"

namespace spigrp {

enum class Direction : uint8_t { kOutbound, kInbound };

// Makes of the header at `packet`, ip.header_bytes long, what the ICV is computed over.
// IPv4: TOS, flags and fragment offset, TTL, checksum and every option not known to be immutable are zeroed. A source
// route: outbound, the destination becomes the last address of an unfinished one, which is what the receiver sees.
// IPv6: traffic class, flow label and hop limit are zeroed, and the data of options that say that they change.
// Reasons: unsupported, for what cannot be predicted here (an unfinished source route inbound, a routing header that
// has segments left, a fragment header); malformed, for option lengths that do not fit.
Verdict zero_mutable_fields(uint8_t* packet, const IpPacket& ip, Direction direction) noexcept;

}  // namespace spigrp
