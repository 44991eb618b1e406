// See service.h.
#include "control/service.h"

namespace spigrp {
namespace {

using Answer = tl::expected<nlohmann::json, RpcError>;

}  // namespace

std::string Service::answer(std::string_view line) {
  auto call = read_call(line);
  if (!call) {
    topics().say("pfkey", "no request: " + call.error().error.text());
    return error_line(call.error());
  }
  Answer answer = answer_call(*call);
  if (topics().has("pfkey")) {
    topics().say("pfkey", as_typed(call->method) + ": " + (answer ? "done" : answer.error().error.text()));
  }
  if (!call->wants_answer) return {};
  if (answer) return result_line(call->id, std::move(*answer));
  answer.error().id = call->id;
  return error_line(answer.error());
}

Answer Service::answer_call(Call& call) {
  if (!is_method(call.method)) {
    return tl::unexpected(
        RpcError{kNoSuchMethod, {as_typed(call.method), "no such method", "docs/control.md lists them"}});
  }
  const auto request = parse_request(call.method, call.params);
  wipe_keys(call.params);
  if (!request) return tl::unexpected(RpcError{kInvalidParams, request.error()});
  return std::visit(
      [this]<class T>(const T& asked) -> Answer {
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
  }
  engine.poll_control();
  return generation;
}

}  // namespace spigrp
