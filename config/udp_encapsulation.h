// UdpEncapsulation: the UDP ports between which an esp SA's packets travel (RFC 3948), as the operator typed them.
#pragma once

#include <cstdint>

#include "config/error.h"

namespace spigrp {

inline constexpr uint16_t kNatTraversalPort = 4500;  // RFC 3948 section 2.1

struct UdpEncapsulation {
  uint16_t source_port = kNatTraversalPort;  // of the sending gateway, as the receiving one sees it
  uint16_t destination_port = kNatTraversalPort;

  friend bool operator==(const UdpEncapsulation&, const UdpEncapsulation&) = default;
};

// Port 0 is none.
Expected<void> validate(const UdpEncapsulation& encapsulation);

}  // namespace spigrp
