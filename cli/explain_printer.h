// What `explain` prints: the packet, its way step by step, its end.
#pragma once

#include <string>

#include "config/explanation.h"

namespace spigrp {

std::string explanation_text(const Explanation& explanation);

}  // namespace spigrp
