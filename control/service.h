// Service: one line from a client → the line that answers it. It reads the request, applies or answers it, and wipes
// the keys that were in it. Nothing of connections is known here.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/conversation.h"
#include "control/event_hub.h"
#include "control/handlers/handlers.h"
#include "control/json_rpc.h"
#include "control/transaction.h"

namespace spigrp {

class Service {
 public:
  explicit Service(HandlerContext context) : context_(std::move(context)) {}

  // Newline included; empty for a notification, which wants no answer. `client`: who is told of events if it asks for
  // them.
  std::string answer(std::string_view line, Conversation& conversation,
                     const std::shared_ptr<EventListener>& client = nullptr);

  // Edits from elsewhere than the socket: the start-up batch.
  tl::expected<Generation, RefusedEdit> edit(const Edits& edits);
  // What the store has. Error: it cannot be read or applied.
  Expected<void> load();

  // Tells what has happened in the engine, and cuts off who began to read the state and does not go on.
  void poll();

  LogTopics& topics() noexcept { return context_.topics; }

 private:
  using Answer = tl::expected<nlohmann::json, RpcError>;

  Answer answer_call(Call& call, Conversation& conversation, const std::shared_ptr<EventListener>& client);
  Answer answer_edits(const Edits& edits, std::optional<Generation> if_generation);
  Answer answer_edit(const Edit& edit, Conversation& conversation);
  Answer begin(Conversation& conversation);
  Answer add_lines(const TransactionLines& lines, Conversation& conversation);
  Answer commit(const TransactionCommit& commit, Conversation& conversation);
  Answer abort(Conversation& conversation);
  Answer save(const SaveQuery& query, Conversation& conversation);

  void publish_change(Generation generation, const Edits& edits);
  void give_back_memory();

  HandlerContext context_;
  EventHub hub_;
  Generation edited_at_ = 0;  // by a transaction; neighbours that are learned change the generation too
  bool holds_free_memory_ = false;
  size_t pending_edits_ = 0;
  std::vector<std::weak_ptr<StateReader>> readers_;
};

}  // namespace spigrp
