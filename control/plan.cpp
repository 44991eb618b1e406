// See plan.h.
#include "control/plan.h"

#include <cstdio>
#include <filesystem>
#include <system_error>

#include <net/if.h>
#include <unistd.h>

#include "control/startup_batch.h"

namespace spigrp {
namespace {

// The value of an argument of a DPDK device string, "net_pcap0,rx_pcap=FILE"; empty where it has none of that name.
std::string device_argument(const std::string& device, const std::string& name) {
  const std::string wanted = ',' + name + '=';
  const size_t start = device.find(wanted);
  if (start == std::string::npos) return {};
  const size_t value = start + wanted.size();
  return device.substr(value, device.find(',', value) - value);
}

// "0000:03:00.0" of "03:00.0" or "0000:03:00.0,ARGUMENTS"; empty where the device is no PCI address.
std::string pci_address(const std::string& device) {
  const std::string name = device.substr(0, device.find(','));
  unsigned domain = 0, bus = 0, slot = 0, function = 0;
  int length = 0;
  const auto is_whole = [&] { return static_cast<size_t>(length) == name.size(); };
  if (std::sscanf(name.c_str(), "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &length) != 4 || !is_whole()) {
    domain = 0;
    if (std::sscanf(name.c_str(), "%2x:%2x.%1x%n", &bus, &slot, &function, &length) != 3 || !is_whole()) return {};
  }
  char address[32];
  std::snprintf(address, sizeof(address), "%04x:%02x:%02x.%x", domain, bus, slot, function);
  return address;
}

tl::unexpected<Error> missing(const PortOptions& port, const std::string& problem, const std::string& remedy) {
  return failure("port " + port.name, "device " + port.device + ": " + problem, remedy);
}

Expected<void> check_device(const PortOptions& port) {
  if (const std::string address = pci_address(port.device); !address.empty()) {
    std::error_code ignored;
    if (std::filesystem::exists("/sys/bus/pci/devices/" + address, ignored)) return {};
    return missing(port, "there is no PCI device of that address", "lspci lists those there are");
  }
  // net_tap makes its interface; these want one that exists.
  if (!port.device.starts_with("net_tap")) {
    for (const char* name : {"iface", "rx_iface", "rx_iface_in", "tx_iface"}) {
      const std::string interface = device_argument(port.device, name);
      if (interface.empty() || if_nametoindex(interface.c_str()) != 0) continue;
      return missing(port, "there is no interface " + interface, "ip link lists those there are");
    }
  }
  const std::string capture = device_argument(port.device, "rx_pcap");
  if (!capture.empty() && access(capture.c_str(), R_OK) != 0) {
    return missing(port, "the file " + capture + " cannot be read", "name a capture file");
  }
  return {};
}

std::string port_text(const PortOptions& port) {
  std::string line = "port " + port.name + ": " + port.device + ", MTU " + std::to_string(port.mtu_bytes);
  if (!port.mac.empty()) line += ", MAC address " + port.mac;
  for (const IpPrefix& address : port.addresses) line += ", " + address.text();
  return line + '\n';
}

std::string workers_text(const WorkerOptions& workers) {
  std::string line = std::to_string(workers.count) + (workers.count == 1 ? " worker" : " workers");
  if (!workers.cores.empty()) line += " on core";
  if (workers.cores.size() > 1) line += 's';
  for (const uint16_t core : workers.cores) line += ' ' + std::to_string(core);
  if (workers.cores.empty()) line += ", not pinned";
  return line + (workers.idle == IdlePolicy::kPoll ? ", always polling\n" : ", sleeping when idle\n");
}

std::string memory_text(const MemoryOptions& memory) {
  return std::to_string(memory.megabytes) + " MiB " + (memory.huge_pages ? "of huge pages" : "without huge pages") +
         ", " + std::to_string(memory.packet_buffers) + " packet buffers of " + std::to_string(memory.buffer_bytes) +
         " bytes, DPDK file prefix " + memory.file_prefix +
         (memory.secondary_processes ? ", DPDK's tools may attach\n" : "\n");
}

std::string tables_text(const TableOptions& tables) {
  return "room for " + std::to_string(tables.sas) + " SAs, " + std::to_string(tables.eroutes) + " eroutes, " +
         std::to_string(tables.routes) + " routes, " + std::to_string(tables.neighbours) + " neighbours; " +
         std::to_string(tables.flow_cache_entries_meant()) + " flows remembered by each worker\n";
}

std::string socket_text(const SocketOptions& socket) {
  char mode[8];
  std::snprintf(mode, sizeof(mode), "%04o", socket.mode);
  return "control socket " + socket.path.string() + ", mode " + mode + ", " + std::to_string(socket.max_clients) +
         " clients, messages up to " + std::to_string(socket.max_message_bytes) + " bytes\n";
}

}  // namespace

Expected<std::string> plan_text(const Options& options) {
  std::string text;
  for (const PortOptions& port : options.ports) {
    if (const auto there = check_device(port); !there) return tl::unexpected(there.error());
    text += port_text(port);
  }
  text += workers_text(options.workers) + memory_text(options.memory) + tables_text(options.tables) +
          socket_text(options.socket);
  if (options.startup_batch) {
    const auto batch = read_startup_batch(*options.startup_batch);
    if (!batch) return tl::unexpected(batch.error());
    text += "before the first packet: " + std::to_string(batch->edits.size()) + " commands of " +
            options.startup_batch->string() + ", as one transaction\n";
  }
  return text;
}

}  // namespace spigrp
