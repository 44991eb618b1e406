// What RouteEdit::link() does: the tables take over what was staged, and each prefix that it touches gets the next hop
// that follows from what was asked for. Nothing here can fail.
#include "route/route_staging.h"

namespace spigrp {
namespace {

bool is_same(const NextHop& a, const NextHop& b) noexcept {
  return a.kind == b.kind && a.on_link == b.on_link && a.port == b.port && a.interface == b.interface &&
         a.gateway == b.gateway;
}

}  // namespace

void RouteEdit::Staged::link() {
  if (is_empty()) return;
  state.changed_at.set(versions.next(), versions);
  if (changed_own) state.own = std::move(*changed_own);
  if (changed_interfaces) state.interfaces = *changed_interfaces;
  for (auto& [destination, spec] : routes) {
    touched.insert(destination);
    if (spec) {
      state.routes.insert_or_assign(destination, std::move(*spec));
    } else {
      state.routes.erase(destination);
    }
  }
  if (!moved_devices.empty()) {
    for (const auto& [destination, spec] : state.routes) {
      if (moved_devices.contains(spec.device)) touched.insert(destination);
    }
  }
  link_prefixes();
  neighbours.link();
}

// What goes comes first: its numbers are for what comes. A reader of the generation before has a table that still
// leads to the number, and finds there what it led to then.
void RouteEdit::Staged::link_prefixes() {
  std::map<IpPrefix, NextHop> coming;
  for (const IpPrefix& prefix : touched) {
    PrefixTable& prefixes = state.prefixes(prefix.address.family);
    const uint32_t number = prefixes.find(prefix);
    const std::optional<NextHop> now = state.next_hop_of(prefix);
    if (number == 0) {
      if (now) coming[prefix] = *now;
    } else if (!now) {
      prefixes.remove(prefix);
      state.next_hops[number].erase(versions);
      state.free_numbers.push_back(number);
    } else if (!is_same(*state.next_hops[number].newest(), *now)) {
      state.next_hops[number].set(*now, versions);
    }
  }
  for (const auto& [prefix, hop] : coming) {
    const uint32_t number = state.free_numbers.back();
    state.free_numbers.pop_back();
    state.next_hops[number].set(hop, versions);
    state.prefixes(prefix.address.family).add(prefix, number);
  }
  state.ipv4->link(versions);
  state.ipv6->link(versions);
}

}  // namespace spigrp
