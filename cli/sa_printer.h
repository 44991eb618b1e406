// The line of `spi` for an SA, as FreeS/WAN's users know it.
#pragma once

#include <string>

#include "config/request.h"

namespace spigrp {

// "esp.115@192.0.2.2 ESP_AES128_HMAC_SHA1: dir=out src=192.0.2.1 ooowin=64 seq=0 bit=0x0 alen=96 …": no keys. Fields
// that say nothing are left out, as there: the window of an SA that has none, errors that did not happen, the idle time
// of an SA that no packet has used.
std::string sa_line(const SaRow& row);

}  // namespace spigrp
