// A list of the daemon, page by page, a row at a time: memory does not grow with the list.
#pragma once

#include <functional>

#include <nlohmann/json_fwd.hpp>

#include "cli/client.h"
#include "cli/outcome.h"
#include "config/request.h"

namespace spigrp {

inline constexpr uint32_t kPageRows = 1000;

enum class More : uint8_t { kYes, kNo };  // rows wanted
using RowTaker = std::function<Outcome<More>(const nlohmann::json& row)>;

// Calls `take` with every row until it wants no more. Errors: the client's, the taker's, pages that lead nowhere.
Outcome<void> for_each_row(Client& client, ListKind kind, const RowTaker& take, uint32_t page_rows = kPageRows);

}  // namespace spigrp
