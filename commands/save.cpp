// save: the gateway's state as the batch that makes it again.
#include <array>

#include "commands/command_row.h"

namespace spigrp {
namespace {

constexpr std::array<Option, 1> kSaveOptions = {{{"--keys", "", Takes::kNothing}}};

constexpr std::string_view kSaveHelp = R"(spigrpctl save [--keys]

Writes the commands that make the present state again: interfaces, addresses,
routes, static neighbours, SAs, groups and eroutes, as they are at one moment. What
the daemon's configuration gives it (the ports' addresses) is left out, and so are
neighbours that were learned and what traps made.

  --keys    with the SAs' keys; without it the word KEY stands in the place of each,
            and batch refuses the line. Whoever reads the output has the keys

Each SA's sequence numbers are part of it (--sent, --received). They go on while
packets flow, so a batch saved a while ago would use numbers again: let it make the
state anew only where no packet was sent since, or with other keys. The daemon's own
state directory (spigrp.toml(5)) does not have that weakness.

Examples
  (umask 077; spigrpctl save --keys >/root/spigrp.batch)
  spigrpctl save | diff - expected
)";

Expected<Action> save_action(const Words& words, const CommandWorld& /*world*/) {
  return SaveState{words.has("--keys")};
}

}  // namespace

constinit const CommandRow kSaveCommand{
    {"save", kSaveOptions}, "write the state as the batch that makes it again", kSaveHelp, save_action};

}  // namespace spigrp
