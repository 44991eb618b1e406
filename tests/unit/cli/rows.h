// Rows of the daemon's lists, as the tests of what prints them need them.
#pragma once

#include <string>
#include <vector>

#include "config/request.h"

namespace spigrp {

inline std::vector<SaId> sa_ids(std::initializer_list<const char*> texts) {
  std::vector<SaId> ids;
  for (const char* text : texts) ids.push_back(parse_sa_id(text).value());
  return ids;
}

inline SaRow sa_row(const char* id) {
  SaRow row;
  row.id = parse_sa_id(id).value();
  row.source = parse_ip_address(row.id.destination.family == Family::kIpv4 ? "192.0.2.1" : "2001:db8::1").value();
  row.algorithm = "ESP_AES128GCM16";
  row.direction = "out";
  return row;
}

inline ErouteRow eroute_row(const char* source, const char* destination, const char* target) {
  ErouteRow row;
  row.selector.source = parse_ip_prefix(source).value();
  row.selector.destination = parse_ip_prefix(destination).value();
  if (*target == '%') {
    row.target = parse_magic(target).value();
  } else {
    row.target = parse_sa_id(target).value();
  }
  return row;
}

}  // namespace spigrp
