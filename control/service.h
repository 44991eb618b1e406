// Service: one line from a client → the line that answers it. It reads the request, applies or answers it, and wipes
// the keys that were in it. Nothing of connections is known here.
#pragma once

#include <functional>
#include <memory>
#include <optional>
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
  // them. Nothing: a transaction is being made, and this may change what is there: ask again when it has been made.
  std::optional<std::string> answer(std::string_view line, Conversation& conversation,
                                    const std::shared_ptr<EventListener>& client = nullptr);

  // While a transaction is being made that takes long, `turn` is called now and then. It may ask for answers; throws
  // nothing.
  void give_turns(std::function<void()> turn) { pace_ = Pace(std::move(turn)); }
  // A transaction is being made: neither poll() nor the tables' other writers may be called.
  bool is_busy() const noexcept { return making_; }
  // Is called once, when the transaction that is being made has been.
  void when_made(std::function<void()> go_on) { waiting_.push_back(std::move(go_on)); }

  // Edits from elsewhere than the socket: the start-up batch.
  // Frees the edits as they are applied.
  tl::expected<Published, RefusedEdit> edit(Edits& edits);
  // What the store has. Error: it cannot be read or applied.
  Expected<void> load();

  // Tells what has happened in the engine, and cuts off who began to read the state and does not go on.
  void poll();
  // Only tells; in a turn, too. What there is no memory to tell of is counted and told as lost.
  void tell_events() noexcept;

  LogTopics& topics() noexcept { return context_.topics; }

 private:
  using Answer = tl::expected<nlohmann::json, RpcError>;

  class Making;

  Answer answer_request(Request& request, Conversation& conversation, const std::shared_ptr<EventListener>& client);
  Answer answer_edits(Edits& edits, std::optional<Generation> if_generation, Conversation& conversation);
  Answer answer_edit(const Edit& edit, Conversation& conversation);
  Answer begin(Conversation& conversation);
  Answer add_lines(const TransactionLines& lines, Conversation& conversation);
  Answer commit(const TransactionCommit& commit, Conversation& conversation);
  Answer abort(Conversation& conversation);
  Answer save(const SaveQuery& query, Conversation& conversation);

  std::string answer_call(const Call& call, tl::expected<Request, RpcError>& request, Conversation& conversation,
                          const std::shared_ptr<EventListener>& client);
  void tell_change(const EditNotes& notes, Generation published) noexcept;
  void tell(const Event& event) noexcept;
  void let_go_on() noexcept;
  void make_room();
  bool free_some_edits();
  void give_back_memory();

  HandlerContext context_;
  EventHub hub_;
  Generation edited_at_ = 0;  // by a transaction; neighbours that are learned change the generation too
  bool holds_free_memory_ = false;
  PendingEdits pending_edits_;
  Pace pace_;
  bool making_ = false;  // a transaction
  std::vector<std::function<void()>> waiting_;
  uint64_t untold_ = 0;                      // events
  std::unique_ptr<std::byte[]> kept_aside_;  // memory to say in that edits are in force
  std::vector<std::weak_ptr<StateReader>> readers_;
};

}  // namespace spigrp
