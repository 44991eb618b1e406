// See numbers_aside.h.
#include "control/numbers_aside.h"

#include <string>
#include <utility>

#include "control/fingerprint_text.h"

namespace spigrp {

Expected<NumbersAside> NumbersAside::open(const std::filesystem::path& file, bool durable) {
  auto database = Database::open(file, durable);
  if (!database) return tl::unexpected(database.error());
  const auto made =
      database->run("CREATE TABLE IF NOT EXISTS reserved(fingerprint TEXT NOT NULL, number INTEGER NOT NULL)");
  if (!made) return tl::unexpected(made.error());
  NumbersAside aside(std::move(*database));
  for (const auto& [statement, text] : std::initializer_list<std::pair<Statement*, std::string_view>>{
           {&aside.begin_, "BEGIN IMMEDIATE"},
           {&aside.put_, "INSERT INTO reserved VALUES(?, ?)"},
           {&aside.commit_, "COMMIT"},
           {&aside.rollback_, "ROLLBACK"},
           {&aside.clear_, "DELETE FROM reserved"}}) {
    auto prepared = aside.database_.prepare(text);
    if (!prepared) return tl::unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  return aside;
}

Expected<void> NumbersAside::add(std::span<const SpentKey> reserved) {
  return run_whole(begin_, commit_, rollback_, [&]() -> Expected<void> {
    for (const SpentKey& one : reserved) {
      const std::string fingerprint = hex_of(one.fingerprint);
      if (auto done = put_.bind(fingerprint).bind(one.number).run(); !done) return done;
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

Expected<void> NumbersAside::clear() {
  return clear_.run();
}

}  // namespace spigrp
