// A transaction: edits that take effect at one generation, all of them or none.
#pragma once

#include <cstdint>
#include <functional>

#include <tl/expected.hpp>

#include "config/request.h"
#include "control/store.h"
#include "route/route_tables.h"
#include "sa/sa_edit.h"
#include "sa/sa_tables.h"
#include "state/pace.h"
#include "state/versions.h"

namespace spigrp {

// The tables that transactions edit, and what keeps a copy of them; null: nothing does.
struct EditedTables {
  Versions& versions;
  SaTables& sas;
  RouteTables& routes;
  Store* store = nullptr;
};

struct RefusedEdit {
  Error error;
  uint32_t line = 0;  // of the edit in its batch; 0: it has none
};

struct Published {
  Generation generation;  // that shows the edits
  SharedKeys shared_keys;
};

// Applies the edits in their order, each seeing those before it, and publishes them. The first edit that is refused
// leaves everything as it was. Where they are stored, that is done before, and what the store does not take is refused.
// By steps: before they are published others may look at the tables as they were. A transaction that is large is put on
// the disk by a thread of its own while they do.
// In their turns they may also publish edits of what transactions leave alone (Versions::Interlude).
// An edit that has been applied is shown to `applied` and then freed: what a million make of the tables takes the place
// of what they took. `published` is called when they are, before anybody else has a turn; it throws nothing, and nor
// does what follows.
struct TransactionWatch {
  std::function<void(const Edit&)> applied;
  std::function<void(Generation)> published;
};
tl::expected<Published, RefusedEdit> apply(Edits& edits, const EditedTables& tables, Pace& pace,
                                           const TransactionWatch& watch);

// Applies what the store has. Errors: a row cannot be read or applied.
Expected<SharedKeys> apply_stored(Store& store, const EditedTables& tables);

}  // namespace spigrp
