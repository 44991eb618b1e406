// eroute: says which packets go to which SA or group.
#include <array>

#include "commands/address_words.h"
#include "commands/command_row.h"
#include "commands/sa_words.h"
#include "commands/service_names.h"
#include "config/number.h"

namespace spigrp {
namespace {

constexpr std::array<Option, 17> kErouteOptions = {{
    {"--add", "", Takes::kNothing},
    {"--replace", "", Takes::kNothing},
    {"--del", "", Takes::kNothing},
    {"--clear", "", Takes::kNothing},
    {"--eraf", "inet|inet6", Takes::kValue},
    {"--src", "NET", Takes::kValue},
    {"--dst", "NET", Takes::kValue},
    {"--transport-proto", "PROTOCOL", Takes::kValue},
    {"--src-port", "PORT", Takes::kValue},
    {"--dst-port", "PORT", Takes::kValue},
    {"--icmp-type", "TYPE[/CODE]", Takes::kValue},
    {"--dissolved", "", Takes::kNothing},
    kFamilyOption,
    kDestinationOption,
    kSpiOption,
    kProtocolOption,
    kSaidOption,
}};

constexpr std::string_view kErouteHelp = R"(eroute --add|--replace --eraf inet|inet6 --src NET --dst NET
       [--transport-proto PROTOCOL] [--src-port PORT] [--dst-port PORT]
       [--icmp-type TYPE[/CODE]] SA|--said MAGIC [--dissolved]
eroute --del --eraf inet|inet6 --src NET --dst NET
       [--transport-proto PROTOCOL] [--src-port PORT] [--dst-port PORT]
       [--icmp-type TYPE[/CODE]]
eroute --clear
eroute

SA is --af inet|inet6 --edst ADDRESS --spi SPI --proto PROTO, or --said SAID: the
first SA of a group, or one that is in no group. MAGIC is %pass (unprotected),
%drop, %reject (drop with an ICMP error), %hold, %trap, %trapsubnet or
%passthrough.

  --add                new; refused where there is one for the same packets
  --replace            put the target in the place of the old one in one step,
                       or add it where there was none
  --del                delete it; its packets are dropped from then on
  --clear              delete all
  --eraf inet|inet6    the family of the networks
  --src, --dst NET     ADDRESS/bits or ADDRESS/netmask, host bits zero
  --transport-proto    a name from /etc/protocols or a number; 0: all
  --src-port           a name from /etc/services or a number; 0: all. Only with
  --dst-port           TCP, UDP and SCTP
  --icmp-type TYPE     a number, or TYPE/CODE. Only with icmp over IPv4 and
                       ipv6-icmp over IPv6
  --dissolved          the SA heads no group any more, or not yet, and need not
                       exist: until it does, packets of this and earlier eroutes
                       to it are dropped. What save writes of such eroutes

Numbers are decimal, hexadecimal with 0x, or octal with a leading 0. The most
specific eroute wins: longer source, longer destination, protocol, source port,
destination port. A packet on a protected interface that matches none is dropped.

Without words it lists the eroutes with their packet counts.

Examples
  eroute --add --eraf inet --src 10.1.0.0/24 --dst 10.2.0.0/24 --af inet --edst gw2 --spi 0x113 --proto tun
  eroute --replace --eraf inet --src 10.1.0.0/24 --dst 10.2.0.0/24 --transport-proto tcp --dst-port https --said %drop
  eroute --del --eraf inet --src 10.1.0.0/24 --dst 10.2.0.0/24
)";

Expected<void> read_ports(const Words& words, Selector& selector) {
  if (const auto word = words.value("--transport-proto"); word) {
    const auto protocol = parse_transport_protocol(*word);
    if (!protocol) return in_option("--transport-proto", protocol.error());
    selector.protocol = *protocol;
  }
  for (const auto& [option, port] :
       {std::pair("--src-port", &selector.source_port), std::pair("--dst-port", &selector.destination_port)}) {
    const auto word = words.value(option);
    if (!word) continue;
    const auto read = parse_port(*word, selector.protocol);
    if (!read) return in_option(option, read.error());
    *port = *read;
  }
  return {};
}

// Type 0 and code 0 are as good as any, so these words are numbers and nothing stands for all.
Expected<void> read_icmp_type(const Words& words, Selector& selector) {
  const auto word = words.value("--icmp-type");
  if (!word) return {};
  const size_t slash = word->find('/');
  const auto type = parse_c_number(word->substr(0, slash), UINT8_MAX);
  const bool has_code = slash != std::string_view::npos;
  const auto code = has_code ? parse_c_number(word->substr(slash + 1), UINT8_MAX) : std::nullopt;
  if (!type || (has_code && !code)) {
    return failure("--icmp-type " + as_typed(*word), "is no ICMP type", "write TYPE or TYPE/CODE, each 0 … 255");
  }
  selector.icmp_type = static_cast<uint8_t>(*type);
  if (code) selector.icmp_code = static_cast<uint8_t>(*code);
  return {};
}

Expected<Selector> read_selector(const Words& words, const CommandWorld& world) {
  const auto family = read_family(words, "--eraf");
  if (!family) return tl::unexpected(family.error());
  Selector selector;
  for (const auto& [option, network] :
       {std::pair("--src", &selector.source), std::pair("--dst", &selector.destination)}) {
    const auto read = read_network(words, option, *family, world);
    if (!read) return tl::unexpected(read.error());
    *network = *read;
  }
  if (const auto ports = read_ports(words, selector); !ports) return tl::unexpected(ports.error());
  if (const auto type = read_icmp_type(words, selector); !type) return tl::unexpected(type.error());
  if (const auto valid = validate(selector); !valid) return tl::unexpected(valid.error());
  return selector;
}

Expected<ErouteTarget> read_target(const Words& words, Family family, const CommandWorld& world) {
  const auto said = words.value("--said");
  if (!said || !said->starts_with('%')) {
    return read_sa(words, {}, world).map([](const SaId& id) { return ErouteTarget(id); });
  }
  for (const Option& option : {kFamilyOption, kDestinationOption, kSpiOption, kProtocolOption}) {
    if (words.has(option.name)) {
      return failure("--said " + as_typed(*said) + " and " + std::string(option.name), "do not go together",
                     "give one of them");
    }
  }
  const auto magic = parse_magic(*said);
  if (!magic) return in_option("--said", magic.error());
  if (*said == (family == Family::kIpv4 ? "%passthrough6" : "%passthrough4")) {
    return failure("--said " + std::string(*said),
                   "does not go with IPv" + std::to_string(family == Family::kIpv4 ? 4 : 6) + " networks",
                   "write %passthrough");
  }
  return ErouteTarget(*magic);
}

Expected<Action> eroute_action(const Words& words, const CommandWorld& world) {
  const auto mode = words.mode({"--add", "--replace", "--del", "--clear"});
  if (!mode) return tl::unexpected(mode.error());
  if (mode->empty()) return Listing::kEroutes;
  if (*mode == "--clear") {
    if (const auto alone = words.fit(*mode, {}); !alone) return tl::unexpected(alone.error());
    return ask(ErouteClear{});
  }
  if (*mode == "--del") {
    const auto fits =
        words.fit(*mode, {"--eraf", "--src", "--dst", "--transport-proto", "--src-port", "--dst-port", "--icmp-type"});
    if (!fits) return tl::unexpected(fits.error());
    const auto selector = read_selector(words, world);
    if (!selector) return tl::unexpected(selector.error());
    return ask(ErouteDelete{*selector});
  }
  const auto selector = read_selector(words, world);
  if (!selector) return tl::unexpected(selector.error());
  const auto target = read_target(words, selector->family(), world);
  if (!target) return tl::unexpected(target.error());
  const auto existing = *mode == "--replace" ? ExistingEntry::kReplace : ExistingEntry::kRefuse;
  const bool dissolved = words.has("--dissolved");
  if (dissolved && !std::holds_alternative<SaId>(*target)) {
    return failure("--dissolved", text(*target) + " is no SA", "leave it out");
  }
  return ask(ErouteSet{*selector, *target, existing, dissolved});
}

}  // namespace

constinit const CommandRow kErouteCommand{
    {"eroute", kErouteOptions}, "say which packets go to which SA or group", kErouteHelp, eroute_action};

}  // namespace spigrp
