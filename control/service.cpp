// See service.h.
#include "control/service.h"

#include <algorithm>

namespace spigrp {
namespace {

using Answer = tl::expected<nlohmann::json, RpcError>;

constexpr size_t kEditsTold = 8;  // of a transaction, in words

const char* event_topic(const Event& event) {
  if (std::holds_alternative<ExpireEvent>(event)) return "spi";
  if (std::holds_alternative<AcquireEvent>(event)) return "eroute";
  return std::holds_alternative<LostEvent>(event) ? "verbose" : "rcv";
}

}  // namespace

std::string Service::answer(std::string_view line, const std::shared_ptr<EventListener>& client) {
  auto call = read_call(line);
  if (!call) {
    topics().say("pfkey", "no request: " + call.error().error.text());
    return error_line(call.error());
  }
  Answer answer = answer_call(*call, client);
  if (topics().has("pfkey")) {
    topics().say("pfkey", as_typed(call->method) + ": " + (answer ? "done" : answer.error().error.text()));
  }
  if (!call->wants_answer) return {};
  if (answer) return result_line(call->id, std::move(*answer));
  answer.error().id = call->id;
  return error_line(answer.error());
}

Answer Service::answer_call(Call& call, const std::shared_ptr<EventListener>& client) {
  if (!is_method(call.method)) {
    return tl::unexpected(
        RpcError{kNoSuchMethod, {as_typed(call.method), "no such method", "docs/control.md lists them"}});
  }
  const auto request = parse_request(call.method, call.params);
  wipe_keys(call.params);
  if (!request) return tl::unexpected(RpcError{kInvalidParams, request.error()});
  return std::visit(
      [&]<class T>(const T& asked) -> Answer {
        if constexpr (std::is_same_v<T, Edit>) {
          return answer_edits({NumberedEdit{0, asked}});
        } else if constexpr (std::is_same_v<T, Batch>) {
          return answer_edits(asked.edits);
        } else if constexpr (std::is_same_v<T, List>) {
          return list_page(context_, asked);
        } else if constexpr (std::is_same_v<T, AlgorithmsQuery>) {
          return answer_algorithms();
        } else if constexpr (std::is_same_v<T, StatsQuery>) {
          return answer_stats(context_.engine);
        } else if constexpr (std::is_same_v<T, StatusQuery>) {
          return answer_status(context_);
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
      *request);
}

Answer Service::answer_edits(const std::vector<NumberedEdit>& edits) {
  const auto generation = edit(edits);
  if (!generation) return tl::unexpected(RpcError{kRefused, generation.error().error, generation.error().line});
  return nlohmann::json{{"generation", *generation}};
}

tl::expected<Generation, RefusedEdit> Service::edit(const std::vector<NumberedEdit>& edits) {
  Engine& engine = context_.engine;
  const auto generation = apply(edits, {engine.versions(), engine.sas(), engine.routes()});
  if (generation) {
    for (const NumberedEdit& numbered : edits) {
      log_edit(context_.topics, numbered.edit);
      warn_of_weak_algorithm(numbered.edit);
    }
    publish_change(*generation, edits);
  }
  engine.poll_control();
  return generation;
}

void Service::publish_change(Generation generation, const std::vector<NumberedEdit>& edits) {
  ChangeEvent change{generation, edits.size(), {}};
  for (size_t i = 0; i < std::min(edits.size(), kEditsTold); ++i) change.what.push_back(edit_text(edits[i].edit));
  hub_.publish(change);
}

void Service::publish_events() {
  for (const Event& event : context_.engine.take_events()) {
    if (topics().any()) topics().say(event_topic(event), event_text(event));
    hub_.publish(event);
  }
}

}  // namespace spigrp
