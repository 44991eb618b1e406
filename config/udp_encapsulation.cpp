// See udp_encapsulation.h.
#include "config/udp_encapsulation.h"

namespace spigrp {

Expected<void> validate(const UdpEncapsulation& encapsulation) {
  if (encapsulation.source_port == 0) return failure("source port 0", "is no port", "use 1 … 65535");
  if (encapsulation.destination_port == 0) return failure("destination port 0", "is no port", "use 1 … 65535");
  return {};
}

}  // namespace spigrp
