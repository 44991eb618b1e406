// See database.h.
#include "control/database.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <malloc.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/key.h"

namespace spigrp {
namespace {

// Pages hold keys: SQLite's memory is wiped when it is freed (invariant 5), as the heap's own is (wiping_heap.cpp).
void* allocate(int bytes) {
  return std::malloc(static_cast<size_t>(bytes));
}
int size_of(void* memory) {
  return memory == nullptr ? 0 : static_cast<int>(::malloc_usable_size(memory));
}
void release(void* memory) {
  if (memory == nullptr) return;
  wipe(memory, ::malloc_usable_size(memory));
  std::free(memory);
}
void* reallocate(void* memory, int bytes) {
  void* moved = allocate(bytes);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, memory, static_cast<size_t>(std::min(size_of(memory), bytes)));
  release(memory);
  return moved;
}
int rounded(int bytes) {
  return (bytes + 7) & ~7;
}
int begin(void* /*unused*/) {
  return SQLITE_OK;
}
void end(void* /*unused*/) {}

void use_wiped_memory() {
  static const bool done = [] {
    sqlite3_mem_methods methods{allocate, release, reallocate, size_of, rounded, begin, end, nullptr};
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK;
  }();
  (void)done;
}

// So that it is nobody else's from the first moment, whatever the umask is.
Expected<void> make_private(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) return failure(file.string(), std::string("cannot be opened: ") + std::strerror(errno));
  const int mode = ::fchmod(descriptor, 0600);
  ::close(descriptor);
  if (mode != 0) return failure(file.string(), "cannot be made readable by its owner alone");
  return {};
}

Error error_of(sqlite3* database) {
  const char* name = sqlite3_db_filename(database, "main");
  const int code = sqlite3_extended_errcode(database);
  std::string problem = sqlite3_errmsg(database);
  std::string remedy;
  switch (code & 0xff) {
    case SQLITE_FULL:
      remedy = "make room there";
      break;
    case SQLITE_BUSY:
      problem = "another daemon uses it";
      remedy = "end that one, or name another state directory";
      break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      remedy = "put a copy of it there, or move it away and begin anew";
      break;
    case SQLITE_IOERR:
      problem += " (" + std::string(std::strerror(sqlite3_system_errno(database))) + ')';
      break;
    default:
      break;
  }
  return {name == nullptr ? "state" : name, problem, remedy};
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

Statement& Statement::bind(std::string_view text) {
  sqlite3_bind_text(statement_.get(), ++bound_, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  return *this;
}

Statement& Statement::bind(uint64_t number) {
  sqlite3_bind_int64(statement_.get(), ++bound_, static_cast<int64_t>(number));
  return *this;
}

tl::unexpected<Error> Statement::failed() {
  Error error = error_of(sqlite3_db_handle(statement_.get()));
  reset();
  return tl::unexpected(std::move(error));
}

void Statement::reset() noexcept {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());  // it does not outlive what it was bound to
  bound_ = 0;
}

Expected<void> Statement::run() {
  if (sqlite3_step(statement_.get()) != SQLITE_DONE) return failed();
  reset();
  return {};
}

Expected<bool> Statement::next() {
  switch (sqlite3_step(statement_.get())) {
    case SQLITE_ROW:
      return true;
    case SQLITE_DONE:
      reset();
      return false;
    default:
      return failed();
  }
}

std::string_view Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

uint64_t Statement::number(int column) const {
  return static_cast<uint64_t>(sqlite3_column_int64(statement_.get(), column));
}

void Database::Close::operator()(sqlite3* database) const noexcept {
  sqlite3_close(database);
}

Expected<Database> Database::open(const std::filesystem::path& file, bool durable) {
  use_wiped_memory();
  if (const auto made = make_private(file); !made) return tl::unexpected(made.error());
  Database database;
  sqlite3* opened = nullptr;
  const int status = sqlite3_open_v2(file.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, nullptr);
  database.database_.reset(opened);
  if (status != SQLITE_OK) return failure(file.string(), opened == nullptr ? "no memory" : sqlite3_errmsg(opened));
  // One process, so the log's index is in its memory; what is deleted is overwritten, because it may be a key.
  const auto set_up = database.run(
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA secure_delete = ON; PRAGMA cache_size = "
      "-32768;"
      "PRAGMA journal_size_limit = 67108864;"
      "PRAGMA temp_store = MEMORY;");
  if (!set_up) return tl::unexpected(set_up.error());
  const auto synchronous = database.run(durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  if (!synchronous) return tl::unexpected(synchronous.error());
  return database;
}

Expected<void> Database::run(const char* statements) {
  if (sqlite3_exec(database_.get(), statements, nullptr, nullptr, nullptr) != SQLITE_OK) return tl::unexpected(error());
  return {};
}

Expected<Statement> Database::prepare(std::string_view statement) {
  Statement prepared;
  sqlite3_stmt* made = nullptr;
  const int status = sqlite3_prepare_v3(database_.get(), statement.data(), static_cast<int>(statement.size()),
                                        SQLITE_PREPARE_PERSISTENT, &made, nullptr);
  prepared.statement_.reset(made);
  if (status != SQLITE_OK) return tl::unexpected(error());
  return prepared;
}

Error Database::error() const {
  return error_of(database_.get());
}

}  // namespace spigrp
