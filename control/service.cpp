// See service.h.
#include "control/service.h"

#include <algorithm>
#include <utility>

#include <malloc.h>
#include <spdlog/spdlog.h>

#include "commands/command.h"

namespace spigrp {
namespace {

// So many edits leave as much memory behind as they make use of, in pieces between what stays.
constexpr size_t kLargeTransaction = 10'000;
constexpr size_t kEditsFreedAtOnce = 8192;
constexpr size_t kAnswerBytes = size_t{32} * 1024;  // more than it takes to make the answer to a transaction

const char* event_topic(const Event& event) {
  if (std::holds_alternative<ExpireEvent>(event)) return "spi";
  if (std::holds_alternative<AcquireEvent>(event)) return "eroute";
  return std::holds_alternative<LostEvent>(event) ? "verbose" : "rcv";
}

Error too_many_pending() {
  return {"transaction",
          "there are " + std::to_string(kMaxPendingEdits) + " edits in transactions that are not committed",
          "commit them, or make smaller ones"};
}

// Changes nothing, and is shown no keys.
bool only_reads(const Request& request) {
  return std::visit(
      []<class T>(const T& asked) {
        if constexpr (std::is_same_v<T, SaveQuery>) {
          return !asked.keys;
        } else if constexpr (std::is_same_v<T, DebugFlags>) {
          return asked.set.empty() && asked.clear.empty();
        } else {
          return std::is_same_v<T, List> || std::is_same_v<T, AlgorithmsQuery> || std::is_same_v<T, StatsQuery> ||
                 std::is_same_v<T, StatusQuery> || std::is_same_v<T, MonitorQuery> || std::is_same_v<T, ExplainQuery>;
        }
      },
      request);
}

// May change what is there, or looks at more than what is published. Edits of a transaction that is begun only wait
// with it.
bool needs_its_turn(const Request& request, const Conversation& conversation) {
  if (const auto* explain = std::get_if<ExplainQuery>(&request)) return explain->out_of.has_value();
  if (std::holds_alternative<Edit>(request)) return conversation.transaction == nullptr;
  return std::holds_alternative<Batch>(request) || std::holds_alternative<TransactionCommit>(request);
}

Error nothing_begun() {
  return {"transaction", "none is begun", "begin one first"};
}

tl::expected<Request, RpcError> read_request(Call& call, Access access) {
  if (!is_method(call.method)) {
    return tl::unexpected(
        RpcError{kNoSuchMethod, {as_typed(call.method), "no such method", "docs/control.md lists them"}});
  }
  auto request = parse_request(call.method, call.params);
  wipe_keys(call.params);
  if (!request) return tl::unexpected(RpcError{kInvalidParams, request.error()});
  if (access == Access::kRead && !only_reads(*request)) {
    return tl::unexpected(
        RpcError{kRefused, {as_typed(call.method), "this socket is for reading only", "ask on the control socket"}});
  }
  return std::move(*request);
}

// What may be left undone, because it is not worth more than that. False: it is.
template <class Do>
bool as_far_as_possible(Do something) noexcept {
  try {
    something();
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

void log_warnings(const SharedKeys& shared) {
  for (const std::string& line : warnings_of(shared)) spdlog::warn("{}", line);
}

}  // namespace

// A transaction is being made. When it has been, those go on who waited for it.
class Service::Making {
 public:
  explicit Making(Service& service) : service_(service) { service_.making_ = true; }
  Making(const Making&) = delete;
  Making& operator=(const Making&) = delete;
  ~Making() {
    service_.making_ = false;
    service_.let_go_on();
  }

 private:
  Service& service_;
};

std::optional<std::string> Service::answer(std::string_view line, Conversation& conversation,
                                           const std::shared_ptr<EventListener>& client) {
  auto call = read_call(line);
  if (!call) {
    topics().say("pfkey", "no request: " + call.error().error.text());
    return call.error().wants_answer ? error_line(call.error()) : std::string();
  }
  auto request = read_request(*call, conversation.access);
  if (request && is_busy() && needs_its_turn(*request, conversation)) return std::nullopt;
  conversation.in_force.reset();
  if (kept_aside_ == nullptr) kept_aside_ = std::make_unique<std::byte[]>(kAnswerBytes);
  try {
    return answer_call(*call, request, conversation, client);
  } catch (const std::bad_alloc&) {
    if (!conversation.in_force) throw;
  }
  kept_aside_.reset();
  if (!call->wants_answer) return std::string();
  return result_text_line(call->id, R"({"generation":)" + std::to_string(*conversation.in_force) + '}');
}

std::string Service::answer_call(const Call& call, tl::expected<Request, RpcError>& request, Conversation& conversation,
                                 const std::shared_ptr<EventListener>& client) {
  Answer answer = request ? answer_request(*request, conversation, client) : tl::unexpected(request.error());
  if (topics().has("pfkey")) {
    topics().say("pfkey", as_typed(call.method) + ": " + (answer ? "done" : answer.error().error.text()));
  }
  if (!call.wants_answer) return {};
  if (answer) return result_line(call.id, *answer);
  answer.error().id = call.id;
  return error_line(answer.error());
}

Service::Answer Service::answer_request(Request& request, Conversation& conversation,
                                        const std::shared_ptr<EventListener>& client) {
  return std::visit(
      [&]<class T>(T& asked) -> Answer {
        if constexpr (std::is_same_v<T, Edit>) {
          return answer_edit(asked, conversation);
        } else if constexpr (std::is_same_v<T, Batch>) {
          return answer_edits(asked.edits, asked.if_generation, conversation);
        } else if constexpr (std::is_same_v<T, TransactionBegin>) {
          return begin(conversation);
        } else if constexpr (std::is_same_v<T, TransactionLines>) {
          return add_lines(asked, conversation);
        } else if constexpr (std::is_same_v<T, TransactionCommit>) {
          return commit(asked, conversation);
        } else if constexpr (std::is_same_v<T, TransactionAbort>) {
          return abort(conversation);
        } else if constexpr (std::is_same_v<T, List>) {
          return list_page(context_, asked);
        } else if constexpr (std::is_same_v<T, SaveQuery>) {
          return save(asked, conversation);
        } else if constexpr (std::is_same_v<T, AlgorithmsQuery>) {
          return answer_algorithms();
        } else if constexpr (std::is_same_v<T, StatsQuery>) {
          return answer_stats(context_.engine);
        } else if constexpr (std::is_same_v<T, StatusQuery>) {
          return answer_status(context_, edited_at_);
        } else if constexpr (std::is_same_v<T, MonitorQuery>) {
          if (client != nullptr) hub_.subscribe(client, asked.events);
          return nlohmann::json::object();
        } else if constexpr (std::is_same_v<T, ExplainQuery>) {
          auto explained = answer_explain(context_, asked);
          if (!explained) return tl::unexpected(RpcError{kRefused, explained.error()});
          return std::move(*explained);
        } else {
          static_assert(std::is_same_v<T, DebugFlags>);
          return answer_debug(context_, asked);
        }
      },
      request);
}

Service::Answer Service::answer_edits(Edits& edits, std::optional<Generation> if_generation,
                                      Conversation& conversation) {
  if (if_generation && *if_generation != edited_at_) {
    return tl::unexpected(
        RpcError{kRefused,
                 {"generation " + std::to_string(*if_generation),
                  "somebody else made a transaction since then, generation " + std::to_string(edited_at_),
                  "look at what there is now, and try again with that generation"}});
  }
  const auto made = edit(edits);
  if (!made) return tl::unexpected(RpcError{kRefused, made.error().error, made.error().line});
  conversation.in_force = made->generation;
  nlohmann::json answer = {{"generation", made->generation}};
  if (made->shared_keys.count > 0) answer["warnings"] = warnings_of(made->shared_keys);
  return answer;
}

// Numbered in the order of their coming, where it is part of a transaction.
Service::Answer Service::answer_edit(const Edit& edit, Conversation& conversation) {
  OpenTransaction* transaction = conversation.transaction.get();
  if (transaction == nullptr) {
    Edits one{NumberedEdit{0, edit}};
    return answer_edits(one, std::nullopt, conversation);
  }
  const auto number = static_cast<uint32_t>(transaction->edits().size() + 1);
  if (!transaction->add({number, edit})) return tl::unexpected(RpcError{kRefused, too_many_pending()});
  return nlohmann::json{{"pending", number}};
}

Service::Answer Service::begin(Conversation& conversation) {
  if (conversation.transaction != nullptr) {
    return tl::unexpected(
        RpcError{kRefused, {"transaction", "is begun already", "commit or abort it before the next"}});
  }
  conversation.transaction = std::make_unique<OpenTransaction>(pending_edits_);
  return nlohmann::json{{"generation", edited_at_}};
}

Service::Answer Service::add_lines(const TransactionLines& lines, Conversation& conversation) {
  OpenTransaction* transaction = conversation.transaction.get();
  if (transaction == nullptr) return tl::unexpected(RpcError{kRefused, nothing_begun()});
  bool is_for_client = false;
  const auto resolve = [&](std::string_view name, std::optional<Family> family) {
    auto address = resolve_numeric(name, family);
    if (!address) is_for_client = true;
    return address;
  };
  const auto read_file = [&](std::string_view name, size_t /*most_bytes*/) -> Expected<std::string> {
    is_for_client = true;
    return failure(as_typed(name), "is the client's to read", "give the key itself");
  };
  const CommandWorld world{resolve, read_file};
  std::string_view text = lines.lines.text;
  for (uint32_t line = lines.line; !text.empty(); ++line) {
    const size_t end = text.find('\n');
    auto edit = parse_edit(text.substr(0, end), world);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (!edit) return tl::unexpected(RpcError{is_for_client ? kForClient : kInvalidParams, edit.error(), line});
    if (!*edit) continue;
    if (!transaction->add({line, std::move(**edit)})) {
      return tl::unexpected(RpcError{kRefused, too_many_pending(), line});
    }
  }
  return nlohmann::json{{"pending", transaction->edits().size()}};
}

// Refused or not, it is over.
Service::Answer Service::commit(const TransactionCommit& commit, Conversation& conversation) {
  const auto transaction = std::move(conversation.transaction);
  if (transaction == nullptr) return tl::unexpected(RpcError{kRefused, nothing_begun()});
  return answer_edits(transaction->edits(), commit.if_generation, conversation);
}

Service::Answer Service::abort(Conversation& conversation) {
  if (conversation.transaction == nullptr) return tl::unexpected(RpcError{kRefused, nothing_begun()});
  conversation.transaction.reset();
  return nlohmann::json::object();
}

Service::Answer Service::save(const SaveQuery& query, Conversation& conversation) {
  if (query.cursor == 0) {
    conversation.save.reset();
    auto reader = StateReader::begin(context_.engine, context_.configured);
    if (!reader) return tl::unexpected(RpcError{kRefused, reader.error()});
    conversation.save = std::move(*reader);
    readers_.push_back(conversation.save);
  }
  if (conversation.save == nullptr) {
    return tl::unexpected(RpcError{kInvalidParams, {"cursor", "is of no save on this connection", "begin with 0"}});
  }
  auto page = conversation.save->read(query.cursor, query.limit, query.keys ? KeyWords::kShown : KeyWords::kLeftOut);
  if (!page || !page->next) conversation.save.reset();
  if (!page) return tl::unexpected(RpcError{kRefused, page.error()});
  nlohmann::json answer = {{"lines", std::move(page->lines)}};
  answer["next"] = page->next ? nlohmann::json(*page->next) : nlohmann::json();
  return answer;
}

tl::expected<Published, RefusedEdit> Service::edit(Edits& edits) {
  Engine& engine = context_.engine;
  const bool is_large = edits.size() >= kLargeTransaction;
  std::optional<Making> making(*this);
  if (is_large) make_room();
  EditNotes notes(context_.topics);
  auto made = apply(edits, {engine.versions(), engine.sas(), engine.routes(), context_.store}, pace_,
                    {.applied = [&](const Edit& edit) { notes.take(edit); },
                     .published = [&](Generation published) { tell_change(notes, published); }});
  holds_free_memory_ = holds_free_memory_ || is_large;
  if (made) {
    as_far_as_possible([&] {
      notes.log(engine.sas(), pace_);
      log_warnings(made->shared_keys);
    });
  }
  making.reset();
  as_far_as_possible([&] { engine.poll_control(); });  // the next one does what this one leaves
  return made;
}

// Behind what happened before it, and before what happens now. The transaction is in force, whoever hears of it.
void Service::tell_change(const EditNotes& notes, Generation published) noexcept {
  edited_at_ = published;
  tell_events();
  if (!as_far_as_possible([&] { hub_.publish(notes.change(published)); })) ++untold_;
}

Expected<void> Service::load() {
  Engine& engine = context_.engine;
  const auto loaded = apply_stored(*context_.store, {engine.versions(), engine.sas(), engine.routes()});
  if (!loaded) return tl::unexpected(loaded.error());
  edited_at_ = engine.versions().published();
  log_warnings(*loaded);
  holds_free_memory_ = true;
  engine.poll_control();
  return {};
}

// What earlier transactions have left is freed: places in the tables, and memory.
void Service::make_room() {
  while (context_.engine.versions().reclaim() > 0) pace_.long_step();
  while (free_some_edits()) pace_.long_step();
}

// False: there is none.
bool Service::free_some_edits() {
  std::vector<Edits>& done = pending_edits_.done;
  if (done.empty()) return false;
  for (size_t i = 0; i < kEditsFreedAtOnce && !done.back().empty(); ++i) done.back().pop_back();
  if (done.back().empty()) done.pop_back();
  return true;
}

// Once nothing waits to be freed any more.
void Service::give_back_memory() {
  if (free_some_edits()) return;
  if (!holds_free_memory_ || context_.engine.versions().waiting() > 0) return;
  malloc_trim(0);
  holds_free_memory_ = false;
}

void Service::poll() {
  let_go_on();
  give_back_memory();
  const auto now = StateReader::Clock::now();
  std::erase_if(readers_, [&](const std::weak_ptr<StateReader>& weak) {
    const auto reader = weak.lock();
    if (reader != nullptr) reader->expire(now);
    return reader == nullptr;
  });
  tell_events();
}

void Service::tell_events() noexcept {
  if (untold_ > 0 && as_far_as_possible([this] { hub_.publish(LostEvent{untold_}); })) untold_ = 0;
  std::vector<Event> events;
  as_far_as_possible([&] { events = context_.engine.take_events(); });
  for (const Event& event : events) tell(event);
}

void Service::tell(const Event& event) noexcept {
  as_far_as_possible([&] {
    if (topics().any()) topics().say(event_topic(event), event_text(event));
  });
  if (as_far_as_possible([&] { hub_.publish(event); })) return;
  const auto* lost = std::get_if<LostEvent>(&event);
  untold_ += lost != nullptr ? lost->count : 1;
}

// Those who waited, in their order. One for whom there is no memory, and those behind, go on at the next poll.
void Service::let_go_on() noexcept {
  size_t gone = 0;
  while (gone < waiting_.size() && as_far_as_possible([&] { waiting_[gone](); })) ++gone;
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(gone));
}

}  // namespace spigrp
