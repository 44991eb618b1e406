// Lists that come in pages: all rows once, in order, and an end to those that have none.
#include "cli/pages.h"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "fake_daemon.h"

namespace spigrp {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using Page = std::function<json(uint64_t cursor)>;

json page(const json& rows, const json& next) {
  return {{"rows", rows}, {"next", next}};
}

struct Listed {
  std::vector<json> rows;
  Outcome<void> outcome;
  std::vector<json> requests;
};

Listed listed(const Page& page_at, size_t wanted = SIZE_MAX, uint32_t page_rows = kPageRows) {
  const FakeDaemon daemon(
      [&](const json& request) { return result_to(request, page_at(request["params"].value("cursor", uint64_t{0}))); });
  Client client(daemon.path(), 20s);
  Listed all;
  const RowTaker take = [&](const json& row) -> Outcome<More> {
    all.rows.push_back(row);
    return all.rows.size() < wanted ? More::kYes : More::kNo;
  };
  all.outcome = for_each_row(client, ListKind::kSas, take, page_rows);
  all.requests = daemon.requests();
  return all;
}

BOOST_AUTO_TEST_CASE(rows_of_all_pages_come_in_their_order) {
  const Listed all = listed([](uint64_t cursor) {
    return cursor == 0 ? page({1, 2}, 40) : cursor == 40 ? page({3}, 70) : page({4, 5}, nullptr);
  });
  BOOST_TEST(all.outcome.has_value());
  BOOST_TEST(json(all.rows) == json({1, 2, 3, 4, 5}));
  BOOST_REQUIRE(all.requests.size() == 3u);
  for (const json& request : all.requests) BOOST_TEST(request["method"] == "sa.list");
  BOOST_TEST(all.requests[1]["params"]["cursor"] == 40);
  BOOST_TEST(all.requests[2]["params"]["cursor"] == 70);
}

BOOST_AUTO_TEST_CASE(the_size_of_a_page_is_asked_for) {
  const Listed all = listed([](uint64_t) { return page(json::array(), nullptr); }, SIZE_MAX, 7);
  BOOST_REQUIRE(all.requests.size() == 1u);
  BOOST_TEST(all.requests[0]["params"]["limit"] == 7);
}

BOOST_AUTO_TEST_CASE(empty_pages_before_the_last_are_passed) {
  const Listed all = listed(
      [](uint64_t cursor) { return cursor < 1000 ? page(json::array(), cursor + 250) : page({"last"}, nullptr); });
  BOOST_TEST(all.outcome.has_value());
  BOOST_TEST(json(all.rows) == json({"last"}));
  BOOST_TEST(all.requests.size() == 5u);
}

BOOST_AUTO_TEST_CASE(a_cursor_may_be_as_large_as_a_hash) {
  const Listed all = listed([](uint64_t cursor) { return cursor == 0 ? page({1}, UINT64_MAX) : page({2}, nullptr); });
  BOOST_TEST(all.outcome.has_value());
  BOOST_REQUIRE(all.requests.size() == 2u);
  BOOST_TEST(all.requests[1]["params"]["cursor"] == UINT64_MAX);
}

BOOST_AUTO_TEST_CASE(a_taker_that_wants_no_more_ends_the_asking) {
  const Listed all = listed([](uint64_t cursor) { return page({1, 2, 3}, cursor + 1); }, 4);
  BOOST_TEST(all.outcome.has_value());
  BOOST_TEST(all.rows.size() == 4u);
  BOOST_TEST(all.requests.size() == 2u);
}

BOOST_AUTO_TEST_CASE(an_error_of_the_taker_ends_the_list) {
  const FakeDaemon daemon([](const json& request) { return result_to(request, page({1, 2}, 5)); });
  Client client(daemon.path(), 20s);
  int taken = 0;
  const auto outcome = for_each_row(client, ListKind::kGroups, [&](const json&) -> Outcome<More> {
    ++taken;
    return refusal(ExitStatus::kNoDaemon, {"row", "is odd", {}});
  });
  BOOST_REQUIRE(!outcome.has_value());
  BOOST_TEST(outcome.error().error.text() == "row: is odd");
  BOOST_TEST(taken == 1);
}

BOOST_AUTO_TEST_CASE(a_refused_page_ends_the_list) {
  const FakeDaemon daemon([](const json& request) {
    return request["id"] == 1 ? result_to(request, page({1}, 5)) : error_to(request, {{"message", "no"}});
  });
  Client client(daemon.path(), 20s);
  const auto outcome = for_each_row(client, ListKind::kGroups, [](const json&) { return More::kYes; });
  BOOST_REQUIRE(!outcome.has_value());
  BOOST_TEST((outcome.error().status == ExitStatus::kRefused));
  BOOST_TEST(outcome.error().error.text() == "no");
}

BOOST_AUTO_TEST_CASE(pages_that_lead_back_are_an_error_whatever_the_circle) {
  const Page circles[] = {
      [](uint64_t) { return page({1}, 0); },
      [](uint64_t) { return page({1}, 5); },
      [](uint64_t cursor) { return page({1}, cursor == 5 ? 9 : 5); },
      [](uint64_t cursor) { return page(json::array(), (cursor + 1) % 4); },
  };
  for (const Page& circle : circles) {
    const Listed all = listed(circle);
    BOOST_REQUIRE(!all.outcome.has_value());
    BOOST_TEST((all.outcome.error().status == ExitStatus::kNoDaemon));
    BOOST_TEST(all.outcome.error().error.object == "the daemon's list");
    BOOST_TEST(all.outcome.error().error.problem == "leads back to where it has been");
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_page_is_an_error) {
  for (const json& result : {json(), json(7), json("rows"), json::array(), json::object(), json({{"rows", {1}}}),
                             json({{"next", nullptr}}), page(json::object(), nullptr), page(nullptr, nullptr)}) {
    const Listed all = listed([&](uint64_t) { return result; });
    BOOST_REQUIRE_MESSAGE(!all.outcome.has_value(), result.dump());
    BOOST_TEST((all.outcome.error().status == ExitStatus::kNoDaemon));
    BOOST_TEST(all.outcome.error().error.problem == "has no rows, or does not say where they go on");
    BOOST_TEST(all.rows.empty());
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_cursor_is_an_error) {
  for (const json& next : {json(-1), json("5"), json(1.5), json(true), json::object(), json::array()}) {
    const Listed all = listed([&](uint64_t) { return page({1}, next); });
    BOOST_REQUIRE_MESSAGE(!all.outcome.has_value(), next.dump());
    BOOST_TEST(all.outcome.error().error.problem == "goes on at something that is no cursor");
    BOOST_TEST(all.rows.size() == 1u);
  }
}

}  // namespace
}  // namespace spigrp
