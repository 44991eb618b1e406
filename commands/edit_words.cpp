// See edit_words.h.
#include "commands/edit_words.h"

#include <type_traits>

namespace spigrp {
namespace {

// Adds words to a line. None of them needs quotes: they are numbers, addresses, names of a fixed alphabet, hex digits.
class Line {
 public:
  explicit Line(std::string_view command) : text_(command) {}

  Line& word(std::string_view word) {
    text_ += ' ';
    text_ += word;
    return *this;
  }
  Line& option(std::string_view name, std::string_view value) { return word(name).word(value); }
  Line& option(std::string_view name, uint64_t value) { return option(name, std::to_string(value)); }
  template <class T>
  Line& option_unless(std::string_view name, const T& value, const T& usual) {
    if (value == usual) return *this;
    if constexpr (std::is_integral_v<T>) {
      return option(name, uint64_t{value});
    } else {
      return option(name, choice_word(value));
    }
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string lifetime_word(const LifetimeSpec& lifetime) {
  std::string word;
  for (const auto& [kind, limits] : {std::pair("soft-", &lifetime.soft), std::pair("hard-", &lifetime.hard)}) {
    for (const LifetimeField& field : kLifetimeFields) {
      const uint64_t limit = limits->*field.limit;
      if (limit == 0) continue;
      word += (word.empty() ? "" : ",") + std::string(kind) + std::string(field.name) + '=' + std::to_string(limit);
    }
  }
  return word;
}

void add_key(Line& line, std::string_view option, const Key& key, KeyWords keys) {
  if (key.empty()) return;
  line.option(option, keys == KeyWords::kShown ? key.to_hex() : "KEY");
}

void add_outer_header(Line& line, const SaSpec& spec) {
  const OuterHeader usual;
  line.word(spec.id.destination.family == Family::kIpv4 ? "--ip4" : "--ip6")
      .option("--src", spec.source.text())
      .option("--dst", spec.tunnel_destination.text())
      .option_unless("--dscp", spec.outer.dscp, usual.dscp)
      .option_unless("--ecn", spec.outer.ecn, usual.ecn)
      .option_unless("--df", spec.outer.df, usual.df)
      .option_unless("--ttl", spec.outer.ttl, usual.ttl)
      .option_unless("--fragment", spec.outer.fragment, usual.fragment);
}

void add_algorithm(Line& line, const SaSpec& spec, KeyWords keys) {
  line.option("--src", spec.source.text());
  if (spec.id.protocol == SaProtocol::kComp) {
    line.option("--comp", spec.algorithm);
    return;
  }
  line.option(spec.id.protocol == SaProtocol::kEsp ? "--esp" : "--ah", spec.algorithm)
      .option_unless("--replay_window", spec.replay_window, kDefaultReplayWindow);
  if (spec.extended_sequence) line.word("--esn");
  line.option_unless("--sent", spec.sent, uint64_t{0}).option_unless("--received", spec.received, uint64_t{0});
  if (spec.udp_encapsulation) {
    line.option("--natt", "nonesp")
        .option("--sport", spec.udp_encapsulation->source_port)
        .option("--dport", spec.udp_encapsulation->destination_port);
  }
  add_key(line, "--enckey", spec.encryption_key, keys);
  add_key(line, "--authkey", spec.authentication_key, keys);
}

Line spi_line(const SaSpec& spec, KeyWords keys) {
  Line line("spi --said");
  line.word(spec.id.text());
  if (spec.id.protocol == SaProtocol::kTunnel) {
    add_outer_header(line, spec);
  } else {
    add_algorithm(line, spec, keys);
  }
  if (spec.lifetime != LifetimeSpec()) line.option("--life", lifetime_word(spec.lifetime));
  return line;
}

void add_selector(Line& line, const Selector& selector) {
  line.option("--eraf", selector.family() == Family::kIpv4 ? "inet" : "inet6")
      .option("--src", selector.source.text())
      .option("--dst", selector.destination.text())
      .option_unless("--transport-proto", selector.protocol, uint8_t{0})
      .option_unless("--src-port", selector.source_port, uint16_t{0})
      .option_unless("--dst-port", selector.destination_port, uint16_t{0});
  if (!selector.icmp_type) return;
  const std::string code = selector.icmp_code ? '/' + std::to_string(*selector.icmp_code) : std::string();
  line.option("--icmp-type", std::to_string(*selector.icmp_type) + code);
}

std::string members_line(std::string_view command, const std::vector<SaId>& members) {
  Line line(command);
  for (const SaId& id : members) line.word(id.text());
  return line.take();
}

std::string line_of(const SaAdd& edit, KeyWords keys) {
  return spi_line(edit.spec, keys).take();
}
std::string line_of(const SaReplace& edit, KeyWords keys) {
  return spi_line(edit.spec, keys).word("--replace").take();
}
std::string line_of(const SaDelete& edit, KeyWords /*keys*/) {
  return "spi --said " + edit.id.text() + " --del";
}
std::string line_of(const SaClear& /*edit*/, KeyWords /*keys*/) {
  return "spi --clear";
}
std::string line_of(const GroupSet& edit, KeyWords /*keys*/) {
  return members_line("spigrp --said", edit.members);
}
std::string line_of(const GroupReplace& edit, KeyWords /*keys*/) {
  return members_line("spigrp --replace --said", edit.members);
}
std::string line_of(const GroupDissolve& edit, KeyWords /*keys*/) {
  return "spigrp --said " + edit.member.text();
}
std::string line_of(const ErouteSet& edit, KeyWords /*keys*/) {
  Line line(edit.existing == ExistingEntry::kRefuse ? "eroute --add" : "eroute --replace");
  add_selector(line, edit.selector);
  line.option("--said", text(edit.target));
  if (edit.dissolved) line.word("--dissolved");
  return line.take();
}
std::string line_of(const ErouteDelete& edit, KeyWords /*keys*/) {
  Line line("eroute --del");
  add_selector(line, edit.selector);
  return line.take();
}
std::string line_of(const ErouteClear& /*edit*/, KeyWords /*keys*/) {
  return "eroute --clear";
}
std::string line_of(const InterfaceCreate& edit, KeyWords /*keys*/) {
  return "tncfg --create " + edit.name;
}
std::string line_of(const InterfaceDelete& edit, KeyWords /*keys*/) {
  return "tncfg --delete " + edit.name;
}
std::string line_of(const InterfaceAttach& edit, KeyWords /*keys*/) {
  return "tncfg --attach --virtual " + edit.name + " --physical " + edit.port;
}
std::string line_of(const InterfaceDetach& edit, KeyWords /*keys*/) {
  return "tncfg --detach --virtual " + edit.name;
}
std::string line_of(const InterfaceClear& /*edit*/, KeyWords /*keys*/) {
  return "tncfg --clear";
}
std::string line_of(const AddressAdd& edit, KeyWords /*keys*/) {
  return "address --add " + edit.spec.address.text() + " --dev " + edit.spec.device;
}
std::string line_of(const AddressDelete& edit, KeyWords /*keys*/) {
  return "address --del " + edit.spec.address.text() + " --dev " + edit.spec.device;
}
std::string line_of(const RouteAdd& edit, KeyWords /*keys*/) {
  Line line(edit.existing == ExistingEntry::kRefuse ? "route --add" : "route --replace");
  line.option("--dst", edit.spec.destination.text());
  if (edit.spec.via) line.option("--via", edit.spec.via->text());
  if (!edit.spec.device.empty()) line.option("--dev", edit.spec.device);
  return line.take();
}
std::string line_of(const RouteDelete& edit, KeyWords /*keys*/) {
  return "route --del --dst " + edit.destination.text();
}
std::string line_of(const NeighbourSet& edit, KeyWords /*keys*/) {
  return "neigh --add --dst " + edit.spec.address.text() + " --mac " + text(edit.spec.mac) + " --dev " +
         edit.spec.device;
}
std::string line_of(const NeighbourDelete& edit, KeyWords /*keys*/) {
  return "neigh --del --dst " + edit.address.text() + " --dev " + edit.device;
}

}  // namespace

std::string command_line(const Edit& edit, KeyWords keys) {
  return std::visit([keys](const auto& known) { return line_of(known, keys); }, edit);
}

}  // namespace spigrp
