// NumbersAside: sequence numbers that are reserved while the store is busy with a transaction, in an SQLite file of its
// own (numbers.db) beside the store's: fingerprint of an SA's keys, number up to which they may be used. It is read as
// spent keys are, so that whoever has these keys then begins behind. Most of the time it is empty: when the transaction
// is over, the store takes in what it says (NumberKeeper). Control thread only.
#pragma once

#include <filesystem>
#include <functional>
#include <span>

#include "control/database.h"
#include "sa/spent_keys.h"

namespace spigrp {

class NumbersAside {
 public:
  // Errors name the file.
  static Expected<NumbersAside> open(const std::filesystem::path& file, bool durable);

  // They are on the disk when it returns (where durable), all or none.
  Expected<void> add(std::span<const SpentKey> reserved);
  Expected<void> each(const std::function<void(const SpentKey&)>& take);
  // The store knows them now.
  Expected<void> clear();

 private:
  explicit NumbersAside(Database database) : database_(std::move(database)) {}

  Database database_;
  Statement begin_, put_, commit_, rollback_, clear_;
};

}  // namespace spigrp
