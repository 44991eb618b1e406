// See own_networks.h.
#include "route/own_networks.h"

#include <algorithm>

namespace spigrp {
namespace {

bool is_host(const IpPrefix& prefix) noexcept {
  return prefix.bits == prefix.address.max_bits();
}

}  // namespace

void OwnNetworks::add(const IpPrefix& address, uint16_t port) {
  places_[{address.address, port}] = {++last_number_, address.bits};
  if (!is_host(address)) networks_[address.masked()].emplace(last_number_, port);
}

bool OwnNetworks::remove(const IpPrefix& address, uint16_t port) {
  const auto found = places_.find({address.address, port});
  if (found == places_.end() || found->second.bits != address.bits) return false;
  const uint64_t number = found->second.number;
  places_.erase(found);
  if (is_host(address)) return true;
  const auto network = networks_.find(address.masked());
  network->second.erase(number);
  if (network->second.empty()) networks_.erase(network);
  return true;
}

std::optional<OwnNetworks::Own> OwnNetworks::find(const IpAddress& address) const {
  const auto found = places_.lower_bound({address, 0});
  if (found == places_.end() || found->first.address != address) return std::nullopt;
  return Own{{address, found->second.bits}, found->first.port};
}

std::optional<OwnNetworks::Own> OwnNetworks::find(const IpAddress& address, uint16_t port) const {
  const auto found = places_.find({address, port});
  if (found == places_.end()) return std::nullopt;
  return Own{{address, found->second.bits}, port};
}

std::vector<OwnNetworks::Own> OwnNetworks::all() const {
  std::map<uint64_t, Own> by_number;
  for (const auto& [place, entry] : places_) by_number[entry.number] = {{place.address, entry.bits}, place.port};
  std::vector<Own> all;
  for (const auto& [number, own] : by_number) all.push_back(own);
  return all;
}

std::optional<uint16_t> OwnNetworks::port_of(const IpPrefix& network) const {
  const auto found = networks_.find(network);
  if (found == networks_.end()) return std::nullopt;
  return found->second.begin()->second;
}

bool OwnNetworks::connects(const IpPrefix& network, uint16_t port) const {
  const auto found = networks_.find(network);
  return found != networks_.end() &&
         std::ranges::any_of(found->second, [port](const auto& entry) { return entry.second == port; });
}

}  // namespace spigrp
