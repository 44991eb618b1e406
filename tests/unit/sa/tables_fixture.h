// Tables with a clock, and short words for specs, for the tests of this room.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sa/sa_edit.h"

namespace spigrp::test {

inline IpAddress address(std::string_view text) {
  return parse_ip_address(text).value();
}
inline SaId said(std::string_view text) {
  return parse_sa_id(text).value();
}
inline std::vector<SaId> saids(std::initializer_list<std::string_view> texts) {
  std::vector<SaId> ids;
  for (const std::string_view text : texts) ids.push_back(said(text));
  return ids;
}

inline SaSpec spec(std::string_view id) {
  SaSpec spec;
  spec.id = said(id);
  const bool ipv4 = spec.id.destination.family == Family::kIpv4;
  spec.source = address(ipv4 ? "192.0.2.1" : "2001:db8::1");
  if (spec.id.protocol == SaProtocol::kTunnel) spec.tunnel_destination = spec.id.destination;
  if (spec.id.protocol == SaProtocol::kComp) spec.algorithm = kCompressionAlgorithm;
  if (spec.id.protocol == SaProtocol::kEsp) {
    spec.algorithm = "aes128gcm16";
    spec.encryption_key = Key(std::vector<uint8_t>(20, 0x11));
  }
  if (spec.id.protocol == SaProtocol::kAh) {
    spec.algorithm = "hmac-sha1-96";
    spec.authentication_key = Key(std::vector<uint8_t>(20, 0x22));
  }
  return spec;
}

inline Selector selector(std::string_view source, std::string_view destination, uint8_t protocol = 0,
                         uint16_t source_port = 0, uint16_t destination_port = 0) {
  return {parse_ip_prefix(source).value(), parse_ip_prefix(destination).value(), protocol, source_port,
          destination_port};
}

inline FlowKey flow(std::string_view source, std::string_view destination, uint8_t protocol = 17,
                    uint16_t source_port = 1000, uint16_t destination_port = 2000) {
  const IpAddress from = address(source);
  return {.source = from.bytes,
          .destination = address(destination).bytes,
          .source_port = be16::from_host(source_port),
          .destination_port = be16::from_host(destination_port),
          .protocol = protocol,
          .family = from.family};
}

struct Tables {
  std::unique_ptr<SaTables> tables = SaTables::create(TableOptions{.sas = 1024, .eroutes = 1024}).value();
  std::unique_ptr<Versions> versions = Versions::create(4).value();

  // One edit as a transaction of its own.
  template <class F>
  Expected<void> edit(F&& change) {
    SaEdit edit(*tables, *versions);
    if (auto done = change(edit); !done) return done;
    edit.link();
    versions->publish();
    versions->reclaim();
    return {};
  }

  Expected<void> add(const SaSpec& made) {
    return edit([&](SaEdit& e) { return e.add_sa(made); });
  }
  Expected<void> add(std::string_view id) {
    return edit([&](SaEdit& e) { return e.add_sa(spec(id)); });
  }
  Expected<void> group(std::initializer_list<std::string_view> ids) {
    return edit([&](SaEdit& e) { return e.group(saids(ids)); });
  }
  Expected<void> replace(std::initializer_list<std::string_view> ids) {
    return edit([&](SaEdit& e) { return e.replace_group(saids(ids)); });
  }
  Expected<void> ungroup(std::string_view id) {
    return edit([&](SaEdit& e) { return e.ungroup(said(id)); });
  }
  Expected<void> remove(std::string_view id) {
    return edit([&](SaEdit& e) { return e.delete_sa(said(id)); });
  }
  Expected<void> eroute(const Selector& selector, std::string_view target, ErouteMode mode = ErouteMode::kAdd) {
    return edit([&](SaEdit& e) { return e.set_eroute(selector, said(target), mode); });
  }

  // The group that a flow gets now, in words; or what happens to it instead.
  std::string verdict(const FlowKey& key) const {
    const ErouteVerdict verdict = tables->find_eroute(key, versions->published());
    switch (verdict.action) {
      case ErouteAction::kNone:
        return "none";
      case ErouteAction::kProtect:
        return verdict.group->text();
      case ErouteAction::kPass:
        return "%pass";
      case ErouteAction::kDrop:
        return "%drop";
      case ErouteAction::kDissolved:
        return "dissolved";
      default:
        return "other";
    }
  }
  // The group of an SA now, in words.
  std::string group_of(std::string_view id) const {
    const SaEntry* entry = tables->newest(said(id));
    return entry == nullptr ? "no SA" : entry->group->text();
  }
};

}  // namespace spigrp::test
