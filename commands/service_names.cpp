// See service_names.h.
#include "commands/service_names.h"

#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <netdb.h>
#include <netinet/in.h>

#include "config/number.h"

namespace spigrp {
namespace {

constexpr size_t kLongestName = 64;
constexpr size_t kMostEntryBytes = 64 << 10;  // of one line of the file, its aliases included

// IANA's numbers.
constexpr std::array<std::pair<std::string_view, uint8_t>, 16> kProtocols = {{
    {"icmp", 1},
    {"igmp", 2},
    {"ipip", 4},
    {"ipencap", 4},
    {"tcp", 6},
    {"udp", 17},
    {"dccp", 33},
    {"ipv6", 41},
    {"gre", 47},
    {"esp", 50},
    {"ah", 51},
    {"ipv6-icmp", 58},
    {"icmpv6", 58},
    {"ospf", 89},
    {"sctp", 132},
    {"udplite", 136},
}};
constexpr std::array<std::pair<std::string_view, uint16_t>, 24> kServices = {{
    {"ftp-data", 20}, {"ftp", 21},     {"ssh", 22},         {"telnet", 23}, {"smtp", 25},     {"domain", 53},
    {"bootps", 67},   {"bootpc", 68},  {"tftp", 69},        {"http", 80},   {"kerberos", 88}, {"pop3", 110},
    {"sunrpc", 111},  {"ntp", 123},    {"imap2", 143},      {"snmp", 161},  {"bgp", 179},     {"ldap", 389},
    {"https", 443},   {"isakmp", 500}, {"submission", 587}, {"ldaps", 636}, {"imaps", 993},   {"ipsec-nat-t", 4500},
}};

template <class Value, size_t kCount>
std::optional<Value> find_name(const std::array<std::pair<std::string_view, Value>, kCount>& table,
                               std::string_view name) {
  for (const auto& [known, value] : table) {
    if (known == name) return value;
  }
  return std::nullopt;
}

bool can_be_name(std::string_view text) {
  return !text.empty() && text.size() <= kLongestName && text.find('\0') == std::string_view::npos;
}

// Calls one of the C library's lookups with a buffer that grows until the entry fits.
template <class Entry, class Lookup>
std::optional<int> look_up(Lookup lookup, int Entry::*number) {
  for (std::vector<char> buffer(1024); buffer.size() <= kMostEntryBytes; buffer.resize(buffer.size() * 4)) {
    Entry entry{};
    Entry* found = nullptr;
    const int status = lookup(&entry, buffer.data(), buffer.size(), &found);
    if (status == ERANGE) continue;
    if (status != 0 || found == nullptr) return std::nullopt;
    return entry.*number;
  }
  return std::nullopt;
}

const char* protocol_with_ports(uint8_t protocol) {
  switch (protocol) {
    case IPPROTO_TCP:
      return "tcp";
    case IPPROTO_UDP:
      return "udp";
    case IPPROTO_SCTP:
      return "sctp";
    default:
      return nullptr;
  }
}

}  // namespace

Expected<uint8_t> parse_transport_protocol(std::string_view text) {
  if (const auto number = parse_c_number(text, UINT8_MAX); number) return static_cast<uint8_t>(*number);
  if (can_be_name(text)) {
    const std::string name(text);
    const auto number =
        look_up<protoent>([&](protoent* entry, char* buffer, size_t bytes,
                              protoent** found) { return getprotobyname_r(name.c_str(), entry, buffer, bytes, found); },
                          &protoent::p_proto);
    if (number && *number >= 0 && *number <= UINT8_MAX) return static_cast<uint8_t>(*number);
    if (const auto known = find_name(kProtocols, text); known) return *known;
  }
  return failure(as_typed(text), "is no transport protocol", "write 0 … 255, or a name from /etc/protocols");
}

Expected<uint16_t> parse_port(std::string_view text, uint8_t protocol) {
  if (const auto number = parse_c_number(text, UINT16_MAX); number) return static_cast<uint16_t>(*number);
  if (can_be_name(text)) {
    const char* transport = protocol_with_ports(protocol);
    if (transport == nullptr) {
      return failure(as_typed(text), "only TCP, UDP and SCTP have ports", "add --transport-proto tcp, udp or sctp");
    }
    const std::string name(text);
    const auto number = look_up<servent>(
        [&](servent* entry, char* buffer, size_t bytes, servent** found) {
          return getservbyname_r(name.c_str(), transport, entry, buffer, bytes, found);
        },
        &servent::s_port);
    if (number) return ntohs(static_cast<uint16_t>(*number));
    if (const auto known = find_name(kServices, text); known) return *known;
  }
  return failure(as_typed(text), "is no port", "write 0 … 65535, or a name from /etc/services");
}

}  // namespace spigrp
