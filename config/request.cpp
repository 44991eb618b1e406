// See request.h. One table of methods: a row gives a request's name, its fields and what must hold of them.
#include "config/request.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "config/event.h"
#include "config/json_fields.h"
#include "config/log_topic.h"

namespace spigrp {

void fields(auto& f, FieldsOf<SaSpec> auto& spec) {
  f("id", spec.id);
  f("source", spec.source);
  f("algorithm", spec.algorithm, std::string());
  f("encryption_key", spec.encryption_key, Key());
  f("authentication_key", spec.authentication_key, Key());
  f("replay_window", spec.replay_window, kDefaultReplayWindow);
  f("extended_sequence", spec.extended_sequence, false);
  f("tunnel_destination", spec.tunnel_destination, IpAddress());
  f("outer", spec.outer, OuterHeader());
  f("lifetime", spec.lifetime, LifetimeSpec());
  f("sent", spec.sent, uint64_t{0});
  f("received", spec.received, uint64_t{0});
  f("made_at_s", spec.made_at_s, uint64_t{0});
  f("udp_encapsulation", spec.udp_encapsulation, std::optional<UdpEncapsulation>());
}

namespace {

template <class T, class Fields, class Check>
struct Method {
  using Request = T;
  std::string_view name;
  Fields fields;
  Check check;
};

template <class T, class Fields, class Check>
constexpr Method<T, Fields, Check> method(std::string_view name, Fields fields, Check check) {
  return {name, fields, check};
}

constexpr auto kNoFields = [](auto&, auto&) {};
constexpr auto kAnything = [](const auto&) -> Expected<void> { return {}; };
constexpr auto kSpec = [](auto& f, auto& request) { f("spec", request.spec); };
constexpr auto kSpecValid = [](const auto& request) { return validate(request.spec); };
constexpr auto kSelector = [](auto& f, auto& request) { f("selector", request.selector); };
constexpr auto kSelectorValid = [](const auto& request) { return validate(request.selector); };
constexpr auto kId = [](auto& f, auto& request) { f("id", request.id); };
constexpr auto kName = [](auto& f, auto& request) { f("name", request.name); };
constexpr auto kMembers = [](auto& f, auto& request) { f("members", request.members); };

constexpr auto kNameValid = [](const auto& request) -> Expected<void> {
  const auto number = parse_interface_name(request.name);
  if (!number) return tl::unexpected(number.error());
  return {};
};
constexpr auto kDestinationValid = [](const RouteDelete& request) {
  return validate(RouteSpec{.destination = request.destination});
};
constexpr auto kTopicsValid = [](const DebugFlags& request) -> Expected<void> {
  for (const auto* topics : {&request.set, &request.clear}) {
    for (const std::string& topic : *topics) {
      if (auto valid = validate_log_topic(topic); !valid) return valid;
    }
  }
  return {};
};

constexpr auto kEventsValid = [](const MonitorQuery& request) -> Expected<void> {
  for (const std::string& event : request.events) {
    if (auto valid = validate_event_name(event); !valid) return valid;
  }
  return {};
};

constexpr auto kErouteFields = [](auto& f, auto& request) {
  f("selector", request.selector);
  f("target", request.target);
  f("existing", request.existing, ExistingEntry::kRefuse);
  f("dissolved", request.dissolved, false);
};
constexpr auto kErouteValid = [](const ErouteSet& request) -> Expected<void> {
  if (request.dissolved && !std::holds_alternative<SaId>(request.target)) {
    return failure(text(request.target), "heads no group that could be dissolved", "leave dissolved out");
  }
  return validate(request.selector);
};
constexpr auto kRouteFields = [](auto& f, auto& request) {
  f("spec", request.spec);
  f("existing", request.existing, ExistingEntry::kRefuse);
};
constexpr auto kNeighbourFields = [](auto& f, auto& request) {
  f("address", request.address);
  f("device", request.device);
};
constexpr auto kAttachFields = [](auto& f, auto& request) {
  f("name", request.name);
  f("port", request.port);
};
constexpr auto kFlagFields = [](auto& f, auto& request) {
  f("set", request.set, std::vector<std::string>());
  f("clear", request.clear, std::vector<std::string>());
};

constexpr auto kExplainFields = [](auto& f, auto& request) {
  f("source", request.source);
  f("destination", request.destination);
  f("protocol", request.protocol, uint8_t{0});
  f("source_port", request.source_port, uint16_t{0});
  f("destination_port", request.destination_port, uint16_t{0});
  f("bytes", request.bytes, uint32_t{0});
  f("ttl", request.ttl, uint8_t{64});
  f("dont_fragment", request.dont_fragment, false);
  f("port", request.port, std::string());
  f("out_of", request.out_of, std::optional<SaId>());
};
constexpr auto kExplainValid = [](const auto& request) { return validate(request); };

Expected<void> check_limit(uint32_t limit) {
  if (limit > 0 && limit <= kMaxListRows) return {};
  return failure("limit", "must be a whole number from 1 to " + std::to_string(kMaxListRows));
}

constexpr std::tuple kEdits = {
    method<SaAdd>("sa.add", kSpec, kSpecValid),
    method<SaReplace>("sa.replace", kSpec, kSpecValid),
    method<SaDelete>("sa.delete", kId, kAnything),
    method<SaClear>("sa.clear", kNoFields, kAnything),
    method<GroupSet>("group.set", kMembers, kAnything),
    method<GroupReplace>("group.replace", kMembers, kAnything),
    method<GroupDissolve>(
        "group.dissolve", [](auto& f, auto& r) { f("member", r.member); }, kAnything),
    method<ErouteSet>("eroute.set", kErouteFields, kErouteValid),
    method<ErouteDelete>("eroute.delete", kSelector, kSelectorValid),
    method<ErouteClear>("eroute.clear", kNoFields, kAnything),
    method<InterfaceCreate>("interface.create", kName, kNameValid),
    method<InterfaceDelete>("interface.delete", kName, kNameValid),
    method<InterfaceAttach>("interface.attach", kAttachFields, kNameValid),
    method<InterfaceDetach>("interface.detach", kName, kNameValid),
    method<InterfaceClear>("interface.clear", kNoFields, kAnything),
    method<AddressAdd>("address.add", kSpec, kSpecValid),
    method<AddressDelete>("address.delete", kSpec, kSpecValid),
    method<RouteAdd>("route.add", kRouteFields, kSpecValid),
    method<RouteDelete>(
        "route.delete", [](auto& f, auto& r) { f("destination", r.destination); }, kDestinationValid),
    method<NeighbourSet>("neighbour.set", kSpec, kAnything),
    method<NeighbourDelete>("neighbour.delete", kNeighbourFields, kAnything),
};

constexpr auto kIfGeneration = [](auto& f, auto& request) {
  f("if_generation", request.if_generation, std::optional<uint64_t>());
};
constexpr auto kLinesFields = [](auto& f, auto& request) {
  f("text", request.lines);
  f("line", request.line, uint32_t{1});
};
constexpr auto kSaveFields = [](auto& f, auto& request) {
  f("cursor", request.cursor, uint64_t{0});
  f("limit", request.limit, uint32_t{1000});
  f("keys", request.keys, false);
};
constexpr auto kSaveValid = [](const SaveQuery& request) { return check_limit(request.limit); };

constexpr std::tuple kQueries = {
    method<TransactionBegin>("begin", kNoFields, kAnything),
    method<TransactionLines>("lines", kLinesFields, kAnything),
    method<TransactionCommit>("commit", kIfGeneration, kAnything),
    method<TransactionAbort>("abort", kNoFields, kAnything),
    method<SaveQuery>("save", kSaveFields, kSaveValid),
    method<AlgorithmsQuery>("algorithms", kNoFields, kAnything),
    method<StatsQuery>("stats", kNoFields, kAnything),
    method<StatusQuery>("status", kNoFields, kAnything),
    method<MonitorQuery>(
        "monitor", [](auto& f, auto& r) { f("events", r.events, std::vector<std::string>()); }, kEventsValid),
    method<DebugFlags>("debug", kFlagFields, kTopicsValid),
    method<ExplainQuery>("explain", kExplainFields, kExplainValid),
};

constexpr std::string_view kBatchMethod = "batch";
constexpr std::array<std::string_view, 8> kListMethods = {"sa.list",        "group.list",   "eroute.list",
                                                          "interface.list", "address.list", "route.list",
                                                          "neighbour.list", "path_mtu.list"};

template <class T, class... Rows>
constexpr const auto& row_of(const std::tuple<Rows...>& table) {
  constexpr size_t kRow = [] {
    constexpr std::array<bool, sizeof...(Rows)> kMatches = {std::same_as<typename Rows::Request, T>...};
    for (size_t i = 0; i < kMatches.size(); ++i) {
      if (kMatches[i]) return i;
    }
    return kMatches.size();
  }();
  return std::get<kRow>(table);  // does not compile for a request without a row
}

template <class T>
constexpr bool kIsEdit = requires(T value) {
  Edit(std::in_place_type<T>, value);
};

template <class T>
constexpr const auto& row_of() {
  if constexpr (kIsEdit<T>) {
    return row_of<T>(kEdits);
  } else {
    return row_of<T>(kQueries);
  }
}

std::string_view edit_method(const Edit& edit) {
  return std::visit([]<class T>(const T&) { return row_of<T>().name; }, edit);
}

template <class T>
nlohmann::json params_of(const T& request) {
  FieldWriter writer;
  row_of<T>().fields(writer, request);
  return std::move(writer.object);
}

nlohmann::json params_of(const Edit& edit) {
  return std::visit([](const auto& request) { return params_of(request); }, edit);
}

nlohmann::json params_of(const List& list) {
  return {{"cursor", list.cursor}, {"limit", list.limit}};
}

nlohmann::json params_of(const Batch& batch) {
  nlohmann::json edits = nlohmann::json::array();
  for (const NumberedEdit& numbered : batch.edits) {
    edits.push_back(
        {{"line", numbered.line}, {"method", edit_method(numbered.edit)}, {"params", params_of(numbered.edit)}});
  }
  nlohmann::json params = {{"edits", std::move(edits)}};
  if (batch.if_generation) params["if_generation"] = *batch.if_generation;
  return params;
}

// Finds the row of that name and parses with it; nothing if there is none.
template <class Variant, class... Rows>
std::optional<Expected<Variant>> parse_with(const std::tuple<Rows...>& table, std::string_view name,
                                            const nlohmann::json& params, const std::string& path) {
  std::optional<Expected<Variant>> result;
  const auto try_row = [&](const auto& row) {
    if (row.name != name) return false;
    typename std::remove_cvref_t<decltype(row)>::Request request;
    FieldReader reader(params, path, UnknownFields::kRefused);
    row.fields(reader, request);
    if (const auto read = reader.finish(); !read) {
      result = tl::unexpected(read.error());
    } else if (const Expected<void> valid = row.check(request); !valid) {
      result = tl::unexpected(valid.error());
    } else {
      result = Variant(std::move(request));
    }
    return true;
  };
  std::apply([&](const auto&... rows) { (try_row(rows) || ...); }, table);
  return result;
}

tl::unexpected<Error> unknown_method(std::string_view name) {
  return failure(as_typed(name), "no such method", "docs/control.md lists them");
}

// What a check finds names the SA or the selector; of many edits it must be said which one has it.
Error of_edit(const std::string& path, Error error) {
  if (!error.object.starts_with(path)) error.object = path + ": " + error.object;
  return error;
}

Expected<Batch> parse_batch_params(const nlohmann::json& params) {
  Batch batch;
  RawJson raw;
  FieldReader top(params, {}, UnknownFields::kRefused);
  top("edits", raw);
  top("if_generation", batch.if_generation, std::optional<uint64_t>());
  if (const auto read = top.finish(); !read) return tl::unexpected(read.error());
  const nlohmann::json* edits = raw.json;
  if (!edits->is_array()) return failure("edits", "must be an array of edits");
  for (size_t i = 0; i < edits->size(); ++i) {
    const std::string path = "edits[" + std::to_string(i) + ']';
    FieldReader reader((*edits)[i], path, UnknownFields::kRefused);
    uint32_t line = 0;
    std::string name;
    RawJson edit_params;
    reader("line", line, uint32_t{0});
    reader("method", name);
    reader("params", edit_params);
    if (const auto read = reader.finish(); !read) return tl::unexpected(read.error());
    auto edit = parse_with<Edit>(kEdits, name, *edit_params.json, path + ".params");
    if (!edit) return failure(path + ".method", as_typed(name) + " is no edit", "a batch holds edits only");
    if (!*edit) return tl::unexpected(of_edit(path, edit->error()));
    batch.edits.push_back({line, std::move(**edit)});
  }
  return batch;
}

Expected<List> parse_list_params(ListKind kind, const nlohmann::json& params) {
  List list{.kind = kind};
  FieldReader reader(params, {}, UnknownFields::kRefused);
  reader("cursor", list.cursor, uint64_t{0});
  reader("limit", list.limit, uint32_t{1000});
  if (const auto read = reader.finish(); !read) return tl::unexpected(read.error());
  if (const auto valid = check_limit(list.limit); !valid) return tl::unexpected(valid.error());
  return list;
}

}  // namespace

std::string_view method_name(const Request& request) {
  return std::visit(
      []<class T>(const T& value) -> std::string_view {
        if constexpr (std::same_as<T, Edit>) {
          return edit_method(value);
        } else if constexpr (std::same_as<T, List>) {
          return kListMethods[static_cast<size_t>(value.kind)];
        } else if constexpr (std::same_as<T, Batch>) {
          return kBatchMethod;
        } else {
          return row_of<T>().name;
        }
      },
      request);
}

nlohmann::json request_params(const Request& request) {
  return std::visit([](const auto& value) { return params_of(value); }, request);
}

bool is_method(std::string_view name) noexcept {
  const auto among = [name](const auto& table) {
    return std::apply([name](const auto&... rows) { return ((rows.name == name) || ...); }, table);
  };
  return name == kBatchMethod || std::find(kListMethods.begin(), kListMethods.end(), name) != kListMethods.end() ||
         among(kEdits) || among(kQueries);
}

Expected<Request> parse_request(std::string_view method, const nlohmann::json& params) {
  if (method == kBatchMethod)
    return parse_batch_params(params).map([](Batch&& batch) { return Request(std::move(batch)); });
  for (size_t kind = 0; kind < kListMethods.size(); ++kind) {
    if (method != kListMethods[kind]) continue;
    return parse_list_params(static_cast<ListKind>(kind), params).map([](const List& list) { return Request(list); });
  }
  if (auto edit = parse_with<Edit>(kEdits, method, params, {})) {
    return std::move(*edit).map([](Edit&& value) { return Request(std::move(value)); });
  }
  if (auto query = parse_with<Request>(kQueries, method, params, {})) return std::move(*query);
  return unknown_method(method);
}

}  // namespace spigrp
