// See port_options.h.
#include "config/port_options.h"

#include <algorithm>
#include <map>

#include "config/mac_address.h"
#include "config/route_spec.h"

namespace spigrp {
namespace {

constexpr size_t kLongestPortName = 15;         // as Linux' own interface names
constexpr size_t kLongestDeviceName = 63;       // DPDK's RTE_DEV_NAME_MAX_LEN with its end
constexpr Range kMtuBytes = {68, 9600};         // RFC 791 section 3.2; what a jumbo frame carries
constexpr uint16_t kLowestIpv6MtuBytes = 1280;  // RFC 8200 section 5
constexpr Range kQueuePackets = {64, 4096};

// What must be there once in a file: "name lan" → the line that has it.
using Taken = std::map<std::string, uint32_t>;

Expected<void> check_name(const std::string& name) {
  if (name.empty() || name.size() > kLongestPortName) {
    return failure({}, "must have 1 to " + std::to_string(kLongestPortName) + " characters");
  }
  // Names are words of the commands and of batch files: no blanks, quotes, comments, nor what looks like an option.
  const bool is_word = name[0] != '-' && std::all_of(name.begin(), name.end(), [](char c) {
                         return c > ' ' && c < 0x7f && std::string_view("\"'\\#").find(c) == std::string_view::npos;
                       });
  if (!is_word) return failure(as_typed(name), "is no word that a command takes", "use letters, digits, '-', '_', '.'");
  constexpr std::string_view kProtected = "ipsec";
  if (name.starts_with(kProtected) && name.size() > kProtected.size() &&
      name.find_first_not_of("0123456789", kProtected.size()) == std::string::npos) {
    return failure(as_typed(name), "is a protected interface's name", "name the port after its network: lan, wan");
  }
  return {};
}

// The part that DPDK knows a device by: what stands before its arguments.
std::string device_name(const std::string& device) {
  const std::string name = device.substr(0, device.find(','));
  constexpr std::string_view kUsualDomain = "0000:";  // "03:00.0" is "0000:03:00.0"
  return name.starts_with(kUsualDomain) ? name.substr(kUsualDomain.size()) : name;
}

Expected<void> check_device(const std::string& device) {
  const size_t name_bytes = std::min(device.find(','), device.size());
  if (name_bytes == 0) {
    return failure({}, "names no device", "give a PCI address, or a DPDK device such as net_tap0,iface=tap0");
  }
  if (name_bytes > kLongestDeviceName) {
    return failure({}, "has a name of more than " + std::to_string(kLongestDeviceName) + " bytes before its arguments");
  }
  if (device.find(' ') != std::string::npos) return failure(as_typed(device), "has a blank in it");
  return {};
}

Expected<void> check_mac(const std::string& mac) {
  const auto address = parse_mac_address(mac);
  if (!address) return tl::unexpected(address.error());
  if (((*address)[0] & 1) != 0)
    return failure(as_typed(mac), "is a group's address", "use one such as 02:00:00:00:00:01");
  if (*address == MacAddress{}) return failure(as_typed(mac), "is all zero", "use one such as 02:00:00:00:00:01");
  return {};
}

Expected<void> check_address(const std::string& text) {
  const auto prefix = parse_ip_prefix(text, HostBits::kAllowed);
  if (!prefix) return tl::unexpected(prefix.error());
  if (const auto valid = validate(AddressSpec{*prefix, "port"}); !valid) {
    return failure(as_typed(text), valid.error().problem, valid.error().remedy);
  }
  // RFC 3021 and RFC 6164: with one host bit both addresses are hosts'.
  if (prefix->bits + 1 < prefix->address.max_bits() && !prefix->has_host_bits()) {
    return failure(as_typed(text), "is the network itself",
                   "write the port's own address in it, and the network's bits");
  }
  return {};
}

void claim(TomlReader& port, Taken& taken, const std::string& what, const std::string& value, uint32_t line) {
  const auto [first, is_new] = taken.emplace(what + ' ' + value, line);
  if (is_new) return;
  port.file().refuse(line, "ports",
                     what + ' ' + as_typed(value) + " is in line " + std::to_string(first->second) + " already",
                     "each port has its own");
}

void read_addresses(TomlReader& reader, Taken& taken, PortOptions& port) {
  std::vector<std::string> texts;
  reader.text_list("addresses", texts, check_address);
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto prefix = parse_ip_prefix(texts[i], HostBits::kAllowed);
    if (!prefix) return;  // check_address has said so
    claim(reader, taken, "address", prefix->address.text(), reader.line_of("addresses", i));
    if (prefix->address.family == Family::kIpv6 && port.mtu_bytes < kLowestIpv6MtuBytes) {
      reader.refuse("addresses", i, as_typed(texts[i]) + ": IPv6 needs an MTU of 1280 bytes or more",
                    "raise the port's mtu_bytes, now " + std::to_string(port.mtu_bytes));
    }
    reader.file().remember("address " + prefix->text(), reader.line_of("addresses", i));
    port.addresses.push_back(*prefix);
  }
}

PortOptions read_port(TomlReader& reader, Taken& taken) {
  PortOptions port;
  reader.text("name", port.name, check_name);
  reader.text("device", port.device, check_device);
  for (const char* key : {"name", "device"}) {
    if (!reader.has(key)) reader.refuse(key, "is missing", "every port has a name and a device");
  }
  reader.whole("mtu_bytes", port.mtu_bytes, kMtuBytes);
  read_addresses(reader, taken, port);
  reader.text("mac", port.mac, check_mac);
  reader.power_of_two("rx_queue_packets", port.rx_queue_packets, kQueuePackets);
  reader.power_of_two("tx_queue_packets", port.tx_queue_packets, kQueuePackets);
  if (!port.name.empty()) claim(reader, taken, "name", port.name, reader.line_of("name"));
  if (!port.device.empty()) claim(reader, taken, "device", device_name(port.device), reader.line_of("device"));
  reader.file().remember("port " + port.name, reader.line());
  return port;
}

}  // namespace

void read_ports(TomlReader& document, std::vector<PortOptions>& ports) {
  Taken taken;
  document.tables("ports", [&](TomlReader& reader) {
    ports.push_back(read_port(reader, taken));
    if (ports.size() > kMaxPortOptions) {
      reader.file().refuse(reader.line(), "ports", "there are more than " + std::to_string(kMaxPortOptions));
    }
  });
  if (ports.empty()) document.refuse("ports", "there is none", "describe one or more, each beginning with [[ports]]");
}

}  // namespace spigrp
