// The lists of SAs and of groups.
#include <algorithm>
#include <cctype>
#include <set>

#include <rte_cycles.h>

#include "control/handlers/handlers.h"
#include "control/handlers/slot_pages.h"
#include "route/route_edit.h"
#include "state/unix_time.h"

namespace spigrp {
namespace {

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); });
  return text;
}

// As KLIPS named its transforms: "ESP_AES128_HMAC_SHA1", "AH_HMAC_MD5", "ESP_AES128GCM16", "COMP_DEFLATE". How many
// bits of the ICV are sent stands in a field of its own.
std::string transform_name(const Sa& sa) {
  if (sa.id.protocol == SaProtocol::kTunnel) {
    return sa.tunnel.family == Family::kIpv4 ? "IPv4_Encapsulation" : "IPv6_Encapsulation";
  }
  if (sa.id.protocol == SaProtocol::kComp) return "COMP_" + upper(std::string(kCompressionAlgorithm));
  const Algorithm& algorithm = sa.keys->algorithm();
  std::string name = sa.id.protocol == SaProtocol::kAh ? "AH" : "ESP";
  if (algorithm.cipher != nullptr) name += '_' + upper(std::string(algorithm.cipher->name));
  if (algorithm.authenticator != nullptr) {
    const std::string_view authenticator = algorithm.authenticator->name;
    name += (algorithm.authenticator->is_hmac() ? "_HMAC_" : "_") +
            upper(std::string(authenticator.substr(0, authenticator.find('-'))));
  }
  return name;
}

// What one page of the list knows beside the SAs.
struct Now {
  uint64_t tsc, tsc_hz, unix_s;
  std::set<IpAddress> own_addresses;
};

Now look_around(const HandlerContext& context) {
  Now now{rte_rdtsc(), rte_get_tsc_hz(), unix_seconds(), {}};
  for (const AddressSpec& own : list_addresses(context.engine.routes())) now.own_addresses.insert(own.address.address);
  return now;
}

int64_t seconds_since(uint64_t tsc, const Now& now) {
  if (tsc == 0) return -1;
  return tsc < now.tsc ? static_cast<int64_t>((now.tsc - tsc) / now.tsc_hz) : 0;
}

void add_counters(SaRow& row, const SaCounters& counters, const Now& now) {
  const auto read = [](const std::atomic<uint64_t>& counter) { return counter.load(std::memory_order_relaxed); };
  row.packets = read(counters.packets);
  row.bytes = read(counters.bytes);
  row.authentication_failures = read(counters.authentication_failures);
  row.replays = read(counters.replays);
  row.outside_window = read(counters.outside_window);
  row.malformed = read(counters.malformed);
  row.exhausted = read(counters.exhausted);
  row.expired = read(counters.expired);
  row.compressed_bytes = read(counters.compressed_bytes);
  row.idle_s = seconds_since(read(counters.last_used_tsc), now);
  row.used_s = seconds_since(read(counters.first_used_tsc), now);
}

void add_lifetime(SaRow& row, const Lifetime& lifetime) {
  row.lifetime = lifetime.spec();
  row.allocations = lifetime.allocations();
  row.lifetime_packets = lifetime.packets_taken();
  row.lifetime_bytes = lifetime.bytes_taken();
  if (row.used_s >= 0) row.used_s += static_cast<int64_t>(lifetime.used_for_s());
  if (const auto expiry = lifetime.told_expiry()) row.expiry = *expiry == Expiry::kHard ? "hard" : "soft";
}

SaRow row_of(const SaEntry& entry, const Now& now) {
  const Sa& sa = *entry.sa;
  SaRow row;
  row.id = sa.id;
  row.source = sa.source;
  row.outer = sa.outer;
  row.algorithm = transform_name(sa);
  const bool inbound = now.own_addresses.contains(sa.id.destination);
  row.direction = inbound ? "in" : "out";
  if (sa.keys) {
    const Algorithm& algorithm = sa.keys->algorithm();
    row.replay_window = sa.replay.packets();
    row.extended_sequence = sa.extended_sequence;
    row.sequence = inbound ? sa.replay.highest() : sa.sequence.sent();
    row.window_bits = sa.replay.newest_bits();
    row.icv_bits = static_cast<uint16_t>(algorithm.icv_bytes() * 8);
    row.authentication_key_bits = static_cast<uint16_t>(algorithm.authentication_key_bytes() * 8);
    row.encryption_key_bits = static_cast<uint16_t>(algorithm.encryption_key_bytes() * 8);
  }
  if (sa.udp) {
    row.udp_encapsulation = sa.udp->ports;
    const uint16_t known = inbound ? sa.udp->ports.source_port : sa.udp->ports.destination_port;
    const uint16_t peer_port = (inbound ? sa.udp->from_peer : sa.udp->to_peer)->port();
    if (peer_port != known) row.peer_port = peer_port;
  }
  add_counters(row, sa.counters, now);
  if (sa.lifetime) add_lifetime(row, *sa.lifetime);
  row.age_s = now.unix_s > sa.created_at_s ? now.unix_s - sa.created_at_s : 0;
  if (entry.grouped) row.group = ids_of(*entry.group);
  return row;
}

}  // namespace

nlohmann::json list_sas(const HandlerContext& context, const List& list) {
  const Now now = look_around(context);
  const auto& sas = context.engine.sas().sas();
  const Generation g = context.engine.versions().published();
  return slot_page(list, sas.slot_count(), [&](Slot slot) -> std::optional<nlohmann::json> {
    const SaEntry* entry = sas.at(slot, g);
    if (entry == nullptr || entry->sa == nullptr) return std::nullopt;
    return to_row_json(row_of(*entry, now));
  });
}

nlohmann::json list_groups(const HandlerContext& context, const List& list) {
  const auto& sas = context.engine.sas().sas();
  const Generation g = context.engine.versions().published();
  return slot_page(list, sas.slot_count(), [&](Slot slot) -> std::optional<nlohmann::json> {
    const SaEntry* entry = sas.at(slot, g);
    // A group stands where its first SA does.
    if (entry == nullptr || entry->sa == nullptr || !entry->grouped || entry->place != 0) return std::nullopt;
    return to_row_json(GroupRow{ids_of(*entry->group)});
  });
}

nlohmann::json list_eroutes(const HandlerContext& context, const List& list) {
  SaTables& tables = context.engine.sas();
  const ErouteTable& eroutes = tables.eroutes();
  const Generation g = context.engine.versions().published();
  return slot_page(list, eroutes.slot_count(), [&](Slot slot) -> std::optional<nlohmann::json> {
    const Eroute* eroute = eroutes.at(slot, g);
    if (eroute == nullptr) return std::nullopt;
    ErouteRow row{eroute->selector, eroute->target, eroutes.packets(slot), {}};
    const ErouteVerdict verdict = tables.resolve(*eroute, g);
    if (verdict.action == ErouteAction::kProtect) row.group = ids_of(*verdict.group);
    return to_row_json(row);
  });
}

}  // namespace spigrp
