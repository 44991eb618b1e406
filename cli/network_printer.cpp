// Addresses, routes and neighbours as text.
#include "cli/network_printer.h"

namespace spigrp {

std::string address_line(const AddressSpec& row) {
  return row.address.text() + " dev " + row.device;
}

std::string route_line(const RouteSpec& row) {
  std::string line = row.destination.text();
  if (row.via) line += " via " + row.via->text();
  if (!row.device.empty()) line += " dev " + row.device;
  if (!row.via && row.device.empty()) line += " blackhole";
  return line;
}

std::string path_mtu_line(const PathMtuRow& row) {
  return row.destination.text() + " mtu " + std::to_string(row.mtu_bytes) + " expires in " +
         std::to_string(row.expires_s) + " s";
}

std::string neighbour_line(const NeighbourRow& row) {
  return row.spec.address.text() + " mac " + text(row.spec.mac) + " dev " + row.spec.device +
         (row.is_static ? " static" : " learned");
}

}  // namespace spigrp
