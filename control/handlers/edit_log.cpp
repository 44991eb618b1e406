// Edits as lines of the log, under klipsdebug's topics.
#include <set>
#include <string>
#include <type_traits>

#include <spdlog/spdlog.h>

#include "control/handlers/handlers.h"
#include "crypto/algorithms.h"

namespace spigrp {
namespace {

struct Line {
  const char* topic;
  std::string text;
};

std::string members_text(const std::vector<SaId>& members) {
  std::string line;
  for (const SaId& id : members) line += ' ' + id.text();
  return line;
}

Line line_of_made(const SaSpec& spec, const char* what) {
  const char* topic = "spi";
  if (spec.id.protocol == SaProtocol::kEsp) topic = "esp";
  if (spec.id.protocol == SaProtocol::kAh) topic = "ah";
  if (spec.id.protocol == SaProtocol::kComp) topic = "ipcomp";
  return {topic, std::string(what) + ' ' + spec.id.text() + " src=" + spec.source.text() + ' ' + spec.algorithm};
}
Line line_of(const SaAdd& edit) {
  return line_of_made(edit.spec, "new SA");
}
Line line_of(const SaReplace& edit) {
  return line_of_made(edit.spec, "SA replaced:");
}
Line line_of(const SaDelete& edit) {
  return {"spi", "SA deleted: " + edit.id.text()};
}
Line line_of(const SaClear& /*edit*/) {
  return {"spi", "all SAs deleted"};
}
Line line_of(const GroupSet& edit) {
  return {"xform", "grouped:" + members_text(edit.members)};
}
Line line_of(const GroupReplace& edit) {
  return {"xform", "group replaced:" + members_text(edit.members)};
}
Line line_of(const GroupDissolve& edit) {
  return {"xform", "group dissolved that had " + edit.member.text()};
}
Line line_of(const ErouteSet& edit) {
  return {"eroute", "eroute set: " + edit.selector.text() + " => " + text(edit.target)};
}
Line line_of(const ErouteDelete& edit) {
  return {"eroute", "eroute deleted: " + edit.selector.text()};
}
Line line_of(const ErouteClear& /*edit*/) {
  return {"eroute", "all eroutes deleted"};
}
Line line_of(const InterfaceCreate& edit) {
  return {"tunnel", edit.name + " created"};
}
Line line_of(const InterfaceDelete& edit) {
  return {"tunnel", edit.name + " deleted"};
}
Line line_of(const InterfaceAttach& edit) {
  return {"tunnel", edit.name + " attached to " + edit.port};
}
Line line_of(const InterfaceDetach& edit) {
  return {"tunnel", edit.name + " detached"};
}
Line line_of(const InterfaceClear& /*edit*/) {
  return {"tunnel", "all interfaces deleted"};
}
Line line_of(const AddressAdd& edit) {
  return {"rcv", "address " + edit.spec.address.text() + " added to " + edit.spec.device};
}
Line line_of(const AddressDelete& edit) {
  return {"rcv", "address " + edit.spec.address.text() + " taken from " + edit.spec.device};
}
Line line_of(const RouteAdd& edit) {
  return {"tunnel-xmit", "route set to " + edit.spec.destination.text()};
}
Line line_of(const RouteDelete& edit) {
  return {"tunnel-xmit", "route deleted to " + edit.destination.text()};
}
Line line_of(const NeighbourSet& edit) {
  return {"tunnel-xmit", "neighbour " + edit.spec.address.text() + " is " + text(edit.spec.mac)};
}
Line line_of(const NeighbourDelete& edit) {
  return {"tunnel-xmit", "neighbour " + edit.address.text() + " deleted"};
}

}  // namespace

void warn_of_weak_algorithm(const Edit& edit) {
  const SaSpec* made = nullptr;
  if (const auto* add = std::get_if<SaAdd>(&edit)) made = &add->spec;
  if (const auto* replace = std::get_if<SaReplace>(&edit)) made = &replace->spec;
  if (made == nullptr || made->algorithm.empty() || made->id.protocol == SaProtocol::kComp) return;
  const SaSpec& spec = *made;
  const auto algorithm = spec.id.protocol == SaProtocol::kAh
                             ? find_ah_algorithm(spec.algorithm)
                             : find_esp_algorithm(spec.algorithm, spec.encryption_key.size());
  if (!algorithm || algorithm->requirement() > Requirement::kShouldNot) return;
  static std::set<std::string> warned;  // by the control thread only
  if (!warned.insert(algorithm->name()).second) return;
  spdlog::warn("{}: {} is weak: RFC 8221 says {}", spec.id.text(), algorithm->name(),
               requirement_text(algorithm->requirement()));
}

void say_where_numbers_begin(const Edit& edit, SaTables& sas) {
  if (sas.spent_keys().empty()) return;
  const auto* add = std::get_if<SaAdd>(&edit);
  const SaEntry* entry = add == nullptr ? nullptr : sas.newest(add->spec.id);
  if (entry == nullptr || entry->sa->marks.began_sent <= add->spec.sent) return;
  spdlog::info("{}: its keys were used before, so its sequence numbers go on behind {}", add->spec.id.text(),
               entry->sa->marks.began_sent);
}

std::string edit_text(const Edit& edit) {
  return std::visit([](const auto& known) { return line_of(known); }, edit).text;
}

void log_edit(const LogTopics& topics, const Edit& edit) {
  if (!topics.any()) return;
  const Line line = std::visit([](const auto& known) { return line_of(known); }, edit);
  topics.say(line.topic, line.text);
}

}  // namespace spigrp
