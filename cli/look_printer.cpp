// The parts of `look`, in order.
#include "cli/look_printer.h"

#include <algorithm>
#include <ctime>

#include <nlohmann/json.hpp>

#include "cli/eroute_printer.h"
#include "cli/interface_printer.h"
#include "cli/network_printer.h"
#include "cli/sa_printer.h"

namespace spigrp {
namespace {

std::string date_text(int64_t time_s) {
  const auto seconds = static_cast<time_t>(time_s);
  tm parts{};
  char text[64];
  if (localtime_r(&seconds, &parts) == nullptr) return {};
  return {text, std::strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Z %Y", &parts)};
}

template <class Row, class Print>
void add_part(std::string& text, const std::vector<Row>& rows, Print print) {
  if (rows.empty()) return;
  text += '\n';
  for (const Row& row : rows) text += print(row) + '\n';
}

void sort_parts(GatewayView& view) {
  std::ranges::sort(view.eroutes, {}, &ErouteRow::selector);
  std::ranges::sort(view.interfaces, {}, &InterfaceRow::name);
  std::ranges::sort(view.sas, {}, &SaRow::id);
  std::ranges::sort(view.routes, {}, &RouteSpec::destination);
}

template <class Row>
nlohmann::json json_rows(const std::vector<Row>& rows) {
  nlohmann::json array = nlohmann::json::array();
  for (const Row& row : rows) array.push_back(to_row_json(row));
  return array;
}

}  // namespace

nlohmann::json look_json(GatewayView view) {
  sort_parts(view);
  return {{"host", view.host},
          {"time_s", view.time_s},
          {"edited_at", view.edited_at},
          {"eroutes", json_rows(view.eroutes)},
          {"interfaces", json_rows(view.interfaces)},
          {"sas", json_rows(view.sas)},
          {"routes", json_rows(view.routes)}};
}

std::string look_text(GatewayView view) {
  sort_parts(view);
  std::string text = view.host + "  " + date_text(view.time_s) + '\n';
  add_part(text, view.eroutes, look_eroute_line);
  add_part(text, view.interfaces, interface_line);
  add_part(text, view.sas, sa_line);
  add_part(text, view.routes, route_line);
  return text;
}

}  // namespace spigrp
