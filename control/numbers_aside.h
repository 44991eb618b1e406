// NumbersAside: sequence numbers that are written down while the store is busy with a transaction, in an SQLite file of
// its own (numbers.db) beside the store's:
//
//   reserved   fingerprint of an SA's keys, number up to which they may be used. It is read as spent keys are, so that
//              whoever has these keys then begins behind
//   received   SAID, fingerprint of the SA's keys, number up to which its replay window is to begin closed
//
// Most of the time it is empty: when the transaction is over, the store takes in what it says (NumberKeeper). Control
// thread only.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <span>

#include "config/sa_spec.h"
#include "control/database.h"
#include "sa/spent_keys.h"

namespace spigrp {

// An SA by both: to a transaction that is being written the SAID may be another SA's already, and other SAs may have
// the same keys, from whose peers nothing has come.
struct KeyedSa {
  SaId id;
  KeyFingerprint keys;

  friend auto operator<=>(const KeyedSa&, const KeyedSa&) = default;  // NOLINT(modernize-use-nullptr)
};

using ReceivedMarks = std::map<KeyedSa, uint64_t>;  // numbers up to which their windows are to begin closed
void raise_mark(ReceivedMarks& marks, const KeyedSa& sa, uint64_t number);
// 0: there is none
uint64_t mark_of(const ReceivedMarks& marks, const SaSpec& spec);

class NumbersAside {
 public:
  // Errors name the file.
  static Expected<NumbersAside> open(const std::filesystem::path& file, bool durable);

  // They are on the disk when it returns (where durable), all or none.
  Expected<void> add(std::span<const SpentKey> reserved, const ReceivedMarks& received);
  Expected<void> each(const std::function<void(const SpentKey&)>& take);
  Expected<ReceivedMarks> received();
  // The store knows them now.
  Expected<void> clear();

 private:
  explicit NumbersAside(Database database) : database_(std::move(database)) {}

  Database database_;
  Statement begin_, put_, put_received_, commit_, rollback_, clear_, clear_received_;
};

}  // namespace spigrp
