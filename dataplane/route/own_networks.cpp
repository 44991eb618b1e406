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
  bits_[{address.address, port}] = address.bits;
  if (!is_host(address)) ports_[address.masked()].push_back(port);
}

bool OwnNetworks::remove(const IpPrefix& address, uint16_t port) {
  const auto found = bits_.find({address.address, port});
  if (found == bits_.end() || found->second != address.bits) return false;
  bits_.erase(found);
  if (is_host(address)) return true;
  const auto network = ports_.find(address.masked());
  std::vector<uint16_t>& ports = network->second;
  ports.erase(std::find(ports.begin(), ports.end(), port));
  if (ports.empty()) ports_.erase(network);
  return true;
}

std::optional<OwnNetworks::Own> OwnNetworks::find(const IpAddress& address) const {
  const auto found = bits_.lower_bound({address, 0});
  if (found == bits_.end() || found->first.address != address) return std::nullopt;
  return Own{{address, found->second}, found->first.port};
}

std::optional<OwnNetworks::Own> OwnNetworks::find(const IpAddress& address, uint16_t port) const {
  const auto found = bits_.find({address, port});
  if (found == bits_.end()) return std::nullopt;
  return Own{{address, found->second}, port};
}

std::vector<OwnNetworks::Own> OwnNetworks::all() const {
  std::vector<Own> all;
  for (const auto& [place, bits] : bits_) all.push_back({{place.address, bits}, place.port});
  return all;
}

std::optional<uint16_t> OwnNetworks::port_of(const IpPrefix& network) const {
  const auto found = ports_.find(network);
  if (found == ports_.end()) return std::nullopt;
  return found->second.front();
}

bool OwnNetworks::connects(const IpPrefix& network, uint16_t port) const {
  const auto found = ports_.find(network);
  return found != ports_.end() && std::find(found->second.begin(), found->second.end(), port) != found->second.end();
}

}  // namespace spigrp
