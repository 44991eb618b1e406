// See store.h.
#include "control/store.h"

#include <algorithm>
#include <iterator>
#include <system_error>

#include "commands/command.h"
#include "commands/edit_words.h"
#include "control/fingerprint_text.h"

namespace spigrp {
namespace {

constexpr uint64_t kFormat = 3;

// Those that were spent longest ago are forgotten when the file is opened and each time that so many have been written.
constexpr uint64_t kSpentKeysAtOnce = 1u << 16;

constexpr const char* kTables = R"(
  BEGIN IMMEDIATE;
  CREATE TABLE sa(id TEXT PRIMARY KEY, line TEXT NOT NULL, made_at INTEGER NOT NULL, sent INTEGER NOT NULL,
                  received INTEGER NOT NULL, lost INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE sa_group(first TEXT PRIMARY KEY, line TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE eroute(selector TEXT PRIMARY KEY, line TEXT NOT NULL, target TEXT NOT NULL,
                      pointed_by INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE dissolved(id TEXT PRIMARY KEY, edit INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE network(kind INTEGER NOT NULL, name TEXT NOT NULL, line TEXT NOT NULL, PRIMARY KEY(kind, name))
                       WITHOUT ROWID;
  CREATE TABLE state(transactions INTEGER NOT NULL, lost INTEGER NOT NULL);
  INSERT INTO state VALUES(0, 0);
  PRAGMA user_version = 1;
  COMMIT;
)";

constexpr const char* kTablesOfFormat2 = R"(
  BEGIN IMMEDIATE;
  CREATE TABLE spent_key(fingerprint TEXT PRIMARY KEY, number INTEGER NOT NULL);
  PRAGMA user_version = 2;
  COMMIT;
)";

constexpr const char* kTablesOfFormat3 = R"(
  BEGIN IMMEDIATE;
  ALTER TABLE sa ADD COLUMN used_packets INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE sa ADD COLUMN used_bytes INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE sa ADD COLUMN first_used_at INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE sa ADD COLUMN allocations INTEGER NOT NULL DEFAULT 0;
  PRAGMA user_version = 3;
  COMMIT;
)";

// What makes each format of the one before.
constexpr const char* kFormats[] = {kTables, kTablesOfFormat2, kTablesOfFormat3};
static_assert(std::size(kFormats) == kFormat);

Expected<Edit> parse_line(std::string_view line) {
  const auto no_files = [](std::string_view name, size_t) -> Expected<std::string> {
    return failure(as_typed(name), "is a file, and the state names none");
  };
  auto edit = parse_edit(line, CommandWorld{resolve_numeric, no_files});
  if (!edit) return tl::unexpected(edit.error());
  if (!*edit) return failure({}, "is no command");
  return std::move(**edit);
}

Expected<void> make_directory(const std::filesystem::path& directory) {
  std::error_code error;
  if (std::filesystem::create_directory(directory, error)) {
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  }
  if (error) return failure("state " + directory.string(), "cannot be made: " + error.message());
  return {};
}

}  // namespace

Expected<std::unique_ptr<Store>> Store::open(const StateOptions& options, std::vector<AddressSpec> configured) {
  if (const auto made = make_directory(options.directory); !made) return tl::unexpected(made.error());
  auto database = Database::open(options.directory / "spigrp.db", options.durable);
  if (!database) return tl::unexpected(database.error());
  auto aside = NumbersAside::open(options.directory / "numbers.db", options.durable);
  if (!aside) return tl::unexpected(aside.error());
  std::unique_ptr<Store> store(new Store(std::move(*database), std::move(*aside), std::move(configured)));
  if (const auto done = store->set_up(); !done) return tl::unexpected(done.error());
  return store;
}

Expected<void> Store::set_up() {
  auto version = database_.prepare("PRAGMA user_version");
  if (!version) return tl::unexpected(version.error());
  if (const auto row = version->next(); !row) return tl::unexpected(row.error());
  const uint64_t found = version->number(0);
  *version = Statement();
  if (found > kFormat) {
    return failure("state", "was written by a later version (format " + std::to_string(found) + ")",
                   "run that one, or name another state directory");
  }
  for (uint64_t format = found; format < kFormat; ++format) {
    if (auto made = database_.run(kFormats[format]); !made) return made;
  }
  if (auto prepared = prepare(); !prepared) return prepared;
  auto forgotten = statements_.forget_spent_keys.bind(uint64_t{SpentKeys::kMost}).run();
  if (!forgotten) return forgotten;
  auto state = database_.prepare("SELECT transactions, lost FROM state");
  if (!state) return tl::unexpected(state.error());
  const auto row = state->next();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return failure("state", "has lost its only row", "put a copy of it there, or move it away and begin anew");
  has_state_ = state->number(0) > 0;
  lost_ = state->number(1);
  return {};
}

Expected<void> Store::prepare(Statement& statement, std::string_view text) {
  auto prepared = database_.prepare(text);
  if (!prepared) return tl::unexpected(prepared.error());
  statement = std::move(*prepared);
  return {};
}

Expected<void> Store::prepare() {
  Statements& all = statements_;
  for (const auto& [statement, text] : std::initializer_list<std::pair<Statement*, std::string_view>>{
           {&all.begin, "BEGIN IMMEDIATE"},
           {&all.commit, "COMMIT"},
           {&all.rollback, "ROLLBACK"},
           {&all.count, "UPDATE state SET transactions = transactions + 1"},
           {&all.put_sa, "INSERT OR REPLACE INTO sa(id, line, made_at, sent, received, lost) VALUES(?, ?, ?, ?, ?, ?)"},
           {&all.delete_sa, "DELETE FROM sa WHERE id = ?"},
           {&all.note_numbers, "UPDATE sa SET sent = ?, received = ?, lost = ? WHERE id = ?"},
           {&all.note_lifetime,
            "UPDATE sa SET used_packets = ?, used_bytes = ?, first_used_at = ?, allocations = ? WHERE id = ?"},
           {&all.set_lost, "UPDATE state SET lost = ?"},
           {&all.put_spent_key,
            // Numbers are of 64 bits, and SQLite takes those from 2^63 on for negative. The rowid says which were spent
            // last.
            "INSERT INTO spent_key VALUES(?, ?) ON CONFLICT(fingerprint) DO UPDATE SET "
            "number = CASE WHEN (number < 0) = (excluded.number < 0) THEN max(number, excluded.number) "
            "ELSE min(number, excluded.number) END, rowid = (SELECT max(rowid) + 1 FROM spent_key)"},
           {&all.forget_spent_keys,
            "DELETE FROM spent_key WHERE rowid <= (SELECT rowid FROM spent_key ORDER BY rowid DESC LIMIT 1 OFFSET ?)"},
           {&all.put_group, "INSERT OR REPLACE INTO sa_group VALUES(?, ?)"},
           {&all.delete_group, "DELETE FROM sa_group WHERE first = ?"},
           {&all.put_eroute, "INSERT OR REPLACE INTO eroute VALUES(?, ?, ?, ?)"},
           {&all.delete_eroute, "DELETE FROM eroute WHERE selector = ?"},
           {&all.put_dissolved, "INSERT OR REPLACE INTO dissolved VALUES(?, ?)"},
           {&all.delete_dissolved, "DELETE FROM dissolved WHERE id = ?"},
           {&all.put_network, "INSERT OR REPLACE INTO network VALUES(?, ?, ?)"},
           {&all.delete_network, "DELETE FROM network WHERE kind = ? AND name = ?"},
           {&all.clear_network, "DELETE FROM network WHERE kind = ?"}}) {
    if (auto prepared = prepare(*statement, text); !prepared) return prepared;
  }
  return {};
}

Expected<void> Store::each_row(std::string_view query, const Complete& complete,
                               const std::function<Expected<void>(const Edit&)>& take) {
  auto rows = database_.prepare(query);
  if (!rows) return tl::unexpected(rows.error());
  for (;;) {
    const auto row = rows->next();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    auto edit = parse_line(rows->text(0));
    if (edit) {
      complete(*edit, *rows);
      const auto taken = take(*edit);
      if (taken) continue;
      edit = tl::unexpected(taken.error());
    }
    const Error& error = edit.error();
    return failure("state: " + std::string(rows->text(1)),
                   (error.object.empty() ? "" : error.object + ": ") + error.problem, error.remedy);
  }
}

Expected<uint64_t> Store::highest_edit() {
  auto highest = database_.prepare(
      "SELECT max(ifnull((SELECT max(pointed_by) FROM eroute), 0), ifnull((SELECT max(edit) FROM dissolved), 0))");
  if (!highest) return tl::unexpected(highest.error());
  if (const auto row = highest->next(); !row) return tl::unexpected(row.error());
  return highest->number(0);
}

Expected<uint64_t> Store::each_edit(const std::function<Expected<void>(const Edit&)>& take) {
  const auto as_it_is = [](Edit&, const Statement&) {};
  const auto received_aside = aside_.received();
  if (!received_aside) return tl::unexpected(received_aside.error());
  const auto with_numbers = [&](Edit& edit, const Statement& row) {
    auto* add = std::get_if<SaAdd>(&edit);
    if (add == nullptr) return;
    const uint64_t last = add->spec.extended_sequence ? UINT64_MAX : UINT32_MAX;
    add->spec.made_at_s = row.number(2);
    const uint64_t lost = lost_ - std::min(lost_, row.number(5));
    if (is_numbered(add->spec.id)) add->spec.sent = number_after(row.number(3), lost * kReserveAhead, last);
    add->spec.received = std::min(std::max(row.number(4), mark_of(*received_aside, add->spec)), last);
    add->spec.lifetime_used = {row.number(6), row.number(7), row.number(8), row.number(9)};
  };
  const auto dissolved = [](Edit& edit, const Statement&) {
    if (auto* eroute = std::get_if<ErouteSet>(&edit)) eroute->dissolved = true;
  };
  const std::string dissolved_now =
      "EXISTS (SELECT 1 FROM dissolved WHERE id = target AND edit > pointed_by AND "
      "NOT EXISTS (SELECT 1 FROM sa_group WHERE first = target))";
  struct Part {
    std::string query;
    Complete complete;
  };
  // Eroutes that lead to nothing come first: of two to one SA it is the later that may lead to it.
  const Part parts[] = {{"SELECT line, name FROM network ORDER BY kind, name", as_it_is},
                        {"SELECT line, id, made_at, sent, received, lost, used_packets, used_bytes, first_used_at, "
                         "allocations FROM sa",
                         with_numbers},
                        {"SELECT line, first FROM sa_group", as_it_is},
                        {"SELECT line, selector FROM eroute WHERE " + dissolved_now, dissolved},
                        {"SELECT line, selector FROM eroute WHERE NOT (" + dissolved_now + ')', as_it_is}};
  for (const Part& part : parts) {
    if (const auto done = each_row(part.query, part.complete, take); !done) return tl::unexpected(done.error());
  }
  return highest_edit();
}

Expected<void> Store::each_spent_key(const std::function<void(const SpentKey&)>& take) {
  auto rows = database_.prepare("SELECT fingerprint, number FROM spent_key ORDER BY rowid");
  if (!rows) return tl::unexpected(rows.error());
  for (;;) {
    const auto row = rows->next();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    const auto fingerprint = fingerprint_from(rows->text(0));
    if (!fingerprint) return failure("state: spent key " + as_typed(rows->text(0)), "is no fingerprint of a key");
    take({*fingerprint, rows->number(1)});
  }
  return aside_.each(take);
}

Expected<void> Store::begin_process() {
  return statements_.set_lost.bind(lost_ + 1).run();
}

Expected<void> Store::write_numbers(std::span<const UsedNumbers> used, uint64_t lost) {
  for (const UsedNumbers& one : used) {
    const std::string id = one.id.text();
    auto done = statements_.note_numbers.bind(one.sent).bind(one.received).bind(lost).bind(id).run();
    if (!done) return done;
  }
  return {};
}

Expected<void> Store::write_lifetimes(std::span<const UsedLifetime> lifetimes) {
  for (const auto& [said, use] : lifetimes) {
    const std::string id = said.text();
    Statement& note = statements_.note_lifetime.bind(use.packets).bind(use.bytes).bind(use.first_used_at_s);
    if (auto done = note.bind(use.allocations).bind(id).run(); !done) return done;
  }
  return {};
}

Expected<void> Store::note(const Notes& notes) {
  return run_whole(statements_.begin, statements_.commit, statements_.rollback, [&] {
    Expected<void> done = write_numbers(notes.numbers, lost_ + 1);
    if (done) done = write_lifetimes(notes.lifetimes);
    for (const SpentKey& key : notes.spent) {
      if (done) done = put_spent_key(key);
    }
    return done;
  });
}

Expected<void> Store::put_spent_key(const SpentKey& key) {
  const std::string fingerprint = hex_of(key.fingerprint);
  auto put = statements_.put_spent_key.bind(fingerprint).bind(key.number).run();
  if (!put || ++spent_keys_written_ % kSpentKeysAtOnce != 0) return put;
  return statements_.forget_spent_keys.bind(uint64_t{SpentKeys::kMost}).run();
}

Expected<void> Store::end_process(std::span<const UsedNumbers> used, std::span<const UsedLifetime> lifetimes) {
  return run_whole(statements_.begin, statements_.commit, statements_.rollback, [&] {
    Expected<void> done = write_numbers(used, lost_);
    if (done) done = write_lifetimes(lifetimes);
    if (done) done = statements_.set_lost.bind(lost_).run();
    return done;
  });
}

}  // namespace spigrp
