// A transaction: edits that take effect at one generation, all of them or none.
#pragma once

#include <cstdint>
#include <span>

#include <tl/expected.hpp>

#include "config/request.h"
#include "route/route_tables.h"
#include "sa/sa_tables.h"
#include "state/versions.h"

namespace spigrp {

// The tables that transactions edit.
struct EditedTables {
  Versions& versions;
  SaTables& sas;
  RouteTables& routes;
};

struct RefusedEdit {
  Error error;
  uint32_t line = 0;  // of the edit in its batch; 0: it has none
};

// Applies the edits in their order, each seeing those before it, and publishes them; returns the generation that shows
// them. The first edit that is refused leaves everything as it was.
tl::expected<Generation, RefusedEdit> apply(std::span<const NumberedEdit> edits, const EditedTables& tables);

}  // namespace spigrp
