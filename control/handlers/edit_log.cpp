// Edits as lines of the log, under klipsdebug's topics.
#include <algorithm>
#include <set>
#include <string>
#include <type_traits>

#include <spdlog/spdlog.h>

#include "control/handlers/handlers.h"
#include "crypto/algorithms.h"

namespace spigrp {
namespace {

using Line = EditNotes::Line;

constexpr size_t kEditsTold = 8;  // of a transaction, in words

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

void EditNotes::take(const Edit& edit) {
  const auto line = [&] { return std::visit([](const auto& known) { return line_of(known); }, edit); };
  if (topics_.any()) lines_.push_back(line());
  if (++edits_ <= kEditsTold) first_.push_back(line().text);
  const auto* add = std::get_if<SaAdd>(&edit);
  if (add != nullptr) added_.push_back({add->spec.id, add->spec.sent});
  const auto* replace = std::get_if<SaReplace>(&edit);
  if (add != nullptr || replace != nullptr) take_made(add != nullptr ? add->spec : replace->spec);
}

void EditNotes::take_made(const SaSpec& spec) {
  if (spec.algorithm.empty() || spec.id.protocol == SaProtocol::kComp) return;
  const auto algorithm = spec.id.protocol == SaProtocol::kAh
                             ? find_ah_algorithm(spec.algorithm)
                             : find_esp_algorithm(spec.algorithm, spec.encryption_key.size());
  if (!algorithm || algorithm->requirement() > Requirement::kShouldNot) return;
  const bool is_known =
      std::any_of(weak_.begin(), weak_.end(), [&](const Weak& weak) { return weak.algorithm == algorithm->name(); });
  if (!is_known) weak_.push_back({spec.id, algorithm->name(), requirement_text(algorithm->requirement())});
}

void EditNotes::log(SaTables& sas, Pace& pace) {
  for (; !lines_.empty(); lines_.pop_front()) {
    pace.step();
    topics_.say(lines_.front().topic, lines_.front().text);
  }
  static std::set<std::string> warned;  // by the control thread only
  for (const Weak& weak : weak_) {
    if (!warned.insert(weak.algorithm).second) continue;
    spdlog::warn("{}: {} is weak: RFC 8221 says {}", weak.id.text(), weak.algorithm, weak.requirement);
  }
  for (; !added_.empty(); added_.pop_front()) {
    pace.step();
    if (sas.spent_keys().empty()) continue;
    const Added& added = added_.front();
    const SaEntry* entry = sas.newest(added.id);
    if (entry == nullptr || entry->sa == nullptr || entry->sa->marks.began_sent <= added.sent) continue;
    spdlog::info("{}: its keys were used before, so its sequence numbers go on behind {}", added.id.text(),
                 entry->sa->marks.began_sent);
  }
}

std::vector<std::string> warnings_of(const SharedKeys& shared) {
  std::vector<std::string> lines;
  for (const SharedKeys::Pair& pair : shared.named) {
    lines.push_back(pair.made.text() + ": has the same keys as " + pair.other.text() + "; give each SA its own");
  }
  const uint64_t more = shared.count - shared.named.size();
  if (more > 0)
    lines.push_back(std::to_string(more) + (more == 1 ? " more SA has" : " more SAs have") +
                    " the same keys as another");
  return lines;
}

}  // namespace spigrp
