// The lists of interfaces, addresses, routes and neighbours, which have no slot numbers. One that fits a page comes
// sorted, in that page. A longer one comes in the order of its rows' hashes, and the cursor is the next hash: so here
// too a row that is there from the first page to the last is listed exactly once, whatever comes and goes between
// pages.
#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "control/handlers/handlers.h"
#include "route/route_edit.h"

namespace spigrp {
namespace {

// What makes a row the same row in the next page.
std::string key_of(const InterfaceRow& row) {
  return row.name;
}
std::string key_of(const AddressSpec& row) {
  return row.address.text() + ' ' + row.device;
}
std::string key_of(const RouteSpec& row) {
  return row.destination.text();
}
std::string key_of(const NeighbourRow& row) {
  return row.spec.address.text() + ' ' + row.spec.device;
}
std::string key_of(const PathMtuRow& row) {
  return row.destination.text();
}

nlohmann::json page_of(nlohmann::json rows, nlohmann::json next) {
  nlohmann::json page = {{"rows", std::move(rows)}};
  page["next"] = std::move(next);
  return page;
}

template <class Row>
nlohmann::json hashed_page(const List& list, const std::vector<Row>& all) {
  std::vector<std::pair<uint64_t, const Row*>> hashed;
  for (const Row& row : all) {
    // 0 is the first page's cursor, which the sorted list has; so hashes begin at 1.
    const uint64_t hash = std::max<uint64_t>(std::hash<std::string>()(key_of(row)), 1);
    if (hash >= list.cursor) hashed.emplace_back(hash, &row);
  }
  std::sort(hashed.begin(), hashed.end());
  nlohmann::json rows = nlohmann::json::array();
  for (const auto& [hash, row] : hashed) {
    // Rows of one hash are not parted: the cursor could not say which of them came last.
    if (rows.size() >= list.limit && hash != hashed[rows.size() - 1].first) return page_of(std::move(rows), hash);
    rows.push_back(to_row_json(*row));
  }
  return page_of(std::move(rows), nullptr);
}

template <class Row>
nlohmann::json page(const List& list, const std::vector<Row>& all) {
  if (list.cursor != 0 || all.size() > list.limit) return hashed_page(list, all);
  nlohmann::json rows = nlohmann::json::array();
  for (const Row& row : all) rows.push_back(to_row_json(row));
  return page_of(std::move(rows), nullptr);
}

std::vector<InterfaceRow> interfaces(const HandlerContext& context) {
  std::vector<InterfaceRow> rows = list_interfaces(context.engine.routes());
  std::map<uint16_t, uint16_t> effective;  // by the port's MTU
  for (InterfaceRow& row : rows) {
    if (row.port.empty()) continue;
    const auto [known, is_new] = effective.try_emplace(row.port_mtu_bytes);
    if (is_new) known->second = effective_mtu_bytes(context.engine, row.port_mtu_bytes);
    row.effective_mtu_bytes = known->second;
  }
  return rows;
}

}  // namespace

nlohmann::json list_network(const HandlerContext& context, const List& list) {
  const RouteTables& routes = context.engine.routes();
  switch (list.kind) {
    case ListKind::kInterfaces:
      return page(list, interfaces(context));
    case ListKind::kAddresses:
      return page(list, list_addresses(routes));
    case ListKind::kRoutes:
      return page(list, list_routes(routes));
    case ListKind::kPathMtus:
      return page(list, context.engine.path_mtus());
    default:
      return page(list, list_neighbours(routes));
  }
}

nlohmann::json list_page(const HandlerContext& context, const List& list) {
  switch (list.kind) {
    case ListKind::kSas:
      return list_sas(context, list);
    case ListKind::kGroups:
      return list_groups(context, list);
    case ListKind::kEroutes:
      return list_eroutes(context, list);
    default:
      return list_network(context, list);
  }
}

}  // namespace spigrp
