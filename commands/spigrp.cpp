// spigrp: groups and ungroups SAs.
#include <array>
#include <vector>

#include "commands/address_words.h"
#include "commands/command_row.h"

namespace spigrp {
namespace {

constexpr std::array<Option, 2> kSpigrpOptions = {{
    {"--said", "SAID", Takes::kOperands},
    {"--replace", "", Takes::kNothing},
}};

constexpr std::string_view kSpigrpHelp = R"(spigrp [--replace] AF DESTINATION SPI PROTO [AF DESTINATION SPI PROTO]...
spigrp [--replace] --said SAID [SAID]...
spigrp

AF is inet or inet6, PROTO is tun, esp or ah; a SAID is all of it in one word
(tun.113@192.0.2.2, esp:235@2001:db8::2).

Two or more SAs, up to eight, become one group, listed inside to outside: the
first is applied first to an outgoing packet and removed last from an incoming
one. The group is known by its first SA; an eroute leads to that one. Every SA
must exist and be in no group.

One SA: the group that contains it is dissolved. What an eroute led to it is
dropped and counted until its SA heads a group again or the eroute is replaced.

  --replace            the group known by the first SA becomes exactly this list,
                       in one step, while packets flow
  --said               SAs are given as SAIDs

Without words it lists the groups, a line each, inside to outside.

Examples
  From gateway gw1 to gateway gw2: a tunnel, ESP around it, AH around that.

  spi --af inet --edst gw2 --spi 0x113 --proto tun --ip4 --src gw1 --dst gw2
  spi --af inet --edst gw2 --spi 0x115 --proto esp --src gw1 --esp aes128gcm16 --enckey @esp.key
  spi --af inet --edst gw2 --spi 0x116 --proto ah  --src gw1 --ah hmac-sha2_256-128 --authkey @ah.key
  spigrp inet gw2 0x113 tun inet gw2 0x115 esp inet gw2 0x116 ah

  Without AH from now on, and then no group at all:

  spigrp --replace inet gw2 0x113 tun inet gw2 0x115 esp
  spigrp inet gw2 0x113 tun
)";

constexpr size_t kWordsOfSa = 4;  // AF DESTINATION SPI PROTO

std::string joined(std::span<const std::string_view> words) {
  std::string line;
  for (const std::string_view word : words) line += (line.empty() ? "" : " ") + as_typed(word);
  return line;
}

Expected<SaId> read_four_words(std::span<const std::string_view> words, const CommandWorld& world) {
  const auto wrong = [&](const Error& error) {
    return failure(joined(words), error.object + ": " + error.problem,
                   error.remedy.empty() ? "write AF DESTINATION SPI PROTO" : error.remedy);
  };
  const auto family = parse_family(words[0]);
  if (!family) return wrong(family.error());
  const auto protocol = parse_protocol(words[3]);
  if (!protocol) return wrong(protocol.error());
  const auto spi = parse_spi(words[2], *protocol);
  if (!spi) return wrong(spi.error());
  const auto destination = world.resolve(words[1], *family);
  if (!destination) return wrong(destination.error());
  if (destination->family != *family) return wrong({as_typed(words[1]), "is of the other address family", {}});
  return SaId{*protocol, *spi, *destination};
}

Expected<std::vector<SaId>> read_four_word_sas(std::span<const std::string_view> words, const CommandWorld& world) {
  std::vector<SaId> members;
  for (; !words.empty(); words = words.subspan(kWordsOfSa)) {
    if (words.size() < kWordsOfSa) {
      return failure(joined(words), "is not a whole SA", "each is AF DESTINATION SPI PROTO: inet 192.0.2.2 0x113 tun");
    }
    const auto id = read_four_words(words.first(kWordsOfSa), world);
    if (!id) return tl::unexpected(id.error());
    members.push_back(*id);
  }
  return members;
}

Expected<std::vector<SaId>> read_saids(std::span<const std::string_view> words, const CommandWorld& world) {
  if (words.empty()) return failure("--said", "no SAID follows", "write --said SAID [SAID]...");
  std::vector<SaId> members;
  for (const std::string_view word : words) {
    const auto id = parse_sa_id(word, world.resolve);
    if (!id) return tl::unexpected(id.error());
    members.push_back(*id);
  }
  return members;
}

Expected<Action> spigrp_action(const Words& words, const CommandWorld& world) {
  const bool replace = words.has("--replace");
  if (words.operands().empty() && !words.has("--said")) {
    if (replace) return failure("--replace", "no SAs follow", "list all SAs of the group, inside to outside");
    return Listing::kGroups;
  }
  auto members =
      words.has("--said") ? read_saids(words.operands(), world) : read_four_word_sas(words.operands(), world);
  if (!members) return tl::unexpected(members.error());
  if (replace && members->size() == 1) {
    return failure("--replace " + members->front().text(), "a group has two or more SAs",
                   "list them, or dissolve the group with: spigrp --said " + members->front().text());
  }
  if (replace) return ask(GroupReplace{std::move(*members)});
  if (members->size() == 1) return ask(GroupDissolve{members->front()});
  return ask(GroupSet{std::move(*members)});
}

}  // namespace

constinit const CommandRow kSpigrpCommand{
    {"spigrp", kSpigrpOptions, Operands::kAny}, "group and ungroup SAs", kSpigrpHelp, spigrp_action};

}  // namespace spigrp
