// See run_command.h. What each kind of action needs of the daemon, and how its answer is printed.
#include "cli/run_command.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <utility>
#include <variant>

#include <unistd.h>

#include "cli/algorithm_printer.h"
#include "cli/batch_sender.h"
#include "cli/client.h"
#include "cli/eroute_printer.h"
#include "cli/event_printer.h"
#include "cli/explain_printer.h"
#include "cli/group_printer.h"
#include "cli/input.h"
#include "cli/interface_printer.h"
#include "cli/look_printer.h"
#include "cli/name_lookup.h"
#include "cli/network_printer.h"
#include "cli/output.h"
#include "cli/pages.h"
#include "cli/sa_printer.h"
#include "cli/stats_printer.h"
#include "cli/version.h"
#include "commands/command.h"

namespace spigrp {
namespace {

constexpr const char* kDefaultSocket = "/run/spigrp/spigrpd.sock";

std::string socket_path(const CommonWords& common) {
  if (common.socket) return *common.socket;
  const char* path = std::getenv("SPIGRP_SOCKET");
  return path != nullptr && *path != '\0' ? path : kDefaultSocket;
}

// The label of words that may not even make a command, for the error that says so.
std::string label_of(std::span<const std::string> words) {
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--label" && i + 1 < words.size()) return words[i + 1];
    if (words[i].starts_with("--label=")) return words[i].substr(8);
  }
  return {};
}

// Reads the files that words lead to, and remembers that one could not be read: such words are refused (1), not wrong
// (2).
class FileReader {
 public:
  CommandWorld world() {
    return {look_up_name, [this](std::string_view file, size_t most_bytes) {
              auto text = read_input(file, most_bytes);
              if (!text) failed_ = true;
              return text;
            }};
  }
  ExitStatus status() const { return failed_ ? ExitStatus::kRefused : ExitStatus::kWrongUsage; }

 private:
  bool failed_ = false;
};

std::string batch_name(const BatchFile& file) {
  return file.path == "-" ? "<stdin>" : file.path;
}

class Command {
 public:
  Command(std::string_view name, const CommonWords& common)
      : name_(name),
        common_(common),
        client_(socket_path(common)),
        output_(STDOUT_FILENO, common.label.empty() ? std::string() : error_prefix(name, common.label)) {}

  Outcome<void> operator()(const Request& request) {
    const auto done = client_.call(request);
    if (!done) return tl::unexpected(done.error());
    warn(*done);
    return {};
  }
  Outcome<void> operator()(const ShowHelp& help) {
    output_.raw(help.text);
    return output_.finish();
  }
  Outcome<void> operator()(const ShowVersion& /*version*/) {
    output_.raw(std::string(name_) + " (spigrp) " + std::string(kCommandsVersion) + '\n');
    return output_.finish();
  }
  Outcome<void> operator()(const BatchFile& file);
  Outcome<void> operator()(const SaveState& save);
  Outcome<void> operator()(const SaStats& asked);
  Outcome<void> operator()(const StatsWatch& watch);
  Outcome<void> operator()(const MonitorWatch& watch);
  Outcome<void> operator()(const ExplainQuery& query);
  Outcome<void> operator()(Listing listing) {
    auto listed = list(listing);
    if (!listed) {
      output_.discard();
      return listed;
    }
    return output_.finish();
  }

 private:
  void warn(const nlohmann::json& answer) const;
  Outcome<void> list(Listing listing);
  template <class Row>
  Outcome<void> list_rows(ListKind kind, Expected<Row> (*parse)(const nlohmann::json&),
                          std::string (*line)(const Row&));
  Outcome<void> list_algorithms();
  Outcome<void> list_stats();
  Outcome<void> list_debug_flags();
  Outcome<void> look();
  template <class Row>
  Outcome<void> collect(ListKind kind, Expected<Row> (*parse)(const nlohmann::json&), std::vector<Row>& rows);
  Outcome<StatsReport> ask_stats();

  std::string_view name_;
  const CommonWords& common_;
  Client client_;
  Output output_;
};

// No control character in it reaches a terminal as one.
std::string in_ascii(const nlohmann::json& json, int indent = -1) {
  return json.dump(indent, ' ', true);
}

tl::unexpected<Refusal> misunderstood(const Error& error) {
  return refusal(ExitStatus::kNoDaemon, error);
}

void Command::warn(const nlohmann::json& answer) const {
  std::fputs(warnings_text(error_prefix(name_, common_.label), answer).c_str(), stderr);
}

// An array, a row a line, written as the pages come.
class JsonRows {
 public:
  explicit JsonRows(Output& output) : output_(output) {}
  void add(const nlohmann::json& row) {
    output_.raw(first_ ? "[\n" : ",\n");
    output_.raw(in_ascii(row));
    first_ = false;
  }
  void end() { output_.raw(first_ ? "[]\n" : "\n]\n"); }

 private:
  Output& output_;
  bool first_ = true;
};

template <class Row>
Outcome<void> Command::list_rows(ListKind kind, Expected<Row> (*parse)(const nlohmann::json&),
                                 std::string (*line)(const Row&)) {
  JsonRows json(output_);
  auto listed = for_each_row(client_, kind, [&](const nlohmann::json& row) -> Outcome<More> {
    if (common_.json) {
      json.add(row);
    } else {
      const auto parsed = parse(row);
      if (!parsed) return misunderstood(parsed.error());
      output_.line(line(*parsed));
    }
    return output_.broken() ? More::kNo : More::kYes;
  });
  if (listed && common_.json) json.end();
  return listed;
}

Outcome<void> Command::list(Listing listing) {
  switch (listing) {
    case Listing::kSas:
      return list_rows<SaRow>(ListKind::kSas, parse_sa_row, sa_line);
    case Listing::kGroups:
      return list_rows<GroupRow>(ListKind::kGroups, parse_group_row, group_line);
    case Listing::kEroutes:
      return list_rows<ErouteRow>(ListKind::kEroutes, parse_eroute_row, eroute_line);
    case Listing::kInterfaces:
      return list_rows<InterfaceRow>(ListKind::kInterfaces, parse_interface_row, interface_line);
    case Listing::kAddresses:
      return list_rows<AddressSpec>(ListKind::kAddresses, parse_address_row, address_line);
    case Listing::kRoutes:
      return list_rows<RouteSpec>(ListKind::kRoutes, parse_route_row, route_line);
    case Listing::kNeighbours:
      return list_rows<NeighbourRow>(ListKind::kNeighbours, parse_neighbour_row, neighbour_line);
    case Listing::kPathMtus:
      return list_rows<PathMtuRow>(ListKind::kPathMtus, parse_path_mtu_row, path_mtu_line);
    case Listing::kAlgorithms:
      return list_algorithms();
    case Listing::kStats:
      return list_stats();
    case Listing::kLook:
      return look();
    case Listing::kDebugFlags:
      return list_debug_flags();
  }
  return {};
}

Outcome<void> Command::list_algorithms() {
  const auto answer = client_.call(AlgorithmsQuery{});
  if (!answer) return tl::unexpected(answer.error());
  const auto rows = answer->find("rows");
  if (!answer->is_object() || rows == answer->end() || !rows->is_array()) {
    return misunderstood({"the daemon's reply", "has no rows", {}});
  }
  JsonRows json(output_);
  std::vector<AlgorithmListRow> table;
  for (const nlohmann::json& row : *rows) {
    if (common_.json) {
      json.add(row);
      continue;
    }
    auto parsed = parse_algorithm_row(row);
    if (!parsed) return misunderstood(parsed.error());
    table.push_back(std::move(*parsed));
  }
  if (common_.json) {
    json.end();
  } else {
    output_.lines(algorithms_text(table));
  }
  return {};
}

Outcome<void> Command::list_debug_flags() {
  const auto answer = client_.call(DebugFlags{});
  if (!answer) return tl::unexpected(answer.error());
  const auto topics = answer->find("topics");
  if (!answer->is_object() || topics == answer->end() || !topics->is_array()) {
    return misunderstood({"the daemon's reply", "has no topics", {}});
  }
  if (common_.json) {
    output_.raw(in_ascii(*topics) + '\n');
    return {};
  }
  for (const nlohmann::json& topic : *topics) {
    if (topic.is_string()) output_.line(topic.get<std::string>());
  }
  return {};
}

Outcome<StatsReport> Command::ask_stats() {
  const auto answer = client_.call(StatsQuery{});
  if (!answer) return tl::unexpected(answer.error());
  auto report = parse_stats(*answer);
  if (!report) return misunderstood(report.error());
  return std::move(*report);
}

Outcome<void> Command::list_stats() {
  if (common_.json) {
    const auto answer = client_.call(StatsQuery{});
    if (!answer) return tl::unexpected(answer.error());
    output_.raw(in_ascii(*answer, 2) + '\n');
    return {};
  }
  const auto report = ask_stats();
  if (!report) return tl::unexpected(report.error());
  output_.lines(stats_text(*report));
  return {};
}

template <class Row>
Outcome<void> Command::collect(ListKind kind, Expected<Row> (*parse)(const nlohmann::json&), std::vector<Row>& rows) {
  return for_each_row(client_, kind, [&](const nlohmann::json& row) -> Outcome<More> {
    auto parsed = parse(row);
    if (!parsed) return misunderstood(parsed.error());
    rows.push_back(std::move(*parsed));
    return More::kYes;
  });
}

Outcome<void> Command::look() {
  const auto status = client_.call(StatusQuery{});
  if (!status) return tl::unexpected(status.error());
  GatewayView view;
  const auto host = status->find("host"), time = status->find("time_s");
  if (!status->is_object() || host == status->end() || !host->is_string() || time == status->end() ||
      !time->is_number_integer()) {
    return misunderstood({"the daemon's reply", "says neither its host nor its time", {}});
  }
  view.host = host->get<std::string>();
  view.time_s = time->get<int64_t>();
  if (const auto edited = status->find("edited_at"); edited != status->end() && edited->is_number_unsigned()) {
    view.edited_at = edited->get<uint64_t>();
  }
  if (auto got = collect(ListKind::kEroutes, parse_eroute_row, view.eroutes); !got) return got;
  if (auto got = collect(ListKind::kInterfaces, parse_interface_row, view.interfaces); !got) return got;
  if (auto got = collect(ListKind::kSas, parse_sa_row, view.sas); !got) return got;
  if (auto got = collect(ListKind::kRoutes, parse_route_row, view.routes); !got) return got;
  if (common_.json) {
    output_.raw(in_ascii(look_json(std::move(view)), 2) + '\n');
  } else {
    output_.lines(look_text(std::move(view)));
  }
  return {};
}

// The daemon's list of SAs has their counters.
Outcome<void> Command::operator()(const SaStats& asked) {
  std::vector<SaRow> rows;
  if (auto got = collect(ListKind::kSas, parse_sa_row, rows); !got) return got;
  for (const SaId& id : asked.ids) {
    if (std::ranges::find(rows, id, &SaRow::id) == rows.end()) {
      return refusal(ExitStatus::kRefused, {id.text(), "no such SA", "spi lists the SAs"});
    }
  }
  std::erase_if(rows, [&](const SaRow& row) {
    return !asked.ids.empty() && std::ranges::find(asked.ids, row.id) == asked.ids.end();
  });
  std::ranges::sort(rows, {}, &SaRow::id);
  if (common_.json) {
    JsonRows json(output_);
    for (const SaRow& row : rows) json.add(to_row_json(row));
    json.end();
  } else {
    output_.lines(sa_stats_text(rows));
  }
  return output_.finish();
}

// Rates, until interrupted or nobody reads them any more.
Outcome<void> Command::operator()(const StatsWatch& watch) {
  using Clock = std::chrono::steady_clock;
  auto before = ask_stats();
  if (!before) return tl::unexpected(before.error());
  auto asked_at = Clock::now();
  for (;;) {
    std::this_thread::sleep_for(std::chrono::duration<double>(watch.interval_s));
    const auto now = ask_stats();
    if (!now) return tl::unexpected(now.error());
    const auto at = Clock::now();
    output_.lines(rates_text(difference(*before, *now), std::chrono::duration<double>(at - asked_at).count()));
    output_.line("");
    if (auto written = output_.finish(); !written || output_.broken()) return written;
    before = *now;
    asked_at = at;
  }
}

// Until interrupted or nobody reads them any more. An event that this version does not know is shown as it came.
Outcome<void> Command::operator()(const MonitorWatch& watch) {
  return client_.monitor(watch.query, [this](const nlohmann::json& params) {
    const auto event = parse_event(params);
    if (common_.json) {
      output_.raw(in_ascii(params) + '\n');
    } else {
      output_.line(event ? event_text_line(*event) : params.dump());
    }
    output_.flush();
    return !output_.broken();
  });
}

Outcome<void> Command::operator()(const ExplainQuery& query) {
  const auto answer = client_.call(query);
  if (!answer) return tl::unexpected(answer.error());
  if (common_.json) {
    output_.raw(in_ascii(*answer, 2) + '\n');
    return output_.finish();
  }
  const auto explanation = parse_explanation(*answer);
  if (!explanation) return misunderstood(explanation.error());
  output_.lines(explanation_text(*explanation));
  return output_.finish();
}

Outcome<void> Command::operator()(const BatchFile& file) {
  auto text = read_input(file.path);
  if (!text) return refusal(ExitStatus::kRefused, text.error());
  FileReader files;
  auto sent = BatchSender(client_, files.world()).send(*text, batch_name(file), file.if_generation);
  std::string& bytes = *text;  // clang-tidy takes two looks through expected for a reallocation
  wipe(bytes.data(), bytes.size());
  if (!sent) {
    if (sent.error().status == ExitStatus::kWrongUsage) sent.error().status = files.status();
    return tl::unexpected(sent.error());
  }
  warn(*sent);
  return {};
}

Outcome<void> Command::operator()(const SaveState& save) {
  SaveQuery query{.limit = kMaxListRows, .keys = save.keys};
  for (;;) {
    const auto answer = client_.call(query);
    if (!answer) {
      output_.discard();
      return tl::unexpected(answer.error());
    }
    const auto lines = answer->find("lines"), next = answer->find("next");
    if (!answer->is_object() || lines == answer->end() || !lines->is_array() || next == answer->end()) {
      return misunderstood({"the daemon's reply", "has no lines", {}});
    }
    for (const nlohmann::json& line : *lines) {
      if (line.is_string()) output_.line(line.get_ref<const std::string&>());
    }
    if (!next->is_number_unsigned() || output_.broken()) return output_.finish();
    query.cursor = next->get<uint64_t>();
  }
}

}  // namespace

ExitStatus run_command(std::string_view command, std::span<const std::string> words) {
  const auto complain = [&](const std::string& label, const Refusal& refused, const std::string& batch = {}) {
    std::fputs(error_text(error_prefix(command, label), refused, batch).c_str(), stderr);
    return refused.status;
  };
  FileReader files;
  auto parsed = parse_command(command, words, files.world());
  if (!parsed) return complain(as_typed(label_of(words)), {files.status(), parsed.error()});
  Command running(command, parsed->common);
  const auto done = std::visit(running, parsed->action);
  if (done) return ExitStatus::kDone;
  const auto* file = std::get_if<BatchFile>(&parsed->action);
  return complain(parsed->common.label, done.error(), file == nullptr ? std::string() : batch_name(*file));
}

}  // namespace spigrp
