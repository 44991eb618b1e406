// Protected interfaces as text.
#include "cli/interface_printer.h"

namespace spigrp {
namespace {

constexpr int kVirtualMtuBytes = 16260;  // what FreeS/WAN's ipsecN always showed

}  // namespace

std::string interface_line(const InterfaceRow& row) {
  if (row.port.empty()) return row.name + " -> NULL mtu=0(0) -> 0";
  const std::string port_mtu = std::to_string(row.port_mtu_bytes);
  const std::string effective_mtu = row.effective_mtu_bytes == 0 ? port_mtu : std::to_string(row.effective_mtu_bytes);
  return row.name + " -> " + row.port + " mtu=" + std::to_string(kVirtualMtuBytes) + '(' + effective_mtu + ") -> " +
         port_mtu;
}

}  // namespace spigrp
