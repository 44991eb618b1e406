// Following the cursors of a list.
#include "cli/pages.h"

#include <string>

namespace spigrp {
namespace {

tl::unexpected<Refusal> bad_page(std::string problem) {
  return refusal(ExitStatus::kNoDaemon,
                 {"the daemon's list", std::move(problem), "the daemon and this command may be of different versions"});
}

}  // namespace

Outcome<void> for_each_row(Client& client, ListKind kind, const RowTaker& take, uint32_t page_rows) {
  List page{kind, 0, page_rows};
  for (;;) {
    const auto result = client.call(page);
    if (!result) return tl::unexpected(result.error());
    const auto rows = result->is_object() ? result->find("rows") : result->end();
    const auto next = result->is_object() ? result->find("next") : result->end();
    if (!result->is_object() || rows == result->end() || !rows->is_array() || next == result->end()) {
      return bad_page("has no rows, or does not say where they go on");
    }
    for (const nlohmann::json& row : *rows) {
      const Outcome<More> taken = take(row);
      if (!taken) return tl::unexpected(taken.error());
      if (*taken == More::kNo) return {};
    }
    if (next->is_null()) return {};
    if (!next->is_number_unsigned()) return bad_page("goes on at something that is no cursor");
    const auto cursor = next->get<uint64_t>();
    // Cursors grow; a circle of any length has one that does not.
    if (cursor <= page.cursor) return bad_page("leads back to where it has been");
    page.cursor = cursor;
  }
}

}  // namespace spigrp
