// The line of `spigrp` for a group: its SAs, inside → outside.
#pragma once

#include <span>
#include <string>

#include "config/request.h"

namespace spigrp {

// "tun.3d0@192.168.2.110 comp.3d0@192.168.2.110 esp.187a101b@192.168.2.110"
std::string members_text(std::span<const SaId> members);
std::string group_line(const GroupRow& row);

}  // namespace spigrp
