// What the daemon answers to each request, once it is read and valid. One file a subject; service.cpp calls them. Those
// that only look may be called in the middle of a transaction (state/pace.h), so they look at what is published.
#pragma once

#include <ctime>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "config/event.h"
#include "config/request.h"
#include "control/log.h"
#include "control/store.h"
#include "engine/engine.h"

namespace spigrp {

// What handlers answer from.
struct HandlerContext {
  Engine& engine;
  LogTopics& topics;
  Store* store = nullptr;                 // null: the state ends with the process
  std::vector<AddressSpec> configured{};  // addresses that the configuration gives the ports
};

// A page of a list: {"rows": […], "next": cursor or null}.
nlohmann::json list_page(const HandlerContext& context, const List& list);

// Lists over slot-numbered tables and the others, for list_page.
nlohmann::json list_sas(const HandlerContext& context, const List& list);
nlohmann::json list_groups(const HandlerContext& context, const List& list);
nlohmann::json list_eroutes(const HandlerContext& context, const List& list);
nlohmann::json list_network(const HandlerContext& context, const List& list);

// Control thread only.
uint16_t effective_mtu_bytes(Engine& engine, uint16_t port_mtu_bytes);

nlohmann::json answer_algorithms();
// Counters by worker, port and drop reason; only counters are read, so any thread may ask.
nlohmann::json answer_stats(Engine& engine);
// `edited_at`: the generation of the last transaction
nlohmann::json answer_status(const HandlerContext& context, Generation edited_at);
// What the workers would do with a packet. Errors: no such port or SA, no memory.
Expected<nlohmann::json> answer_explain(const HandlerContext& context, const ExplainQuery& query);
nlohmann::json answer_debug(const HandlerContext& context, const DebugFlags& flags);

// What is told of the edits of one transaction, without keys, once it has been made.
class EditNotes {
 public:
  explicit EditNotes(const LogTopics& topics) : topics_(topics) {}

  struct Line {
    const char* topic;
    std::string text;
  };

  void take(const Edit& edit);
  // In the log: each edit under its topic; once an algorithm, those that RFC 8221 says should not be used; where the
  // numbers begin of an SA that was added with keys of one that is no more. To be called once: the notes go with it.
  void log(SaTables& sas, Pace& pace);
  // Generation and which, the first of them in words
  ChangeEvent change(Generation generation) const { return {generation, edits_, first_}; }

 private:
  struct Weak {
    SaId id;
    std::string algorithm;
    std::string_view requirement;
  };
  struct Added {
    SaId id;
    uint64_t sent;
  };

  void take_made(const SaSpec& spec);

  const LogTopics& topics_;
  uint64_t edits_ = 0;
  std::vector<std::string> first_;
  std::deque<Line> lines_;
  std::vector<Weak> weak_;
  std::deque<Added> added_;
};

// What an operator should know of a transaction that was made: a line each, without keys.
std::vector<std::string> warnings_of(const SharedKeys& shared);

}  // namespace spigrp
