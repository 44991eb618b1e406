// The daemon from its options to its end: EAL, engine, start-up batch, control socket, and the control thread's loop.
#pragma once

#include "config/options.h"

namespace spigrp {

// Returns when SIGTERM or SIGINT has come and everything is closed. Error: why it did not start.
Expected<void> run_daemon(const Options& options);

}  // namespace spigrp
