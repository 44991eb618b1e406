// Eroutes as text, in FreeS/WAN's columns.
#include "cli/eroute_printer.h"

#include <algorithm>
#include <string_view>

#include "cli/group_printer.h"

namespace spigrp {
namespace {

constexpr size_t kCountColumns = 10;
constexpr size_t kPrefixColumns = 18;

std::string padded(std::string text, size_t columns) {
  text.append(columns - std::min(columns, text.size()), ' ');
  return text;
}

std::string selector_columns(const Selector& selector) {
  const auto side = [](const IpPrefix& prefix, uint16_t port) {
    return padded(prefix.text() + ':' + std::to_string(port), kPrefixColumns);
  };
  return side(selector.source, selector.source_port) + " -> " + side(selector.destination, selector.destination_port) +
         " => ";
}

// KLIPS ended in the protocol and knew no ICMP types.
std::string protocol_text(const Selector& selector) {
  std::string text = ':' + std::to_string(selector.protocol);
  if (selector.icmp_type) text += " icmp-type=" + std::to_string(*selector.icmp_type);
  if (selector.icmp_code) text += '/' + std::to_string(*selector.icmp_code);
  return text;
}

}  // namespace

std::string eroute_line(const ErouteRow& row) {
  return padded(std::to_string(row.packets), kCountColumns) + ' ' + selector_columns(row.selector) + text(row.target) +
         protocol_text(row.selector);
}

std::string look_eroute_line(const ErouteRow& row) {
  const std::string target = row.group.empty() ? text(row.target) : members_text(row.group);
  const bool protects_nothing = row.group.empty() && std::holds_alternative<SaId>(row.target);
  return selector_columns(row.selector) + target + protocol_text(row.selector) + " (" + std::to_string(row.packets) +
         ')' + (protects_nothing ? " dropped: heads no group" : "");
}

}  // namespace spigrp
