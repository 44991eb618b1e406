// explain: what would become of a packet.
#include <array>

#include "commands/address_words.h"
#include "commands/command_row.h"
#include "commands/sa_words.h"
#include "commands/service_names.h"
#include "config/number.h"

namespace spigrp {
namespace {

constexpr std::array<Option, 10> kExplainOptions = {{
    {"--src", "ADDRESS", Takes::kValue},
    {"--dst", "ADDRESS", Takes::kValue},
    {"--proto", "PROTOCOL", Takes::kValue},
    {"--sport", "PORT", Takes::kValue},
    {"--dport", "PORT", Takes::kValue},
    {"--len", "BYTES", Takes::kValue},
    {"--ttl", "HOPS", Takes::kValue},
    {"--df", "", Takes::kNothing},
    {"--port", "PORT", Takes::kValue},
    {"--out-of", "SAID", Takes::kValue},
}};

constexpr std::string_view kExplainHelp = R"(spigrpctl explain --src ADDRESS --dst ADDRESS [--proto PROTOCOL]
       [--sport PORT] [--dport PORT] [--len BYTES] [--ttl HOPS] [--df]
       [--port PORT] [--out-of SAID]

Says what the gateway would do with this packet now: route, eroute, group, each
SA with the size before and after, fragments, next hop; or which drop reason
would count it, what of the configuration is the reason, and what its sender is
told. Nothing is sent, no counter moves, no sequence number is used.

  --src, --dst ADDRESS where the packet comes from and goes to
  --proto PROTOCOL     a name from /etc/protocols or a number; usually icmp, an
                       echo request
  --sport, --dport     ports: names from /etc/services or numbers, with TCP, UDP
                       and SCTP
  --len BYTES          of the whole IP packet; usually 84, for IPv6 104
  --ttl HOPS           TTL or hop limit; usually 64
  --df                 IPv4: don't fragment
  --port PORT          the gateway's port that receives it; usually the one that
                       leads to its source
  --out-of SAID        it did not come in the clear, but out of this SA's group

Not foretold, because no configuration says it: full queues, the rate limit of
ICMP errors, how much something compresses, whether a next hop answers.

Examples
  spigrpctl explain --src 10.1.0.2 --dst 10.2.0.2
  spigrpctl explain --src 10.1.0.2 --dst 10.2.0.2 --proto tcp --dport https --len 1500 --df
  spigrpctl explain --src 10.2.0.2 --dst 10.1.0.2 --out-of tun.114@192.0.2.1
)";

Expected<void> read_transport(const Words& words, ExplainQuery& query) {
  if (const auto word = words.value("--proto")) {
    const auto protocol = parse_transport_protocol(*word);
    if (!protocol) return in_option("--proto", protocol.error());
    query.protocol = *protocol;
  }
  for (const auto& [option, port] :
       {std::pair("--sport", &query.source_port), std::pair("--dport", &query.destination_port)}) {
    const auto word = words.value(option);
    if (!word) continue;
    const auto read = parse_port(*word, query.protocol);
    if (!read) return in_option(option, read.error());
    *port = *read;
  }
  return {};
}

Expected<void> read_sizes(const Words& words, ExplainQuery& query) {
  if (const auto word = words.value("--len")) {
    const auto bytes = parse_number(*word, 65575);
    if (!bytes || *bytes == 0)
      return failure("--len " + as_typed(*word), "is no length of an IP packet", "use 20 … 65575");
    query.bytes = static_cast<uint32_t>(*bytes);
  }
  if (const auto word = words.value("--ttl")) {
    const auto ttl = parse_number(*word, 255);
    if (!ttl) return failure("--ttl " + as_typed(*word), "is no TTL", "use 0 … 255");
    query.ttl = static_cast<uint8_t>(*ttl);
  }
  query.dont_fragment = words.has("--df");
  return {};
}

Expected<Action> explain_action(const Words& words, const CommandWorld& world) {
  ExplainQuery query;
  const auto source = read_address(words, "--src", std::nullopt, world);
  if (!source) return tl::unexpected(source.error());
  query.source = *source;
  const auto destination = read_address(words, "--dst", query.source.family, world);
  if (!destination) return tl::unexpected(destination.error());
  query.destination = *destination;
  if (const auto read = read_transport(words, query); !read) return tl::unexpected(read.error());
  if (const auto read = read_sizes(words, query); !read) return tl::unexpected(read.error());
  if (const auto port = words.value("--port")) query.port = *port;
  if (const auto word = words.value("--out-of")) {
    const auto id = parse_sa_id(*word, world.resolve);
    if (!id) return in_option("--out-of", id.error());
    query.out_of = *id;
  }
  if (const auto valid = validate(query); !valid) return tl::unexpected(valid.error());
  return Action(std::in_place_type<ExplainQuery>, std::move(query));
}

}  // namespace

constinit const CommandRow kExplainCommand{
    {"explain", kExplainOptions}, "say what would become of a packet", kExplainHelp, explain_action};

}  // namespace spigrp
