// Service: one line from a client → the line that answers it. It reads the request, applies or answers it, and wipes
// the keys that were in it. Nothing of connections is known here.
#pragma once

#include <string>
#include <string_view>

#include "control/handlers/handlers.h"
#include "control/json_rpc.h"
#include "control/transaction.h"

namespace spigrp {

class Service {
 public:
  explicit Service(HandlerContext context) : context_(context) {}

  // Newline included; empty for a notification, which wants no answer.
  std::string answer(std::string_view line);

  // Edits from elsewhere than the socket: the start-up batch.
  tl::expected<Generation, RefusedEdit> edit(const std::vector<NumberedEdit>& edits);

  LogTopics& topics() noexcept { return context_.topics; }

 private:
  tl::expected<nlohmann::json, RpcError> answer_call(Call& call);
  tl::expected<nlohmann::json, RpcError> answer_edits(const std::vector<NumberedEdit>& edits);

  HandlerContext context_;
};

}  // namespace spigrp
