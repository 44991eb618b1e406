// The start-up batch: commands of a file as one transaction, before the first packet.
#pragma once

#include <filesystem>

#include "commands/command.h"

namespace spigrp {

// Reads and parses the file; it and the files that it names are regular ones of at most 512 MiB, those named from its
// own folder on. Names are not looked up, and nothing is read from standard input. Errors: "FILE:LINE: …".
Expected<Batch> read_startup_batch(const std::filesystem::path& file);

}  // namespace spigrp
