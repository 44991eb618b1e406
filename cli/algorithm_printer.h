// The table of `spi --algorithms`.
#pragma once

#include <span>
#include <string>

#include "config/request.h"

namespace spigrp {

// Names as `spi --esp` and `spi --ah` take them, key lengths in bits; the salt of combined modes is part of the key.
std::string algorithms_text(std::span<const AlgorithmListRow> rows);

}  // namespace spigrp
