// slot_page: a page of a table whose rows have slot numbers. The cursor is a slot, and a row keeps its slot as long as
// it exists; so a row that is there from the first page to the last is listed exactly once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "config/request.h"
#include "state/hash_index.h"

namespace spigrp {

inline constexpr uint32_t kSlotsPerPage = 1u << 18;  // looked at for one page, however few rows they hold

// row_of(slot) gives the row as JSON, or nothing where the slot has none.
template <class RowOf>
nlohmann::json slot_page(const List& list, uint32_t slot_count, RowOf row_of) {
  nlohmann::json rows = nlohmann::json::array();
  uint64_t slot = std::min<uint64_t>(list.cursor, slot_count);
  const uint64_t end = std::min<uint64_t>(slot_count, slot + kSlotsPerPage);
  for (; slot < end && rows.size() < list.limit; ++slot) {
    if (std::optional<nlohmann::json> row = row_of(static_cast<Slot>(slot))) rows.push_back(std::move(*row));
  }
  nlohmann::json page = {{"rows", std::move(rows)}};
  page["next"] = slot < slot_count ? nlohmann::json(slot) : nlohmann::json();
  return page;
}

}  // namespace spigrp
