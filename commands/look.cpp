// look: the whole gateway on one page.
#include "commands/command_row.h"

namespace spigrp {
namespace {

constexpr std::string_view kLookHelp = R"(look

Prints the gateway's host name and time; the eroutes, sorted, each with its whole
group; the protected interfaces; the SAs, sorted and without keys; the routes.
With --json the same as one object.

Examples
  look
  look --label before
  look --json
)";

Expected<Action> look_action(const Words& /*words*/, const CommandWorld& /*world*/) {
  return Listing::kLook;
}

}  // namespace

constinit const CommandRow kLookCommand{{"look", {}}, "show the whole gateway on one page", kLookHelp, look_action};

}  // namespace spigrp
