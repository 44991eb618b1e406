// See numbers_aside.h.
#include "control/numbers_aside.h"

#include <algorithm>
#include <string>
#include <utility>

#include "control/fingerprint_text.h"

namespace spigrp {
namespace {

// The second table is missing in files of earlier versions.
constexpr const char* kTablesAside =
    "CREATE TABLE IF NOT EXISTS reserved(fingerprint TEXT NOT NULL, number INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS received(id TEXT NOT NULL, fingerprint TEXT NOT NULL, number INTEGER NOT NULL);";

}  // namespace

void raise_mark(ReceivedMarks& marks, const KeyedSa& sa, uint64_t number) {
  uint64_t& mark = marks.try_emplace(sa, 0).first->second;
  mark = std::max(mark, number);
}

uint64_t mark_of(const ReceivedMarks& marks, const SaSpec& spec) {
  // A fingerprint takes longer than a look-up, and of nearly all SAs there is none to look for.
  const auto of_id = marks.lower_bound({spec.id, KeyFingerprint{}});
  if (of_id == marks.end() || of_id->first.id != spec.id) return 0;
  const auto found = marks.find({spec.id, fingerprint_of(spec.encryption_key, spec.authentication_key)});
  return found == marks.end() ? 0 : found->second;
}

Expected<NumbersAside> NumbersAside::open(const std::filesystem::path& file, bool durable) {
  auto database = Database::open(file, durable);
  if (!database) return tl::unexpected(database.error());
  if (const auto made = database->run(kTablesAside); !made) return tl::unexpected(made.error());
  NumbersAside aside(std::move(*database));
  for (const auto& [statement, text] : std::initializer_list<std::pair<Statement*, std::string_view>>{
           {&aside.begin_, "BEGIN IMMEDIATE"},
           {&aside.put_, "INSERT INTO reserved VALUES(?, ?)"},
           {&aside.put_received_, "INSERT INTO received VALUES(?, ?, ?)"},
           {&aside.commit_, "COMMIT"},
           {&aside.rollback_, "ROLLBACK"},
           {&aside.clear_, "DELETE FROM reserved"},
           {&aside.clear_received_, "DELETE FROM received"}}) {
    auto prepared = aside.database_.prepare(text);
    if (!prepared) return tl::unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  return aside;
}

Expected<void> NumbersAside::add(std::span<const SpentKey> reserved, const ReceivedMarks& received) {
  return run_whole(begin_, commit_, rollback_, [&]() -> Expected<void> {
    for (const SpentKey& one : reserved) {
      const std::string fingerprint = hex_of(one.fingerprint);
      if (auto done = put_.bind(fingerprint).bind(one.number).run(); !done) return done;
    }
    for (const auto& [sa, number] : received) {
      const std::string id = sa.id.text(), fingerprint = hex_of(sa.keys);
      if (auto done = put_received_.bind(id).bind(fingerprint).bind(number).run(); !done) return done;
    }
    return {};
  });
}

Expected<void> NumbersAside::each(const std::function<void(const SpentKey&)>& take) {
  auto rows = database_.prepare("SELECT fingerprint, number FROM reserved");
  if (!rows) return tl::unexpected(rows.error());
  for (;;) {
    const auto row = rows->next();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    const auto fingerprint = fingerprint_from(rows->text(0));
    if (!fingerprint) return failure("state: reserved " + as_typed(rows->text(0)), "is no fingerprint of a key");
    take({*fingerprint, rows->number(1)});
  }
}

Expected<ReceivedMarks> NumbersAside::received() {
  auto rows = database_.prepare("SELECT id, fingerprint, number FROM received");
  if (!rows) return tl::unexpected(rows.error());
  ReceivedMarks marks;
  for (;;) {
    const auto row = rows->next();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return marks;
    const auto id = parse_sa_id(rows->text(0));
    if (!id) return failure("state: received by " + as_typed(rows->text(0)), id.error().problem);
    const auto fingerprint = fingerprint_from(rows->text(1));
    if (!fingerprint) return failure("state: received by " + id->text(), "has no fingerprint of a key");
    raise_mark(marks, {*id, *fingerprint}, rows->number(2));
  }
}

Expected<void> NumbersAside::clear() {
  return run_whole(begin_, commit_, rollback_, [&] {
    Expected<void> done = clear_.run();
    if (done) done = clear_received_.run();
    return done;
  });
}

}  // namespace spigrp
