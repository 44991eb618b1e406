// The [[ports]] of a configuration file. A part of options.cpp.
#pragma once

#include <vector>

#include "config/options.h"
#include "config/toml_reader.h"

namespace spigrp {

inline constexpr size_t kMaxPortOptions = 32;  // the datapath keeps a packet's ports as bits of 32

// Errors, to the reader's file: none, too many, names, devices and addresses that are wrong or there twice, MTUs and
// queues out of range.
void read_ports(TomlReader& document, std::vector<PortOptions>& ports);

}  // namespace spigrp
