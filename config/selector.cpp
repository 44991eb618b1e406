// See selector.h.
#include "config/selector.h"

#include <array>
#include <utility>

namespace spigrp {
namespace {

constexpr std::array<std::pair<std::string_view, MagicTarget>, 9> kMagicWords{{
    {"%pass", MagicTarget::kPass},
    {"%drop", MagicTarget::kDrop},
    {"%reject", MagicTarget::kReject},
    {"%trap", MagicTarget::kTrap},
    {"%trapsubnet", MagicTarget::kTrapSubnet},
    {"%hold", MagicTarget::kHold},
    {"%passthrough", MagicTarget::kPass},
    {"%passthrough4", MagicTarget::kPass},
    {"%passthrough6", MagicTarget::kPass},
}};

constexpr uint8_t kIcmp = 1;
constexpr uint8_t kIcmpv6 = 58;
constexpr uint8_t kTcp = 6;
constexpr uint8_t kUdp = 17;
constexpr uint8_t kSctp = 132;

Expected<void> check_prefix(const IpPrefix& prefix) {
  if (prefix.bits > prefix.address.max_bits()) return failure(prefix.address.text(), "has too many prefix bits");
  if (prefix.has_host_bits()) return failure(prefix.text(), "has host bits set", "write " + prefix.masked().text());
  return {};
}

Expected<void> check_icmp(const Selector& selector) {
  if (!selector.icmp_type && !selector.icmp_code) return {};
  const std::string object = "eroute " + selector.text();
  if (!selector.icmp_type)
    return failure(object, "an ICMP code means nothing without its type", "give both: TYPE/CODE");
  const bool is_ipv4 = selector.family() == Family::kIpv4;
  if (selector.protocol != (is_ipv4 ? kIcmp : kIcmpv6)) {
    return failure(object, "only ICMP has types",
                   is_ipv4 ? "add --transport-proto icmp" : "add --transport-proto ipv6-icmp");
  }
  return {};
}

}  // namespace

std::string Selector::text() const {
  std::string line = source.text() + ":" + std::to_string(source_port) + " -> " + destination.text() + ":" +
                     std::to_string(destination_port);
  if (protocol == 0) return line;
  const std::string type = icmp_type ? " type " + std::to_string(*icmp_type) : "";
  const std::string code = icmp_code ? " code " + std::to_string(*icmp_code) : "";
  return line + " protocol " + std::to_string(protocol) + type + code;
}

Expected<void> validate(const Selector& selector) {
  if (selector.source.address.family != selector.destination.address.family) {
    return failure("eroute " + selector.text(), "source and destination are of different address families");
  }
  for (const IpPrefix* prefix : {&selector.source, &selector.destination}) {
    if (auto valid = check_prefix(*prefix); !valid) return valid;
  }
  const bool ports = selector.source_port != 0 || selector.destination_port != 0;
  if (ports && selector.protocol != kTcp && selector.protocol != kUdp && selector.protocol != kSctp) {
    return failure("eroute " + selector.text(), "only TCP, UDP and SCTP have ports",
                   selector.protocol == kIcmp || selector.protocol == kIcmpv6
                       ? "give the ICMP type with --icmp-type"
                       : "add --transport-proto tcp, udp or sctp");
  }
  return check_icmp(selector);
}

size_t SelectorHash::operator()(const Selector& selector) const noexcept {
  uint64_t hash = 0xcbf29ce484222325;
  const auto mix = [&hash](uint64_t value) { hash = (hash ^ value) * 0x100000001b3; };
  for (const uint8_t byte : selector.source.address.bytes) mix(byte);
  for (const uint8_t byte : selector.destination.address.bytes) mix(byte);
  mix(uint64_t{selector.source.bits} << 8 | selector.destination.bits);
  mix(uint64_t{selector.protocol} << 32 | uint64_t{selector.source_port} << 16 | selector.destination_port);
  mix(selector.icmp_type ? 1u + *selector.icmp_type : 0u);
  mix(selector.icmp_code ? 1u + *selector.icmp_code : 0u);
  return hash ^ hash >> 32;
}

std::string_view magic_word(MagicTarget target) noexcept {
  for (const auto& [word, magic] : kMagicWords) {
    if (magic == target) return word;
  }
  return "%drop";
}

Expected<MagicTarget> parse_magic(std::string_view word) {
  for (const auto& [name, magic] : kMagicWords) {
    if (name == word) return magic;
  }
  return failure(as_typed(word), "is no magic SAID",
                 "write %pass, %drop, %reject, %hold, %trap, %trapsubnet or %passthrough");
}

std::string text(const ErouteTarget& target) {
  if (const auto* id = std::get_if<SaId>(&target)) return id->text();
  return std::string(magic_word(std::get<MagicTarget>(target)));
}

}  // namespace spigrp
