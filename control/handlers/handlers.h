// What the daemon answers to each request, once it is read and valid. One file a subject; service.cpp calls them. Those
// that only look may be called in the middle of a transaction (state/pace.h), so they look at what is published.
#pragma once

#include <ctime>
#include <string>

#include <nlohmann/json.hpp>

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

// An edit in words, without keys.
std::string edit_text(const Edit& edit);
// Logs an edit under its topic, without keys.
void log_edit(const LogTopics& topics, const Edit& edit);
// Warns in the log, once an algorithm, of those that RFC 8221 says should not be used.
void warn_of_weak_algorithm(const Edit& edit);
// Of an SA that was added with keys of one that is no more.
void say_where_numbers_begin(const Edit& edit, SaTables& sas);

}  // namespace spigrp
