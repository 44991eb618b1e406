// Database: SQLite as the store needs it: prepared statements, and errors that name the file. Control thread only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "config/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace spigrp {

// One statement, used again and again: bind in order, then run() or, for rows, next().
class Statement {
 public:
  Statement() = default;
  Statement(Statement&&) = default;
  Statement& operator=(Statement&&) = default;

  Statement& bind(std::string_view text);  // which stays where it is until the statement has run
  Statement& bind(uint64_t number);        // of 64 bits
  // Runs it to its end. Errors: what SQLite says.
  Expected<void> run();
  // To its next row; false: there is none.
  Expected<bool> next();
  std::string_view text(int column) const;  // until the next row
  uint64_t number(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  tl::unexpected<Error> failed();
  void reset() noexcept;

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bound_ = 0;
};

// All that `work` does, or nothing of it.
template <class Work>
Expected<void> run_whole(Statement& begin, Statement& commit, Statement& rollback, Work&& work) {
  Expected<void> done = begin.run();
  if (done) done = work();
  if (done) done = commit.run();
  if (!done) (void)rollback.run();
  return done;
}

class Database {
 public:
  // Opens the file, made with mode 0600 where there is none, and keeps others out of it for as long as it is open.
  // `durable`: a commit is on the disk when it returns; otherwise in the operating system's hands. Errors name the
  // file.
  static Expected<Database> open(const std::filesystem::path& file, bool durable);
  Database(Database&&) = default;
  Database& operator=(Database&&) = default;

  Expected<void> run(const char* statements);
  Expected<Statement> prepare(std::string_view statement);
  Error error() const;  // the last one

 private:
  struct Close {
    void operator()(sqlite3* database) const noexcept;
  };
  Database() = default;

  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace spigrp
