// See event.h.
#include "config/event.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "config/json_fields.h"

namespace spigrp {
namespace {

void fields(auto& f, FieldsOf<ExpireEvent> auto& event) {
  f("id", event.id);
  f("expiry", event.expiry);
  f("limit", event.limit);
  f("value", event.value);
}
void fields(auto& f, FieldsOf<AuthenticationFailureEvent> auto& event) {
  f("id", event.id);
  f("source", event.source);
}
void fields(auto& f, FieldsOf<ReplayEvent> auto& event) {
  f("id", event.id);
  f("source", event.source);
  f("sequence", event.sequence);
}
void fields(auto& f, FieldsOf<AcquireEvent> auto& event) {
  f("flow", event.flow);
  f("trap", event.trap);
}
void fields(auto& f, FieldsOf<ChangeEvent> auto& event) {
  f("generation", event.generation);
  f("edits", event.edits);
  f("what", event.what);
}
void fields(auto& f, FieldsOf<LostEvent> auto& event) {
  f("count", event.count);
}

std::string words_of(const ExpireEvent& event) {
  return event.id.text() + ' ' + event.expiry + ' ' + event.limit + '=' + std::to_string(event.value);
}
std::string words_of(const AuthenticationFailureEvent& event) {
  return event.id.text() + " from " + event.source.text();
}
std::string words_of(const ReplayEvent& event) {
  return event.id.text() + " from " + event.source.text() + " sequence " + std::to_string(event.sequence);
}
std::string words_of(const AcquireEvent& event) {
  return event.flow.text() + ", trap " + event.trap.text();
}
std::string words_of(const ChangeEvent& event) {
  std::string words = "generation " + std::to_string(event.generation) + ", edits " + std::to_string(event.edits);
  for (const std::string& what : event.what) words += "; " + what;
  return event.what.size() < event.edits ? words + "; …" : words;
}
std::string words_of(const LostEvent& event) {
  return std::to_string(event.count) + " events";
}

static_assert(std::variant_size_v<Event> == kEventNames.size());

template <class T>
Expected<TimedEvent> read_event(const nlohmann::json& params) {
  TimedEvent timed;
  T event;
  std::string name;
  FieldReader reader(params, {}, UnknownFields::kIgnored);
  reader("time_ms", timed.time_ms);
  fields(reader, event);
  if (const auto read = reader.finish(); !read) return tl::unexpected(read.error());
  timed.event = std::move(event);
  return timed;
}

template <size_t... Kinds>
Expected<TimedEvent> read_event_of(size_t kind, const nlohmann::json& params, std::index_sequence<Kinds...>) {
  std::optional<Expected<TimedEvent>> read;
  ((Kinds == kind ? (void)read.emplace(read_event<std::variant_alternative_t<Kinds, Event>>(params)) : (void)0), ...);
  return std::move(*read);
}

}  // namespace

std::string_view event_name(const Event& event) noexcept {
  return kEventNames[event.index()];
}

Expected<void> validate_event_name(std::string_view name) {
  if (std::find(kEventNames.begin(), kEventNames.end(), name) != kEventNames.end()) return {};
  std::string names;
  for (const std::string_view known : kEventNames) names += (names.empty() ? "" : ", ") + std::string(known);
  return failure(as_typed(name), "no such event", "there are " + names);
}

std::string event_text(const Event& event) {
  return std::string(event_name(event)) + ' ' + std::visit([](const auto& known) { return words_of(known); }, event);
}

nlohmann::json to_json(const TimedEvent& event) {
  FieldWriter writer;
  writer("event", std::string(event_name(event.event)));
  writer("time_ms", event.time_ms);
  std::visit([&](const auto& known) { fields(writer, known); }, event.event);
  return std::move(writer.object);
}

Expected<TimedEvent> parse_event(const nlohmann::json& params) {
  const auto name = params.is_object() ? params.find("event") : params.end();
  if (!params.is_object() || name == params.end() || !name->is_string()) return failure("event", "is missing");
  const auto found = std::find(kEventNames.begin(), kEventNames.end(), name->get<std::string>());
  if (found == kEventNames.end()) return validate_event_name(name->get<std::string>()).map([] { return TimedEvent(); });
  return read_event_of(static_cast<size_t>(found - kEventNames.begin()), params,
                       std::make_index_sequence<std::variant_size_v<Event>>());
}

}  // namespace spigrp
