// spi: creates, deletes and lists SAs.
#include <array>

#include "commands/address_words.h"
#include "commands/command_row.h"
#include "commands/key_words.h"
#include "commands/sa_words.h"
#include "config/number.h"

namespace spigrp {
namespace {

constexpr std::array<Option, 31> kSpiOptions = {{
    kFamilyOption,
    kDestinationOption,
    kSpiOption,
    kProtocolOption,
    kSaidOption,
    {"--src", "ADDRESS", Takes::kValue},
    {"--dst", "ADDRESS", Takes::kValue},
    {"--ah", "ALGORITHM", Takes::kValue},
    {"--esp", "ALGORITHM", Takes::kValue},
    {"--comp", "ALGORITHM", Takes::kValue},
    {"--ip4", "", Takes::kNothing},
    {"--ip6", "", Takes::kNothing},
    {"--enckey", "KEY", Takes::kSecret},
    {"--authkey", "KEY", Takes::kSecret},
    {"--replay_window", "N", Takes::kValue},
    {"--esn", "", Takes::kNothing},
    {"--dscp", "copy|N", Takes::kValue},
    {"--ecn", "copy|off", Takes::kValue},
    {"--df", "copy|set|clear", Takes::kValue},
    {"--ttl", "copy|N", Takes::kValue},
    {"--fragment", "before|after", Takes::kValue},
    {"--sent", "N", Takes::kValue},
    {"--received", "N", Takes::kValue},
    {"--replace", "", Takes::kNothing},
    {"--del", "", Takes::kNothing},
    {"--clear", "", Takes::kNothing},
    {"--algorithms", "", Takes::kNothing},
    {"--life", "LIMITS", Takes::kValue},
    {"--natt", "nonesp", Takes::kValue},
    {"--sport", "PORT", Takes::kValue},
    {"--dport", "PORT", Takes::kValue},
}};

constexpr std::string_view kSpiHelp = R"(spi SA --src ADDRESS --esp ALGORITHM [--replay_window N] [--esn]
       [--natt nonesp [--sport PORT] [--dport PORT]]
       [--life LIMITS] --enckey KEY [--authkey KEY]
spi SA --src ADDRESS --ah ALGORITHM [--replay_window N] [--esn]
       [--life LIMITS] --authkey KEY
spi SA --src ADDRESS --comp deflate [--life LIMITS]
spi SA --ip4|--ip6 --src OUTER-SOURCE --dst OUTER-DESTINATION
       [--dscp copy|N] [--ecn copy|off] [--df copy|set|clear] [--ttl copy|N]
       [--fragment before|after] [--life LIMITS]
spi SA --replace ...
spi SA --del
spi --clear
spi --algorithms
spi

SA is --af inet|inet6 --edst ADDRESS --spi SPI --proto tun|comp|esp|ah, or
--said SAID (tun.113@192.0.2.2, esp:235@2001:db8::2).

  --esp ALGORITHM      make an ESP SA; it needs --enckey, --authkey or both
  --ah ALGORITHM       make an AH SA
  --comp deflate       make an IPComp SA; its SPI is a CPI, 0x100 ... 0xffff
  --ip4, --ip6         make a tunnel SA: the outer header is IPv4 or IPv6, the
                       inner packet may be either
  --src ADDRESS        the sending gateway
  --dst ADDRESS        of a tunnel: the receiving gateway, the same as --edst
  --enckey KEY         0x and hexadecimal digits, 0s and base64, @FILE, or -
  --authkey KEY        for standard input; exactly as long as the algorithm
                       wants it. Combined-mode keys end in their salt.
  --replay_window N    packets, 0 ... 4096, usually 64; 0: no replay checking
  --esn                extended sequence numbers: 64 bits, of which the lower
                       32 are sent; both ends must agree
  --sent N             numbers up to N count as sent: the first packet has N+1
  --received N         numbers up to N count as received: of those that are in the
                       replay window or before it none is accepted
  --replace            an SA of that name is there: the new one takes its place, in
                       its group too, in one step. With the same keys its numbers
                       go on behind the old one's; its counters begin anew
  --life LIMITS        soft-LIMIT=N,hard-LIMIT=N,...: with LIMIT bytes, packets,
                       addtime or usetime (seconds since it was made, since its
                       first packet), or allocations (eroutes pointed at it).
                       A soft limit is told once (monitor); at a hard one the
                       SA and its group stop
  --natt nonesp        of an ESP SA: in UDP, through address translators (RFC
                       3948); only tun and comp SAs may share its IP header
  --sport PORT         the UDP port of the sending gateway, usually 4500
  --dport PORT         the UDP port of the receiving gateway, usually 4500
  --dscp copy|N        of a tunnel's outer header: the inner packet's, usually, or
                       0 ... 63
  --ecn copy|off       whether congestion may be marked on it; usually it may
  --df copy|set|clear  don't fragment, in IPv4: as the inner packet has it, usually
  --ttl copy|N         the inner packet's, or 1 ... 255; usually 64
  --fragment WHEN      of a tunnel: packets that become too large are fragmented
                       after all SAs of the group (usual), or before the first
  --del                delete the SA, and with it all SAs of its group
  --clear              delete all SAs
  --algorithms         list the algorithms: lengths of keys and ICV, what RFC
                       8221 asks of each, cycles a byte on this processor

Without words it lists the SAs, a line each, without keys.

Examples
  spi --af inet --edst gw2 --spi 0x113 --proto tun --ip4 --src gw1 --dst gw2
  spi --af inet --edst gw2 --spi 0x115 --proto esp --src gw1 --esp aes128gcm16 --enckey @esp.key
  spi --said esp.115@192.0.2.2 --replace --src gw1 --esp aes128gcm16 --enckey @new.key
  spi --said esp.115@192.0.2.2 --del
)";

Expected<uint16_t> read_replay_window(const Words& words) {
  const auto word = words.value("--replay_window");
  if (!word) return kDefaultReplayWindow;
  const auto packets = parse_number(*word, kMaxReplayWindow);
  if (packets) return static_cast<uint16_t>(*packets);
  return failure("--replay_window " + as_typed(*word), "is no number of packets", "use 0 … 4096");
}

Expected<uint16_t> read_udp_port(const Words& words, std::string_view option) {
  const auto word = words.value(option);
  if (!word) return kNatTraversalPort;
  const auto port = parse_number(*word, UINT16_MAX);
  if (port && *port != 0) return static_cast<uint16_t>(*port);
  return failure(std::string(option) + ' ' + as_typed(*word), "is no UDP port", "use 1 … 65535");
}

// FreeS/WAN also knew "nonike", of a draft before RFC 3948.
Expected<std::optional<UdpEncapsulation>> read_udp_encapsulation(const Words& words) {
  const auto kind = words.value("--natt");
  if (!kind) {
    for (const std::string_view option : {"--sport", "--dport"}) {
      if (words.has(option))
        return failure(std::string(option), "is a port of UDP encapsulation", "give --natt nonesp too");
    }
    return std::nullopt;
  }
  if (*kind != "nonesp") return failure("--natt " + as_typed(*kind), "is no kind of UDP encapsulation", "use nonesp");
  const auto source_port = read_udp_port(words, "--sport");
  if (!source_port) return tl::unexpected(source_port.error());
  const auto destination_port = read_udp_port(words, "--dport");
  if (!destination_port) return tl::unexpected(destination_port.error());
  return UdpEncapsulation{*source_port, *destination_port};
}

// An option that may be left out.
template <class Choice, class Parse>
Expected<void> read_choice(const Words& words, std::string_view option, Parse parse, Choice& choice) {
  const auto word = words.value(option);
  if (!word) return {};
  const auto parsed = parse(*word);
  if (!parsed) return in_option(option, parsed.error());
  choice = *parsed;
  return {};
}

Expected<uint64_t> parse_sequence(std::string_view word) {
  const auto number = parse_number(word, UINT64_MAX);
  if (number) return *number;
  return failure(as_typed(word), "is no sequence number", "use 0 … 4294967295, more with --esn");
}

Expected<OuterHeader> read_outer_header(const Words& words) {
  OuterHeader outer;
  for (const auto& read :
       {read_choice(words, "--dscp", parse_header_choice, outer.dscp),
        read_choice(words, "--ecn", parse_ecn_choice, outer.ecn), read_choice(words, "--df", parse_df_choice, outer.df),
        read_choice(words, "--ttl", parse_header_choice, outer.ttl),
        read_choice(words, "--fragment", parse_fragmentation, outer.fragment)}) {
    if (!read) return tl::unexpected(read.error());
  }
  return outer;
}

Expected<Action> add(SaSpec&& spec, const Words& words) {
  if (const auto read = read_choice(words, "--life", parse_lifetime, spec.lifetime); !read) {
    return tl::unexpected(read.error());
  }
  if (const auto valid = validate(spec); !valid) return tl::unexpected(valid.error());
  if (words.has("--replace")) return ask(SaReplace{std::move(spec)});
  return ask(SaAdd{std::move(spec)});
}

Expected<Action> add_tunnel(const Words& words, const Implied& implied, const CommandWorld& world) {
  const auto fits =
      words.fit(implied.option, {"--af", "--edst", "--spi", "--proto", "--said", "--src", "--dst", "--dscp", "--ecn",
                                 "--df", "--ttl", "--fragment", "--life", "--replace"});
  if (!fits) return tl::unexpected(fits.error());
  const auto id = read_sa(words, implied, world);
  if (!id) return tl::unexpected(id.error());
  const auto source = read_address(words, "--src", id->destination.family, world);
  if (!source) return tl::unexpected(source.error());
  const auto destination = read_address(words, "--dst", id->destination.family, world);
  if (!destination) return tl::unexpected(destination.error());
  const auto outer = read_outer_header(words);
  if (!outer) return tl::unexpected(outer.error());
  return add({.id = *id, .source = *source, .tunnel_destination = *destination, .outer = *outer}, words);
}

Expected<Action> add_with_algorithm(const Words& words, const Implied& implied, const CommandWorld& world) {
  const auto fits = words.fit(implied.option, {"--af", "--edst", "--spi", "--proto", "--said", "--src", "--enckey",
                                               "--authkey", "--replay_window", "--esn", "--natt", "--sport", "--dport",
                                               "--life", "--sent", "--received", "--replace"});
  if (!fits) return tl::unexpected(fits.error());
  if (words.has("--replay_window") && implied.protocol == SaProtocol::kComp) {
    return failure("--replay_window", "a comp SA has no sequence numbers", "leave it out");
  }
  if (words.has("--esn") && implied.protocol == SaProtocol::kComp) {
    return failure("--esn", "a comp SA has no sequence numbers", "leave it out");
  }
  for (const std::string_view option : {"--sent", "--received"}) {
    if (words.has(option) && implied.protocol == SaProtocol::kComp) {
      return failure(std::string(option), "a comp SA has no sequence numbers", "leave it out");
    }
  }
  if (words.value("--enckey") == "-" && words.value("--authkey") == "-") {
    return failure("--enckey and --authkey", "cannot both be standard input", "give one of them as @FILE");
  }
  const auto id = read_sa(words, implied, world);
  if (!id) return tl::unexpected(id.error());
  SaSpec spec{.id = *id, .algorithm = std::string(*words.value(implied.option))};
  const auto window = read_replay_window(words);
  if (!window) return tl::unexpected(window.error());
  spec.replay_window = *window;
  spec.extended_sequence = words.has("--esn");
  for (const auto& [option, number] : {std::pair("--sent", &spec.sent), std::pair("--received", &spec.received)}) {
    if (const auto read = read_choice(words, option, parse_sequence, *number); !read) {
      return tl::unexpected(read.error());
    }
  }
  const auto udp_encapsulation = read_udp_encapsulation(words);
  if (!udp_encapsulation) return tl::unexpected(udp_encapsulation.error());
  spec.udp_encapsulation = *udp_encapsulation;
  const auto source = read_address(words, "--src", id->destination.family, world);
  if (!source) return tl::unexpected(source.error());
  spec.source = *source;
  for (const auto& [option, key] :
       {std::pair("--enckey", &spec.encryption_key), std::pair("--authkey", &spec.authentication_key)}) {
    auto read = read_key(words, option, world);
    if (!read) return tl::unexpected(read.error());
    *key = std::move(*read);
  }
  return add(std::move(spec), words);
}

Expected<Action> spi_action(const Words& words, const CommandWorld& world) {
  const auto mode = words.mode({"--esp", "--ah", "--comp", "--ip4", "--ip6", "--del", "--clear", "--algorithms"});
  if (!mode) return tl::unexpected(mode.error());
  if (mode->empty()) return Listing::kSas;
  if (*mode == "--esp") return add_with_algorithm(words, {*mode, SaProtocol::kEsp, {}}, world);
  if (*mode == "--ah") return add_with_algorithm(words, {*mode, SaProtocol::kAh, {}}, world);
  if (*mode == "--comp") return add_with_algorithm(words, {*mode, SaProtocol::kComp, {}}, world);
  if (*mode == "--ip4") return add_tunnel(words, {*mode, SaProtocol::kTunnel, Family::kIpv4}, world);
  if (*mode == "--ip6") return add_tunnel(words, {*mode, SaProtocol::kTunnel, Family::kIpv6}, world);
  if (*mode == "--del") {
    const auto fits = words.fit(*mode, {"--af", "--edst", "--spi", "--proto", "--said"});
    if (!fits) return tl::unexpected(fits.error());
    return read_sa(words, {}, world).map([](const SaId& id) { return ask(SaDelete{id}); });
  }
  if (const auto alone = words.fit(*mode, {}); !alone) return tl::unexpected(alone.error());
  if (*mode == "--algorithms") return Listing::kAlgorithms;
  return ask(SaClear{});
}

}  // namespace

constinit const CommandRow kSpiCommand{
    {"spi", kSpiOptions}, "create, delete and list Security Associations (SAs)", kSpiHelp, spi_action};

}  // namespace spigrp
