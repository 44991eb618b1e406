// Request: everything that can be asked of the daemon, as values. The commands make them, the socket carries them as
// JSON-RPC 2.0 (one message a line, docs/control.md), the daemon's handlers take them. The field names in JSON are
// those here.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "config/explanation.h"
#include "config/route_spec.h"
#include "config/sa_spec.h"
#include "config/selector.h"

namespace spigrp {

enum class ExistingEntry : uint8_t { kRefuse, kReplace };  // what to do where there is one already

// Edits: each can be part of a batch.
struct SaAdd {
  SaSpec spec;
};
struct SaReplace {
  SaSpec spec;
};  // of an SA that is there
struct SaDelete {
  SaId id;
};
struct SaClear {};
struct GroupSet {
  std::vector<SaId> members;
};  // inside → outside, two or more
struct GroupReplace {
  std::vector<SaId> members;
};  // the group known by members[0]
struct GroupDissolve {
  SaId member;
};
struct ErouteSet {
  Selector selector;
  ErouteTarget target;
  ExistingEntry existing = ExistingEntry::kRefuse;
  bool dissolved = false;  // leads to a group that is no more
};
struct ErouteDelete {
  Selector selector;
};
struct ErouteClear {};
struct InterfaceCreate {
  std::string name;
};
struct InterfaceDelete {
  std::string name;
};
struct InterfaceAttach {
  std::string name, port;
};
struct InterfaceDetach {
  std::string name;
};
struct InterfaceClear {};
struct AddressAdd {
  AddressSpec spec;
};
struct AddressDelete {
  AddressSpec spec;
};
struct RouteAdd {
  RouteSpec spec;
  ExistingEntry existing = ExistingEntry::kRefuse;
};
struct RouteDelete {
  IpPrefix destination;
};
struct NeighbourSet {
  NeighbourSpec spec;
};
struct NeighbourDelete {
  IpAddress address;
  std::string device;
};

using Edit =
    std::variant<SaAdd, SaReplace, SaDelete, SaClear, GroupSet, GroupReplace, GroupDissolve, ErouteSet, ErouteDelete,
                 ErouteClear, InterfaceCreate, InterfaceDelete, InterfaceAttach, InterfaceDetach, InterfaceClear,
                 AddressAdd, AddressDelete, RouteAdd, RouteDelete, NeighbourSet, NeighbourDelete>;

// One transaction: all of it or nothing.
struct NumberedEdit {
  uint32_t line = 0;
  Edit edit;
};
// Of which there may be millions: as they come and go, nothing is done with the others.
using Edits = std::list<NumberedEdit>;
struct Batch {
  Edits edits;
  // Refused where another transaction has been made since this generation; nothing: whatever was made.
  std::optional<uint64_t> if_generation{};
};

// The same over many messages: what is asked between TransactionBegin and TransactionCommit on one connection is one
// transaction. Of a client that goes away in between nothing is left.
struct TransactionBegin {};
struct CommandLines {
  std::string text;
};
struct TransactionLines {
  CommandLines lines;  // as in a batch file; names and files are the client's to look up
  uint32_t line = 1;   // number of the first
};
struct TransactionCommit {
  std::optional<uint64_t> if_generation{};
};
struct TransactionAbort {};
inline constexpr size_t kMaxPendingEdits = 4'000'000;  // of all open transactions: a million SAs, groups and eroutes

// Lists come in pages: a reply has `rows` and `next`, the cursor of the next page, or null after the last. A row that
// is there from the first page to the last is listed exactly once, whatever is edited meanwhile.
enum class ListKind : uint8_t { kSas, kGroups, kEroutes, kInterfaces, kAddresses, kRoutes, kNeighbours, kPathMtus };
inline constexpr uint32_t kMaxListRows = 10000;  // of one page
struct List {
  ListKind kind = ListKind::kSas;
  uint64_t cursor = 0;
  uint32_t limit = 1000;
};

// The state as command lines, in pages that show one moment: {"lines": […], "next": cursor or null}.
struct SaveQuery {
  uint64_t cursor = 0;
  uint32_t limit = 1000;
  bool keys = false;
};

struct AlgorithmsQuery {};
struct StatsQuery {};
struct StatusQuery {};  // version, generation, host, counts
struct MonitorQuery {
  std::vector<std::string> events;  // names (config/event.h); empty: all
};                                  // this connection is told of events from now on
struct DebugFlags {
  std::vector<std::string> set, clear;
};  // klipsdebug

using Request =
    std::variant<Edit, Batch, TransactionBegin, TransactionLines, TransactionCommit, TransactionAbort, List, SaveQuery,
                 AlgorithmsQuery, StatsQuery, StatusQuery, MonitorQuery, DebugFlags, ExplainQuery>;

// "sa.add", "group.replace", "eroute.set", "batch", "sa.list", "algorithms", "stats", "status", "debug", "explain" …
std::string_view method_name(const Request& request);
nlohmann::json request_params(const Request& request);
bool is_method(std::string_view name) noexcept;  // one of those names
// Strict: unknown method, unknown or missing field, wrong type, value out of range are errors that name the field. Keys
// are never repeated in an error. Specs and selectors are validated.
Expected<Request> parse_request(std::string_view method, const nlohmann::json& params);

// Rows of the lists.
struct SaRow {
  SaId id;
  IpAddress source;
  std::string algorithm;  // "ESP_AES128GCM16" …, "COMP_DEFLATE"; for tun "IPv4_Encapsulation", "IPv6_Encapsulation"
  std::string direction;  // "in": to one of the gateway's addresses, else "out"
  uint16_t replay_window = 0;
  bool extended_sequence = false;
  uint64_t sequence = 0;  // out: highest sent; in: highest received
  uint64_t window_bits = 0;
  uint16_t icv_bits = 0, authentication_key_bits = 0, encryption_key_bits = 0;
  uint64_t packets = 0, bytes = 0;
  uint64_t authentication_failures = 0, replays = 0, outside_window = 0, malformed = 0, exhausted = 0;
  // comp: of the same packets as `bytes`, on the compressed side
  uint64_t compressed_bytes = 0;
  uint64_t age_s = 0;   // since it was made
  int64_t idle_s = -1;  // since the newest packet of this process; −1: none yet
  int64_t used_s = -1;  // since the first packet; −1: none yet
  OuterHeader outer;    // of a tun SA
  LifetimeSpec lifetime;
  uint64_t allocations = 0;  // eroutes that were ever pointed at it
  // Of an SA with a lifetime: what has been taken from it, by processes before this one too
  uint64_t lifetime_packets = 0, lifetime_bytes = 0;
  uint64_t expired = 0;     // packets that came when it was over
  std::string expiry;       // "soft" or "hard": of the limits, what has been reached; else empty
  std::vector<SaId> group;  // members inside → outside; empty: in no group
  std::optional<UdpEncapsulation> udp_encapsulation;
  std::optional<uint16_t> peer_port;  // of an SA in UDP: where the peer is now, if not at the port given
};
struct GroupRow {
  std::vector<SaId> members;
};
struct ErouteRow {
  Selector selector;
  ErouteTarget target;
  uint64_t packets = 0;
  std::vector<SaId> group;  // that the target heads now; empty for magic targets and where nothing protects any more
};
struct AlgorithmListRow {
  std::string name, protocol;
  uint16_t encryption_key_bits = 0, authentication_key_bits = 0, icv_bits = 0;
  std::string requirement;           // of RFC 8221: "MUST", "SHOULD", "MAY", "SHOULD NOT" …
  uint32_t cycles_per_kilobyte = 0;  // TSC cycles for 1,024 bytes on the daemon's processor; 0: not measured
};

// To and from JSON, so that the commands print what the daemon filled in.
nlohmann::json to_row_json(const SaRow& row);
nlohmann::json to_row_json(const GroupRow& row);
nlohmann::json to_row_json(const ErouteRow& row);
nlohmann::json to_row_json(const InterfaceRow& row);
nlohmann::json to_row_json(const AddressSpec& row);
nlohmann::json to_row_json(const RouteSpec& row);
nlohmann::json to_row_json(const NeighbourRow& row);
nlohmann::json to_row_json(const PathMtuRow& row);
nlohmann::json to_row_json(const AlgorithmListRow& row);
// Each throws nothing; a reply that does not fit is an error ("the daemon's reply …").
Expected<SaRow> parse_sa_row(const nlohmann::json& row);
Expected<GroupRow> parse_group_row(const nlohmann::json& row);
Expected<ErouteRow> parse_eroute_row(const nlohmann::json& row);
Expected<InterfaceRow> parse_interface_row(const nlohmann::json& row);
Expected<AddressSpec> parse_address_row(const nlohmann::json& row);
Expected<RouteSpec> parse_route_row(const nlohmann::json& row);
Expected<NeighbourRow> parse_neighbour_row(const nlohmann::json& row);
Expected<PathMtuRow> parse_path_mtu_row(const nlohmann::json& row);
Expected<AlgorithmListRow> parse_algorithm_row(const nlohmann::json& row);

// An Error as the "error" member of a JSON-RPC reply: code, message (text()), data {object, problem, remedy, line};
// line is left out where it is 0. All of it is valid UTF-8, whatever was typed.
nlohmann::json error_json(const Error& error, int code = -32000, uint32_t line = 0);
Error parse_error_json(const nlohmann::json& error);

// Overwrites the keys in the params of a request that has been read; the JSON may then be freed.
void wipe_keys(nlohmann::json& params);

}  // namespace spigrp
