// BatchSender: a batch of any size to the daemon, as one transaction over many messages. The daemon reads the command
// lines; where they have names or files, they are looked up here, and the lines sent as numbers and keys.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cli/client.h"
#include "commands/command.h"

namespace spigrp {

class BatchSender {
 public:
  // `world`: where names and files are looked up.
  BatchSender(Client& client, CommandWorld world) : client_(client), world_(std::move(world)) {}

  // Errors: of a line (exit 2 where it makes no command, 1 where the daemon refuses it), of the daemon. `name`: of the
  // file, for what is wrong with its lines. Returns the daemon's answer to the whole.
  Outcome<nlohmann::json> send(std::string_view text, std::string_view name, std::optional<uint64_t> if_generation);

 private:
  Outcome<void> send_lines(std::string_view text);
  Outcome<void> send_edits(const Batch& batch);

  Client& client_;
  CommandWorld world_;
};

}  // namespace spigrp
