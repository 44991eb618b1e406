// tncfg: makes protected interfaces and attaches them to ports.
#include <array>

#include "commands/address_words.h"
#include "commands/command_row.h"

namespace spigrp {
namespace {

constexpr std::array<Option, 7> kTncfgOptions = {{
    {"--create", "INTERFACE", Takes::kValue},
    {"--delete", "INTERFACE", Takes::kValue},
    {"--attach", "", Takes::kNothing},
    {"--detach", "", Takes::kNothing},
    {"--clear", "", Takes::kNothing},
    {"--virtual", "INTERFACE", Takes::kValue},
    {"--physical", "PORT", Takes::kValue},
}};

constexpr std::string_view kTncfgHelp = R"(tncfg --create INTERFACE
tncfg --delete INTERFACE
tncfg --attach --virtual INTERFACE --physical PORT
tncfg --detach --virtual INTERFACE
tncfg --clear
tncfg

A protected interface is ipsec0 ... ipsec63; ports carry the names that the
daemon's configuration gives them. A packet that is routed to a protected
interface meets the eroutes and leaves by its port; while there is no port it is
dropped.

  --create INTERFACE   make it, attached to nothing
  --delete INTERFACE   remove it
  --attach             let it leave by a port
  --detach             take it from its port
  --virtual INTERFACE  which one to attach or detach
  --physical PORT      where to attach it
  --clear              remove all

Without words it lists the interfaces with their ports and MTUs.

Examples
  tncfg --create ipsec0
  tncfg --attach --virtual ipsec0 --physical wan
)";

// The name of a protected interface as an option's value.
Expected<std::string> read_interface(const Words& words, std::string_view option) {
  const auto name = words.required(option);
  if (!name) return tl::unexpected(name.error());
  const auto number = parse_interface_name(*name);
  if (!number) return in_option(option, number.error());
  return std::string(*name);
}

template <class T>
Expected<Action> edit_interface(const Words& words, std::string_view option) {
  return read_interface(words, option).map([](std::string&& name) { return ask(T{std::move(name)}); });
}

Expected<Action> attach(const Words& words) {
  auto name = read_interface(words, "--virtual");
  if (!name) return tl::unexpected(name.error());
  const auto port = words.required("--physical");
  if (!port) return tl::unexpected(port.error());
  return ask(InterfaceAttach{std::move(*name), std::string(*port)});
}

Expected<Action> tncfg_action(const Words& words, const CommandWorld& /*world*/) {
  const auto mode = words.mode({"--create", "--delete", "--attach", "--detach", "--clear"});
  if (!mode) return tl::unexpected(mode.error());
  if (mode->empty()) return Listing::kInterfaces;
  if (*mode == "--attach") {
    if (const auto fits = words.fit(*mode, {"--virtual", "--physical"}); !fits) return tl::unexpected(fits.error());
    return attach(words);
  }
  if (*mode == "--detach") {
    if (const auto fits = words.fit(*mode, {"--virtual"}); !fits) return tl::unexpected(fits.error());
    return edit_interface<InterfaceDetach>(words, "--virtual");
  }
  if (const auto alone = words.fit(*mode, {}); !alone) return tl::unexpected(alone.error());
  if (*mode == "--create") return edit_interface<InterfaceCreate>(words, *mode);
  if (*mode == "--delete") return edit_interface<InterfaceDelete>(words, *mode);
  return ask(InterfaceClear{});
}

}  // namespace

constinit const CommandRow kTncfgCommand{
    {"tncfg", kTncfgOptions}, "attach protected interfaces to ports", kTncfgHelp, tncfg_action};

}  // namespace spigrp
