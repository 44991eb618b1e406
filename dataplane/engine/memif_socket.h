// The socket file of a memif port. DPDK's driver takes it away when the port is closed, and does not start over one
// that a killed process has left.
#pragma once

#include <string>

namespace spigrp {

// Removes the file that a memif server of these arguments would make ("net_memif0,role=server,socket=…"), if it is a
// socket on which nobody listens, nor does some 200 ms later. What cannot be removed the driver tells of.
void clear_memif_socket(const std::string& device);

}  // namespace spigrp
