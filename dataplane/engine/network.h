// Network: what all workers of an engine look at. It outlives them.
#pragma once

#include <algorithm>
#include <vector>

#include "engine/own_addresses.h"
#include "engine/path_mtu.h"
#include "engine/port.h"
#include "route/route_tables.h"
#include "sa/sa_tables.h"
#include "state/versioned_cell.h"
#include "state/versions.h"

namespace spigrp {

struct Network {
  Versions& versions;
  SaTables& sas;
  RouteTables& routes;
  const std::vector<Port>& ports;
  const VersionedCell<OwnAddresses>& own_addresses;
  const VersionedCell<PathMtus>& path_mtus;  // null: none was ever known

  // worker: the generation that last changed where packets go, of which size, with what in front of them
  Generation ways_changed_at(Generation g) const noexcept {
    const PathMtus* known = path_mtus.at(g);
    return std::max(routes.changed_at(g), known == nullptr ? 0 : known->changed_at());
  }
};

}  // namespace spigrp
