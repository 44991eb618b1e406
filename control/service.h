// Service: one line from a client → the line that answers it. It reads the request, applies or answers it, and wipes
// the keys that were in it. Nothing of connections is known here.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "control/event_hub.h"
#include "control/handlers/handlers.h"
#include "control/json_rpc.h"
#include "control/transaction.h"

namespace spigrp {

class Service {
 public:
  explicit Service(HandlerContext context) : context_(context) {}

  // Newline included; empty for a notification, which wants no answer. `client`: who is told of events if it asks for
  // them.
  std::string answer(std::string_view line, const std::shared_ptr<EventListener>& client = nullptr);

  // Edits from elsewhere than the socket: the start-up batch.
  tl::expected<Generation, RefusedEdit> edit(const std::vector<NumberedEdit>& edits);

  // Tells what has happened in the engine.
  void publish_events();

  LogTopics& topics() noexcept { return context_.topics; }

 private:
  tl::expected<nlohmann::json, RpcError> answer_call(Call& call, const std::shared_ptr<EventListener>& client);
  tl::expected<nlohmann::json, RpcError> answer_edits(const std::vector<NumberedEdit>& edits);

  void publish_change(Generation generation, const std::vector<NumberedEdit>& edits);

  HandlerContext context_;
  EventHub hub_;
};

}  // namespace spigrp
